-- name: find_closed_month
-- The last month that is closed; NULL while none is. Binds :account.
SELECT MAX(month) FROM period_close WHERE account = :account

-- name: find_closing
-- When the books learned that a month is closed, by itself or by a later one; NULL while it is
-- open. Binds :account, :month.
SELECT MIN(s.sealed_at)
FROM period_close p JOIN seal s ON s.account = p.account AND s.batch_no = p.batch_no
WHERE p.account = :account AND p.month >= :month

-- name: close_month
-- Close a month, as a fact of a batch; its key refuses a second time. Binds :account, :month,
-- :batch_no.
INSERT INTO period_close (account, month, batch_no)
VALUES (:account, :month, :batch_no)
