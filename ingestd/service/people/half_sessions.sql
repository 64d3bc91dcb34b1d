-- name: insert_half_session
-- Remember who owes a code by the hash of a secret. Binds :token_hash, :user_no, :begun_at.
INSERT INTO console_half_session (token_hash, user_no, begun_at)
VALUES (:token_hash, :user_no, :begun_at)

-- name: find_half_session
-- Who owes a code, if that began late enough and was not tried too often. Binds :token_hash,
-- :begun_after, :tries_max.
SELECT h.user_no
FROM console_half_session h
WHERE h.token_hash = :token_hash AND h.begun_at > :begun_after AND h.tries < :tries_max

-- name: count_try
-- A code is tried, unless that was done too often. Binds :token_hash, :tries_max.
UPDATE console_half_session
SET tries = tries + 1
WHERE token_hash = :token_hash AND tries < :tries_max

-- name: delete_half_session
-- Nobody owes a code any more. Binds :token_hash.
DELETE FROM console_half_session
WHERE token_hash = :token_hash

-- name: delete_half_sessions_of
-- Let a user begin anew. Binds :user_no.
DELETE FROM console_half_session
WHERE user_no = :user_no

-- name: delete_late
-- Forget who never gave a code. Binds :begun_after.
DELETE FROM console_half_session
WHERE begun_at <= :begun_after
