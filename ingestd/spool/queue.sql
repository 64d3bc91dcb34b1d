-- name: insert_upload
-- Put an upload into the queue; nothing when it is there already, unless it was only announced, and
-- is claimed now, or renamed. It comes behind all of its account that are open, where it is in the
-- archive of all nodes: else the time of its arrival counts. Binds :account, :upload_id, :filename,
-- :format, :source, :size_bytes, :sha256, :received_at, :peer, :session_id, :key_fingerprint,
-- :client_version, :sent_by, :node, :verdict, :archived, :next_try_at.
INSERT INTO upload (account, upload_id, filename, format, source, size_bytes, sha256, received_at,
  peer, session_id, key_fingerprint, client_version, sent_by, node, verdict, state, archived,
  next_try_at, arrival_no)
VALUES (:account, :upload_id, :filename, :format, :source, :size_bytes, :sha256, :received_at,
  :peer, :session_id, :key_fingerprint, :client_version, :sent_by, :node, :verdict, 'waiting',
  :archived, :next_try_at,
  CASE WHEN CAST(:archived AS BIGINT) = 0 THEN 0 ELSE 1 + COALESCE((
    SELECT MAX(e.arrival_no) FROM upload e
    WHERE e.account = :account AND e.state IN ('waiting', 'working')), 0) END)
ON CONFLICT (account, upload_id) DO UPDATE
SET filename = excluded.filename, format = excluded.format, verdict = excluded.verdict,
  next_try_at = excluded.next_try_at
WHERE upload.state = 'waiting' AND upload.claim_token = 0 AND upload.next_try_at > 0

-- name: withdraw_upload
-- Remove an upload that was announced, and that nobody has claimed; nothing when somebody has.
-- Binds :account, :upload_id.
DELETE FROM upload
WHERE account = :account AND upload_id = :upload_id
  AND state = 'waiting' AND claim_token = 0 AND next_try_at > 0

-- name: lease_next
-- Take the next upload of all accounts that is due on a node: one of its own, or, where :shares is
-- 1, one in the archive that nobody else has taken for a while. Each account's files go one at a
-- time, in the order in which they arrived: one with an earlier file that is not done is not due.
-- Nothing waits longer than the longest pause: a clock that was set back is not to keep a file
-- waiting for years. The choice is materialised: were PostgreSQL to run it anew for each row that
-- it compares, the rows that it had taken by then would not count, and it would take several.
-- Binds :node, :shares, :owner, :now, :long_ago, :latest, the end of the longest pause, and
-- :expires_at.
WITH chosen AS MATERIALIZED (
  SELECT u.account, u.upload_id
  FROM upload u
  WHERE (u.node = :node OR (u.archived = 1 AND :shares = 1))
    AND (u.next_try_at <= :now OR u.next_try_at > :latest)
    AND (u.state = 'waiting' OR (u.state = 'working' AND u.lease_expires_at < :now))
    AND (u.node = :node OR u.next_try_at > :latest
      OR GREATEST(u.next_try_at, u.lease_expires_at) < :long_ago)
    AND NOT EXISTS (
      SELECT 1 FROM upload e
      WHERE e.account = u.account AND (e.node = u.node OR e.archived = 1)
        AND e.state IN ('waiting', 'working')
        AND (e.arrival_no, e.received_at, e.upload_id)
          < (u.arrival_no, u.received_at, u.upload_id))
  ORDER BY u.received_at, u.upload_id
  LIMIT 1
  FOR UPDATE SKIP LOCKED
)
UPDATE upload
SET state = 'working', owner = :owner, node = :node, claim_token = claim_token + 1,
  lease_expires_at = :expires_at, records_done = 0
WHERE (account, upload_id) IN (SELECT account, upload_id FROM chosen)
RETURNING account, upload_id, filename, format, source, size_bytes, sha256, received_at, peer,
  session_id, key_fingerprint, client_version, sent_by, node, state, status, owner, claim_token,
  attempts, waits, last_error, verdict, records_done, delivered, archived

-- name: lease_upload
-- Take one upload, whoever had it before; nothing when it has its outcome already. Binds :account,
-- :upload_id, :owner, :expires_at.
UPDATE upload
SET state = 'working', owner = :owner, claim_token = claim_token + 1,
  lease_expires_at = :expires_at
WHERE account = :account AND upload_id = :upload_id AND state <> 'done'
RETURNING account, upload_id, filename, format, source, size_bytes, sha256, received_at, peer,
  session_id, key_fingerprint, client_version, sent_by, node, state, status, owner, claim_token,
  attempts, waits, last_error, verdict, records_done, delivered, archived

-- name: renew_lease
-- Keep an upload for longer and note how far it is; nothing when the claim passed to another.
-- Binds :account, :upload_id, :claim_token, :expires_at, :records.
UPDATE upload
SET lease_expires_at = :expires_at, records_done = :records
WHERE account = :account AND upload_id = :upload_id
  AND state = 'working' AND claim_token = :claim_token

-- name: mark_done
-- Say that an upload has its outcome; nothing when the claim passed to another. Binds :account,
-- :upload_id, :claim_token, :status.
UPDATE upload
SET state = 'done', status = :status, last_error = NULL
WHERE account = :account AND upload_id = :upload_id
  AND state = 'working' AND claim_token = :claim_token

-- name: put_back
-- Give an upload back after a fault that came of itself, to be tried again or to wait for an
-- operator. Binds :account, :upload_id, :claim_token, :state, :next_try_at, :error.
UPDATE upload
SET state = :state, attempts = attempts + 1, next_try_at = :next_try_at, last_error = :error
WHERE account = :account AND upload_id = :upload_id
  AND state = 'working' AND claim_token = :claim_token

-- name: wait_for_world
-- Give an upload back because the world is in its way: the try does not count. Binds :account,
-- :upload_id, :claim_token, :next_try_at, :error.
UPDATE upload
SET state = 'waiting', waits = waits + 1, next_try_at = :next_try_at, last_error = :error
WHERE account = :account AND upload_id = :upload_id
  AND state = 'working' AND claim_token = :claim_token

-- name: hand_back
-- Give an upload back untried. Binds :account, :upload_id, :claim_token.
UPDATE upload
SET state = 'waiting'
WHERE account = :account AND upload_id = :upload_id
  AND state = 'working' AND claim_token = :claim_token

-- name: release_leases
-- Free the uploads of all accounts that a node was working on when it died; one that was among
-- them too often waits for an operator. Binds :node, :deaths_max.
UPDATE upload
SET last_error = 'the daemon died while it worked on the file', deaths = deaths + 1,
  state = CASE WHEN deaths + 1 >= :deaths_max THEN 'failed' ELSE 'waiting' END
WHERE node = :node AND state = 'working'

-- name: retry
-- Let an upload that failed be tried again at once; nothing when it had not failed. Binds :account,
-- :upload_id.
UPDATE upload
SET state = 'waiting', attempts = 0, waits = 0, deaths = 0, next_try_at = 0
WHERE account = :account AND upload_id = :upload_id
  AND (state = 'failed' OR (state = 'waiting' AND next_try_at > 0))

-- name: give_up
-- Let an upload end by a verdict, without its bytes, on another node; nothing when somebody has
-- taken it meanwhile. Binds :account, :upload_id, :claim_token, :node, :verdict.
UPDATE upload
SET state = 'waiting', node = :node, verdict = :verdict, claim_token = claim_token + 1,
  next_try_at = 0
WHERE account = :account AND upload_id = :upload_id
  AND state <> 'done' AND claim_token = :claim_token

-- name: list_kept_by_nodes
-- The uploads of an account without an outcome whose bytes one node alone has, oldest first. Binds
-- :account.
SELECT account, upload_id, filename, format, source, size_bytes, sha256, received_at, peer,
  session_id, key_fingerprint, client_version, sent_by, node, state, status, owner, claim_token,
  attempts, waits, last_error, verdict, records_done, delivered, archived
FROM upload
WHERE account = :account AND state <> 'done' AND archived = 0 AND verdict IS NULL
ORDER BY received_at, upload_id

-- name: adopt
-- Let any node process an upload whose bytes are in the archive; nothing when it has its outcome.
-- Whoever held it before commits nothing. Binds :account, :upload_id.
UPDATE upload
SET state = 'waiting', archived = 1, claim_token = claim_token + 1, next_try_at = 0,
  lease_expires_at = 0
WHERE account = :account AND upload_id = :upload_id AND state <> 'done' AND archived = 0

-- name: find_undelivered
-- The uploads of all accounts that have an outcome on a node, but not all of it in its place, in
-- the order in which they arrived. Binds :node, :limit.
SELECT account, upload_id, filename, format, source, size_bytes, sha256, received_at, peer,
  session_id, key_fingerprint, client_version, sent_by, node, state, status, owner, claim_token,
  attempts, waits, last_error, verdict, records_done, delivered, archived
FROM upload /* sqlite: INDEXED BY ix_upload_delivered */
WHERE delivered = 0 AND state = 'done' AND node = :node
ORDER BY received_at, upload_id
LIMIT :limit

-- name: mark_delivered
-- Say that an upload's receipt can be fetched and its file is archived, in the archive of all nodes
-- or in this one's. Binds :account, :upload_id, :archived.
UPDATE upload
SET delivered = 1, archived = :archived
WHERE account = :account AND upload_id = :upload_id

-- name: find_upload
-- One upload and how far it is. Binds :account, :upload_id.
SELECT account, upload_id, filename, format, source, size_bytes, sha256, received_at, peer,
  session_id, key_fingerprint, client_version, sent_by, node, state, status, owner, claim_token,
  attempts, waits, last_error, verdict, records_done, delivered, archived
FROM upload
WHERE account = :account AND upload_id = :upload_id

-- name: knows_upload
-- A row when the queue has ever held an upload. Binds :account, :upload_id.
SELECT 1 AS known
FROM upload
WHERE account = :account AND upload_id = :upload_id

-- name: list_uploads
-- An account's uploads, the latest first: those with a status, which is a receipt's or, before
-- there is one, a state of the queue; all where :any_status is 1. Binds :account, :status, :limit.
SELECT account, upload_id, filename, format, source, size_bytes, sha256, received_at, peer,
  session_id, key_fingerprint, client_version, sent_by, node, state, status, owner, claim_token,
  attempts, waits, last_error, verdict, records_done, delivered, archived
FROM upload
WHERE account = :account AND (:any_status = 1 OR COALESCE(status, state) = :status)
ORDER BY received_at DESC, upload_id DESC
LIMIT :limit

-- name: count_open
-- How many uploads of all accounts wait or are worked on, on a node, and how many failed there.
-- Binds :node.
SELECT COALESCE(SUM(CASE WHEN state = 'failed' THEN 0 ELSE 1 END), 0) AS waiting,
  COALESCE(SUM(CASE WHEN state = 'failed' THEN 1 ELSE 0 END), 0) AS failed
FROM upload
WHERE node = :node AND state IN ('waiting', 'working', 'failed')
