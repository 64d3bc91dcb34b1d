-- name: add_totals
-- Store what a batch's postings come to, and return each sum. What differs most stands first in
-- GROUP BY: the rows are sorted, and most comparisons end there. Binds :account, :batch_no,
-- :postings_before.
INSERT INTO batch_total (account, batch_no, effective_on, debit_account, credit_account,
  product_no, postings, amount)
SELECT CAST(:account AS TEXT), :batch_no, p.effective_on, p.debit_account, p.credit_account,
  COALESCE(p.product_no, 0), COUNT(*), SUM(p.amount)
FROM posting p
WHERE p.account = :account AND p.batch_no = :batch_no AND p.posting_no > :postings_before
GROUP BY p.product_no, p.effective_on, p.debit_account, p.credit_account
RETURNING amount

-- name: add_to_balances
-- Add to each party's balance what a batch's postings do to it. Binds :account, :batch_no,
-- :postings_before.
INSERT INTO party_balance (account, party_no, credit_account, postings, balance)
SELECT CAST(:account AS TEXT), m.party_no, m.credit_account, COUNT(*), SUM(m.amount)
FROM balance_move m
WHERE m.account = :account AND m.batch_no = :batch_no AND m.posting_no > :postings_before
GROUP BY m.party_no, m.credit_account
ON CONFLICT (account, party_no, credit_account) DO UPDATE
SET postings = party_balance.postings + excluded.postings,
  balance = party_balance.balance + excluded.balance
