-- name: add_up_days
-- What was charged on each of the days asked for, and what money came in, by the totals of batches:
-- a charge moves deferred revenue (2100) and tax (2110) to a receivable (1100, 1110); money comes
-- to the bank (1000) or the till (1060) from elsewhere. Payouts (2060) that came back are none.
-- Binds :account, :since, :until.
SELECT p.effective_on AS day,
  SUM(CASE WHEN p.credit_account IN (2100, 2110) AND p.debit_account IN (1100, 1110)
    THEN p.amount ELSE 0 END) AS charged,
  SUM(CASE WHEN p.debit_account IN (1000, 1060) AND p.credit_account NOT IN (1000, 1060)
    AND p.credit_account <> 2060 THEN p.amount ELSE 0 END) AS came
FROM batch_total p
WHERE p.account = :account AND p.effective_on >= :since AND p.effective_on <= :until
GROUP BY p.effective_on
ORDER BY p.effective_on

-- name: count_files
-- How many files ended in each state. Binds :account.
SELECT f.status, COUNT(*) AS files
FROM file_outcome f
WHERE f.account = :account
GROUP BY f.status
ORDER BY f.status
