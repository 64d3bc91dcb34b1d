-- name: insert_audit
-- Keep what somebody did. Binds :audit_id, :occurred_at, :done_by, :via, :deed, :account, :subject,
-- :detail.
INSERT INTO console_audit (
  audit_id, occurred_at, done_by, via, deed, account, subject, detail
)
VALUES (
  :audit_id, :occurred_at, :done_by, :via, :deed, :account, :subject, :detail
)

-- name: list_audit
-- What people did, the newest first, before one of them. Binds :before, :done_by, :subject, :deed,
-- :account, :limit.
SELECT a.audit_id, a.occurred_at, a.done_by, a.via, a.deed, a.account, a.subject, a.detail
FROM console_audit a
WHERE a.audit_id < :before
  AND (CAST(:done_by AS TEXT) IS NULL OR a.done_by = :done_by)
  AND (CAST(:subject AS TEXT) IS NULL OR a.subject = :subject)
  AND (CAST(:deed AS TEXT) IS NULL OR a.deed = :deed)
  AND (CAST(:account AS TEXT) IS NULL OR a.account = :account)
ORDER BY a.audit_id DESC
LIMIT :limit
