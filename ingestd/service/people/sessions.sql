-- name: insert_session
-- Remember a session by the hash of its secret. Binds :token_hash, :user_no, :begun_at, :seen_at.
INSERT INTO console_session (token_hash, user_no, begun_at, seen_at)
VALUES (:token_hash, :user_no, :begun_at, :seen_at)

-- name: find_session
-- A session that began and was seen late enough. Binds :token_hash, :begun_after, :seen_after.
SELECT s.user_no, s.seen_at
FROM console_session s
WHERE s.token_hash = :token_hash AND s.begun_at > :begun_after AND s.seen_at > :seen_after

-- name: see_session
-- The session was used. Binds :token_hash, :seen_at.
UPDATE console_session
SET seen_at = :seen_at
WHERE token_hash = :token_hash

-- name: delete_session
-- End a session. Binds :token_hash.
DELETE FROM console_session
WHERE token_hash = :token_hash

-- name: delete_sessions_of
-- End every session of a user. Binds :user_no.
DELETE FROM console_session
WHERE user_no = :user_no

-- name: delete_ended
-- Forget sessions that have come to their end. Binds :begun_after, :seen_after.
DELETE FROM console_session
WHERE begun_at <= :begun_after OR seen_at <= :seen_after
