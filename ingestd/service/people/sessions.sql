-- name: insert_session
-- Remember a session by the hash of its secret. Binds :token_hash, :user_no, :begun_at, :seen_at,
-- :peer.
INSERT INTO console_session (token_hash, user_no, begun_at, seen_at, peer)
VALUES (:token_hash, :user_no, :begun_at, :seen_at, :peer)

-- name: find_session
-- A session that began and was seen late enough. Binds :token_hash, :begun_after, :seen_after.
SELECT s.user_no, s.seen_at
FROM console_session s
WHERE s.token_hash = :token_hash AND s.begun_at > :begun_after AND s.seen_at > :seen_after

-- name: find_owner
-- Whose session it is, whether it has ended by itself or not. Binds :token_hash.
SELECT s.user_no
FROM console_session s
WHERE s.token_hash = :token_hash

-- name: list_sessions
-- A user's sessions that began and were seen late enough, the newest first. Binds :user_no,
-- :begun_after, :seen_after.
SELECT s.token_hash, s.begun_at, s.seen_at, s.peer
FROM console_session s
WHERE s.user_no = :user_no AND s.begun_at > :begun_after AND s.seen_at > :seen_after
ORDER BY s.begun_at DESC, s.token_hash

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

-- name: delete_other_sessions
-- End every session of a user but one. Binds :user_no, :token_hash.
DELETE FROM console_session
WHERE user_no = :user_no AND token_hash <> :token_hash

-- name: delete_ended
-- Forget sessions that have come to their end. Binds :begun_after, :seen_after.
DELETE FROM console_session
WHERE begun_at <= :begun_after OR seen_at <= :seen_after
