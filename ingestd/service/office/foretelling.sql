-- name: add_up_movements
-- What the lines numbered above :postings_before come to, by the accounts between which they move
-- it. Binds :account.
SELECT p.debit_account, p.credit_account, COUNT(*) AS lines, SUM(p.amount) AS amount
FROM posting p
WHERE p.account = :account AND p.posting_no > :postings_before
GROUP BY p.debit_account, p.credit_account
ORDER BY MIN(p.posting_no)
