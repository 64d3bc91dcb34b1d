-- name: find_uploads
-- The uploads of some accounts that are sought, the newest first, before one of them. Binds
-- :accounts, :name, :any_state, :state, :any_format, :formats, :since, :until, :first_id, :before,
-- :limit.
SELECT u.account, u.upload_id, u.filename, u.format, u.source, u.sent_by, u.size_bytes,
  u.received_at, COALESCE(u.status, u.state) AS state, u.records_done, o.records AS rows,
  o.applied, o.duplicate, o.conflict, o.rejected, o.findings, o.applied_amount,
  u.last_error AS error
FROM upload u
  LEFT JOIN file_outcome o ON o.account = u.account AND o.upload_id = u.upload_id
WHERE u.account IN (:accounts) AND u.upload_id < :before AND u.upload_id >= :first_id
  AND u.received_at >= :since AND u.received_at < :until
  AND LOWER(u.filename) LIKE :name ESCAPE '!'
  AND (:any_state = 1 OR COALESCE(u.status, u.state) = :state)
  AND (:any_format = 1 OR u.format IN (:formats))
ORDER BY u.upload_id DESC
LIMIT :limit

-- name: count_states
-- How many of the uploads of some accounts that are sought are how far. Binds :accounts, :name,
-- :any_format, :formats, :since, :until, :first_id.
SELECT COALESCE(u.status, u.state) AS how_far, COUNT(*) AS uploads
FROM upload u
WHERE u.account IN (:accounts) AND u.upload_id >= :first_id
  AND u.received_at >= :since AND u.received_at < :until
  AND LOWER(u.filename) LIKE :name ESCAPE '!'
  AND (:any_format = 1 OR u.format IN (:formats))
GROUP BY COALESCE(u.status, u.state)

-- name: count_states_of_accounts
-- How many uploads of some accounts, each account's apart, that were received between two instants
-- are how far. Binds :accounts, :since, :until, :first_id.
SELECT u.account, COALESCE(u.status, u.state) AS how_far, COUNT(*) AS uploads
FROM upload u
WHERE u.account IN (:accounts) AND u.upload_id >= :first_id
  AND u.received_at >= :since AND u.received_at < :until
GROUP BY u.account, COALESCE(u.status, u.state)

-- name: count_failed
-- How many uploads of some accounts have failed, each account's apart. Binds :accounts.
SELECT u.account, COUNT(*) AS uploads
FROM upload u /* sqlite: INDEXED BY ix_upload_state_received_at */
WHERE u.state = 'failed' AND u.account IN (:accounts)
GROUP BY u.account
