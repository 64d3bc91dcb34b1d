-- name: find_newest
-- The last note that was signed. Binds :account.
SELECT note FROM checkpoint WHERE account = :account ORDER BY origin_no DESC, size DESC LIMIT 1
