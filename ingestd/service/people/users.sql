-- name: insert_user
-- Add a user; nothing happens where one is called so already. Binds :name, :email, :created_at,
-- :created_by.
INSERT INTO console_user (user_no, name, email, created_at, created_by)
SELECT COALESCE(MAX(u.user_no), 0) + 1, CAST(:name AS TEXT), CAST(:email AS TEXT),
  CAST(:created_at AS BIGINT), CAST(:created_by AS TEXT)
FROM console_user u
HAVING NOT EXISTS (SELECT 1 FROM console_user x WHERE x.name = :name)

-- name: find_user
-- A user by name. Binds :name.
SELECT u.user_no, u.name, u.email, u.password_hash, u.is_disabled, u.signed_in_at,
  COALESCE(t.is_on, 0) AS has_totp
FROM console_user u
  LEFT JOIN console_totp t ON t.user_no = u.user_no
WHERE u.name = :name

-- name: find_user_by_number
-- A user by number. Binds :user_no.
SELECT u.user_no, u.name, u.email, u.password_hash, u.is_disabled, u.signed_in_at,
  COALESCE(t.is_on, 0) AS has_totp
FROM console_user u
  LEFT JOIN console_totp t ON t.user_no = u.user_no
WHERE u.user_no = :user_no

-- name: list_users
-- Every user, by name.
SELECT u.user_no, u.name, u.email, u.password_hash, u.is_disabled, u.signed_in_at,
  COALESCE(t.is_on, 0) AS has_totp
FROM console_user u
  LEFT JOIN console_totp t ON t.user_no = u.user_no
ORDER BY u.name

-- name: find_roles
-- Who has which roles; an empty account stands for the whole installation.
SELECT r.user_no, r.role, r.account
FROM console_role r
ORDER BY r.user_no, r.role, r.account

-- name: delete_roles
-- Take a user's roles. Binds :user_no.
DELETE FROM console_role
WHERE user_no = :user_no

-- name: insert_role
-- Give a user a role. Binds :user_no, :role, :account.
INSERT INTO console_role (user_no, role, account)
VALUES (:user_no, :role, :account)

-- name: set_disabled
-- Let a user in no more, or again. Binds :user_no, :is_disabled.
UPDATE console_user
SET is_disabled = :is_disabled
WHERE user_no = :user_no

-- name: set_password
-- Give a user a password's hash, or none. Binds :user_no, :password_hash.
UPDATE console_user
SET password_hash = :password_hash
WHERE user_no = :user_no

-- name: set_email
-- Note where a user is reached, or nowhere. Binds :user_no, :email.
UPDATE console_user
SET email = :email
WHERE user_no = :user_no

-- name: set_signed_in
-- A user came in. Binds :user_no, :signed_in_at.
UPDATE console_user
SET signed_in_at = :signed_in_at
WHERE user_no = :user_no

-- name: lock_admins
-- Every admin who may sign in, held until the transaction ends: two admins who take each other's
-- right come one after the other.
SELECT u.user_no
FROM console_user u
WHERE u.is_disabled = 0
  AND u.user_no IN (SELECT r.user_no FROM console_role r WHERE r.role = 'admin')
ORDER BY u.user_no
FOR UPDATE
