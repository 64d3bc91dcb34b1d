-- name: insert_rejected_rows
-- The verdict on each row that was rejected. Binds :account, :upload_id.
INSERT INTO row_outcome (account, upload_id, row, line, outcome)
SELECT CAST(:account AS TEXT), CAST(:upload_id AS TEXT), j.row, j.line, 'rejected'
FROM stage_rejected j
ORDER BY j.row

-- name: insert_repeats_of_charges
-- The verdict on each row of charges or refunds that repeats or contradicts one, and the number of
-- its charge: a row that repeats another of its own file learns it only now.
-- Binds :account, :upload_id.
INSERT INTO row_outcome (account, upload_id, row, line, outcome, charge_no)
SELECT CAST(:account AS TEXT), CAST(:upload_id AS TEXT), r.row, r.line, r.outcome,
  COALESCE(r.earlier_no, (SELECT k.charge_no FROM charge_key k
    WHERE k.account = :account AND k.tracking_id = r.row_key))
FROM stage_repeat r
ORDER BY r.row

-- name: insert_repeats_of_payments
-- The verdict on each row that repeats or contradicts a payment, and that payment's number: a row
-- that repeats another of its own file learns it only now. Binds :account, :upload_id.
INSERT INTO row_outcome (account, upload_id, row, line, outcome, payment_no)
SELECT CAST(:account AS TEXT), CAST(:upload_id AS TEXT), r.row, r.line, r.outcome,
  COALESCE(r.earlier_no, (SELECT p.payment_no FROM payment p
    WHERE p.account = :account AND p.payment_id = r.row_key))
FROM stage_repeat r
ORDER BY r.row

-- name: insert_file_outcome
-- What became of a file, as a fact of a batch. Binds :account, :upload_id, :batch_no, :filename,
-- :format, :source, :sha256, :size_bytes, :received_at, :finished_at, :peer, :session_id,
-- :key_fingerprint, :client_version, :node, :status, :records, :applied, :duplicate, :conflict,
-- :rejected, :applied_amount, :findings.
INSERT INTO file_outcome (account, upload_id, batch_no, filename, format, source, sha256,
  size_bytes, received_at, finished_at, peer, session_id, key_fingerprint, client_version, node,
  status, records, applied, duplicate, conflict, rejected, applied_amount, findings)
VALUES (:account, :upload_id, :batch_no, :filename, :format, :source, :sha256,
  :size_bytes, :received_at, :finished_at, :peer, :session_id, :key_fingerprint, :client_version,
  :node, :status, :records, :applied, :duplicate, :conflict, :rejected, :applied_amount, :findings)

-- name: find_file_outcome
-- What became of an upload; no row while it is open. Binds :account, :upload_id.
SELECT filename, format, source, size_bytes, sha256, received_at, peer, session_id,
  key_fingerprint, client_version, node, finished_at, status, records, applied, duplicate,
  conflict, rejected, applied_amount, findings
FROM file_outcome
WHERE account = :account AND upload_id = :upload_id

-- name: find_uploads_of_charges
-- Which uploads had applied the charges that an upload's duplicates repeat, and how many each; the
-- upload itself is left out, as a row that stands in it twice has a finding of its own.
-- Binds :account, :upload_id.
SELECT f.upload_id, f.filename, COUNT(*) AS repeats
FROM row_outcome o
  LEFT JOIN charge c ON c.account = o.account AND c.charge_no = o.charge_no
  LEFT JOIN seal b ON b.account = c.account AND b.batch_no = c.batch_no
  LEFT JOIN file_outcome f ON f.account = b.account AND f.upload_id = b.upload_id
WHERE o.account = :account AND o.upload_id = :upload_id AND o.outcome = 'duplicate'
  AND COALESCE(f.upload_id, '') <> :upload_id
GROUP BY f.upload_id, f.filename
ORDER BY COALESCE(f.upload_id, '')

-- name: find_uploads_of_refunds
-- The same of refunds, which are found by the charge that they take back.
-- Binds :account, :upload_id.
SELECT f.upload_id, f.filename, COUNT(*) AS repeats
FROM row_outcome o
  LEFT JOIN refund r ON r.account = o.account AND r.charge_no = o.charge_no
  LEFT JOIN seal b ON b.account = r.account AND b.batch_no = r.batch_no
  LEFT JOIN file_outcome f ON f.account = b.account AND f.upload_id = b.upload_id
WHERE o.account = :account AND o.upload_id = :upload_id AND o.outcome = 'duplicate'
  AND COALESCE(f.upload_id, '') <> :upload_id
GROUP BY f.upload_id, f.filename
ORDER BY COALESCE(f.upload_id, '')

-- name: find_uploads_of_payments
-- The same of payments. Binds :account, :upload_id.
SELECT f.upload_id, f.filename, COUNT(*) AS repeats
FROM row_outcome o
  LEFT JOIN payment p ON p.account = o.account AND p.payment_no = o.payment_no
  LEFT JOIN seal b ON b.account = p.account AND b.batch_no = p.batch_no
  LEFT JOIN file_outcome f ON f.account = b.account AND f.upload_id = b.upload_id
WHERE o.account = :account AND o.upload_id = :upload_id AND o.outcome = 'duplicate'
  AND COALESCE(f.upload_id, '') <> :upload_id
GROUP BY f.upload_id, f.filename
ORDER BY COALESCE(f.upload_id, '')

-- name: find_same_bytes
-- The first upload of the same bytes that was finished before this one. Binds :account,
-- :upload_id, :sha256.
SELECT MIN(upload_id)
FROM file_outcome /* sqlite: INDEXED BY ix_file_outcome_sha256 */
WHERE account = :account AND sha256 = :sha256
  AND batch_no < (SELECT batch_no FROM file_outcome
    WHERE account = :account AND upload_id = :upload_id)
