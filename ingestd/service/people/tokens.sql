-- name: insert_token
-- Keep a token by the hash of its secret. Binds :token_id, :name, :token_hash, :scopes, :accounts,
-- :created_at, :created_by, :expires_at.
INSERT INTO console_token (
  token_id, name, token_hash, scopes, accounts, created_at, created_by, expires_at
)
VALUES (
  :token_id, :name, :token_hash, :scopes, :accounts, :created_at, :created_by, :expires_at
)

-- name: find_token
-- A token by its public id. Binds :token_id.
SELECT t.token_id, t.name, t.token_hash, t.scopes, t.accounts, t.created_at, t.created_by,
  t.expires_at, t.used_at, t.revoked_at, t.revoked_by
FROM console_token t
WHERE t.token_id = :token_id

-- name: list_tokens
-- Every token, the newest first.
SELECT t.token_id, t.name, t.scopes, t.accounts, t.created_at, t.created_by, t.expires_at,
  t.used_at, t.revoked_at, t.revoked_by
FROM console_token t
ORDER BY t.created_at DESC, t.token_id

-- name: revoke_token
-- Let a token open nothing. Binds :token_id, :revoked_at, :revoked_by.
UPDATE console_token
SET revoked_at = :revoked_at, revoked_by = :revoked_by
WHERE token_id = :token_id

-- name: see_token
-- A token was used. Binds :token_id, :used_at.
UPDATE console_token
SET used_at = :used_at
WHERE token_id = :token_id
