-- name: find_bound
-- The user that an issuer's subject is. Binds :issuer, :subject.
SELECT i.user_no
FROM console_identity i
WHERE i.issuer = :issuer AND i.subject = :subject

-- name: bind
-- A subject is a user from now on, unless the user is another one of that issuer's already.
-- Binds :issuer, :subject, :user_no, :bound_at.
INSERT INTO console_identity (issuer, subject, user_no, bound_at)
SELECT CAST(:issuer AS TEXT), CAST(:subject AS TEXT), u.user_no, CAST(:bound_at AS BIGINT)
FROM console_user u
WHERE u.user_no = :user_no
  AND NOT EXISTS (
    SELECT 1 FROM console_identity i WHERE i.issuer = :issuer AND i.user_no = :user_no
  )

-- name: unbind
-- A user is nobody's subject any more. Binds :user_no.
DELETE FROM console_identity
WHERE user_no = :user_no
