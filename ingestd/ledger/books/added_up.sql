-- name: add_staged_totals
-- As `add_totals`, of postings that were added up already. Binds :account, :batch_no.
INSERT INTO batch_total (account, batch_no, effective_on, debit_account, credit_account,
  product_no, postings, amount)
SELECT CAST(:account AS TEXT), :batch_no, s.effective_on, s.debit_account, s.credit_account,
  s.product_no, s.postings, s.amount
FROM stage_total s
ORDER BY s.effective_on, s.debit_account, s.product_no

-- name: add_to_staged_balances
-- As `add_to_balances`, of postings that were added up already. Binds :account.
INSERT INTO party_balance (account, party_no, credit_account, postings, balance)
SELECT CAST(:account AS TEXT), s.party_no, s.credit_account, s.postings, s.balance
FROM stage_balance s
WHERE TRUE
ON CONFLICT (account, party_no, credit_account) DO UPDATE
SET postings = party_balance.postings + excluded.postings,
  balance = party_balance.balance + excluded.balance
