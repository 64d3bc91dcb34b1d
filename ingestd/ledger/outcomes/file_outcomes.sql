-- name: insert_rejected_rows
-- The rows that were rejected, in runs: one after the other, on lines one after the other.
-- Binds :account, :upload_id.
INSERT INTO row_outcome (account, upload_id, row, row_count, line, outcome)
SELECT CAST(:account AS TEXT), CAST(:upload_id AS TEXT), MIN(j.row), COUNT(*), MIN(j.line),
  'rejected'
FROM (
  SELECT row, line, row - ROW_NUMBER() OVER (PARTITION BY line - row ORDER BY row) AS run
  FROM stage_rejected
) j
GROUP BY j.line - j.row, j.run
ORDER BY 3

-- name: learn_charges
-- A row that repeats another of its own file learns its charge only now. Binds :account,
-- :batch_no.
UPDATE stage_repeat
SET earlier_batch_no = COALESCE(earlier_batch_no, CAST(:batch_no AS BIGINT)),
  earlier_no = (SELECT k.charge_no FROM charge_key k
    WHERE k.account = :account AND k.tracking_id = stage_repeat.row_key)
WHERE earlier_no IS NULL

-- name: insert_repeats_of_charges
-- The rows that repeat or contradict charges or refunds, in runs: one after the other, of charges
-- numbered one after the other that one batch had. A run starts where the row above is of none or
-- of another, and ends with the last row before the next one. Binds :account, :upload_id.
INSERT INTO row_outcome (account, upload_id, row, row_count, line, outcome, earlier_batch_no,
  charge_no)
SELECT CAST(:account AS TEXT), CAST(:upload_id AS TEXT), j.row,
  (SELECT MAX(e.row) FROM stage_repeat e
    WHERE e.row < COALESCE(j.next_row, 9223372036854775807)) - j.row + 1,
  j.line, j.outcome, j.earlier_batch_no, j.earlier_no
FROM (
  SELECT s.row, s.line, s.outcome, s.earlier_batch_no, s.earlier_no,
    LEAD(s.row) OVER (ORDER BY s.row) AS next_row
  FROM stage_repeat s
    LEFT JOIN stage_repeat p ON p.row = s.row - 1 AND p.line = s.line - 1
      AND p.outcome = s.outcome AND p.earlier_batch_no = s.earlier_batch_no
      AND COALESCE(p.earlier_no, -1) = COALESCE(s.earlier_no - 1, -1)
  WHERE p.row IS NULL
) j
ORDER BY j.row

-- name: learn_payments
-- A row that repeats another of its own file learns its payment only now. Binds :account,
-- :batch_no.
UPDATE stage_repeat
SET earlier_batch_no = COALESCE(earlier_batch_no, CAST(:batch_no AS BIGINT)),
  earlier_no = (SELECT p.payment_no FROM payment p
    WHERE p.account = :account AND p.payment_id = stage_repeat.row_key)
WHERE earlier_no IS NULL

-- name: insert_repeats_of_payments
-- The rows that repeat or contradict payments, in runs: one after the other, of payments
-- numbered one after the other that one batch had. A run starts where the row above is of none or
-- of another, and ends with the last row before the next one. Binds :account, :upload_id.
INSERT INTO row_outcome (account, upload_id, row, row_count, line, outcome, earlier_batch_no,
  payment_no)
SELECT CAST(:account AS TEXT), CAST(:upload_id AS TEXT), j.row,
  (SELECT MAX(e.row) FROM stage_repeat e
    WHERE e.row < COALESCE(j.next_row, 9223372036854775807)) - j.row + 1,
  j.line, j.outcome, j.earlier_batch_no, j.earlier_no
FROM (
  SELECT s.row, s.line, s.outcome, s.earlier_batch_no, s.earlier_no,
    LEAD(s.row) OVER (ORDER BY s.row) AS next_row
  FROM stage_repeat s
    LEFT JOIN stage_repeat p ON p.row = s.row - 1 AND p.line = s.line - 1
      AND p.outcome = s.outcome AND p.earlier_batch_no = s.earlier_batch_no
      AND COALESCE(p.earlier_no, -1) = COALESCE(s.earlier_no - 1, -1)
  WHERE p.row IS NULL
) j
ORDER BY j.row

-- name: insert_file_outcome
-- What became of a file, as a fact of a batch. Binds :account, :upload_id, :batch_no, :filename,
-- :format, :source, :sha256, :size_bytes, :received_at, :finished_at, :peer, :session_id,
-- :key_fingerprint, :client_version, :sent_by, :node, :location, :status, :records, :applied,
-- :duplicate, :conflict, :rejected, :applied_amount, :findings.
INSERT INTO file_outcome (account, upload_id, batch_no, filename, format, source, sha256,
  size_bytes, received_at, finished_at, peer, session_id, key_fingerprint, client_version, sent_by,
  node, location, status, records, applied, duplicate, conflict, rejected, applied_amount, findings)
VALUES (:account, :upload_id, :batch_no, :filename, :format, :source, :sha256,
  :size_bytes, :received_at, :finished_at, :peer, :session_id, :key_fingerprint, :client_version,
  :sent_by, :node, :location, :status, :records, :applied, :duplicate, :conflict, :rejected,
  :applied_amount, :findings)

-- name: find_file_outcome
-- What became of an upload, and the first upload of the same bytes that was finished before it; no
-- row while it is open. Binds :account, :upload_id.
SELECT o.filename, o.format, o.source, o.size_bytes, o.sha256, o.received_at, o.peer,
  o.session_id, o.key_fingerprint, o.client_version, o.sent_by, o.node, o.location, o.finished_at,
  o.status, o.records, o.applied, o.duplicate, o.conflict, o.rejected, o.applied_amount, o.findings,
  (SELECT MIN(e.upload_id)
    FROM file_outcome e /* sqlite: INDEXED BY ix_file_outcome_sha256 */
    WHERE e.account = o.account AND e.sha256 = o.sha256 AND e.batch_no < o.batch_no
  ) AS same_bytes_as
FROM file_outcome o
WHERE o.account = :account AND o.upload_id = :upload_id

-- name: find_earlier_uploads
-- Which uploads had applied what an upload's duplicates repeat, and how many each; the upload
-- itself is left out, as a row that stands in it twice has a finding of its own.
-- Binds :account, :upload_id.
SELECT b.upload_id, f.filename, SUM(o.row_count) AS repeats
FROM row_outcome o
  JOIN seal b ON b.account = o.account AND b.batch_no = o.earlier_batch_no
  LEFT JOIN file_outcome f ON f.account = b.account AND f.upload_id = b.upload_id
WHERE o.account = :account AND o.upload_id = :upload_id AND o.outcome = 'duplicate'
  AND COALESCE(b.upload_id, '') <> :upload_id
GROUP BY b.upload_id, f.filename
ORDER BY COALESCE(b.upload_id, '')
