-- name: delete_totp
-- Take what a user's codes are made from. Binds :user_no.
DELETE FROM console_totp
WHERE user_no = :user_no

-- name: insert_totp
-- Remember what codes are to be made from; it is not asked for yet. Binds :user_no, :secret.
INSERT INTO console_totp (user_no, secret)
VALUES (:user_no, :secret)

-- name: find_totp
-- What a user's codes are made from. Binds :user_no.
SELECT t.secret, t.is_on, t.last_step
FROM console_totp t
WHERE t.user_no = :user_no

-- name: use_step
-- A code of a half minute counts, unless one of it or of a later one did: of two that come at once
-- one finds it so. Binds :user_no, :step, :is_on.
UPDATE console_totp
SET last_step = :step, is_on = 1
WHERE user_no = :user_no AND last_step < :step AND is_on = :is_on

-- name: delete_recovery_codes
-- Take all recovery codes of a user. Binds :user_no.
DELETE FROM console_recovery_code
WHERE user_no = :user_no

-- name: insert_recovery_code
-- Remember a recovery code by its hash. Binds :user_no, :code_hash.
INSERT INTO console_recovery_code (user_no, code_hash)
VALUES (:user_no, :code_hash)

-- name: use_recovery_code
-- A recovery code counts once: it is gone with this. Binds :user_no, :code_hash.
DELETE FROM console_recovery_code
WHERE user_no = :user_no AND code_hash = :code_hash

-- name: count_recovery_codes
-- How many recovery codes a user has left. Binds :user_no.
SELECT COUNT(*)
FROM console_recovery_code c
WHERE c.user_no = :user_no
