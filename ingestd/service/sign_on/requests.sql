-- name: delete_late
-- Forget browsers that did not come back in time. Binds :now.
DELETE FROM console_oidc_request
WHERE expires_at <= :now

-- name: insert_request
-- A browser is sent to the issuer. Binds :state_hash, :browser_hash, :nonce, :verifier, :way,
-- :expires_at.
INSERT INTO console_oidc_request (state_hash, browser_hash, nonce, verifier, way, expires_at)
VALUES (:state_hash, :browser_hash, :nonce, :verifier, :way, :expires_at)

-- name: take_request
-- A browser comes back: of two that bring one state at once one finds it, and only the one that
-- was sent. Binds :state_hash, :browser_hash, :now.
DELETE FROM console_oidc_request
WHERE state_hash = :state_hash AND browser_hash = :browser_hash AND expires_at > :now
RETURNING nonce, verifier, way
