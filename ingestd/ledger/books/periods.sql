-- name: find_closed_month
-- The last month that is closed; NULL while none is. Binds :account.
SELECT MAX(month) FROM period_close WHERE account = :account

-- name: close_month
-- Close a month, as a fact of a batch; its key refuses a second time. Binds :account, :month,
-- :batch_no.
INSERT INTO period_close (account, month, batch_no)
VALUES (:account, :month, :batch_no)
