-- name: delete_links
-- Take the links of a user. Binds :user_no.
DELETE FROM console_link
WHERE user_no = :user_no

-- name: insert_link
-- Remember a link by the hash of its secret. Binds :token_hash, :user_no, :expires_at.
INSERT INTO console_link (token_hash, user_no, expires_at)
VALUES (:token_hash, :user_no, :expires_at)

-- name: find_link
-- Whose link a secret is, while it lasts. Binds :token_hash, :now.
SELECT l.user_no
FROM console_link l
WHERE l.token_hash = :token_hash AND l.expires_at > :now
