-- name: find_unknown_charges
-- Refunds of what was never charged. Binds :account, :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'charge_unknown', 'row', s.row, s.line, 'charge_tracking_id', s.row_key, :message
FROM stage_refund s
WHERE NOT EXISTS (SELECT 1 FROM charge_key k
  WHERE k.account = :account AND k.tracking_id = s.row_key)

-- name: name_rows
-- The refunds that a finding says are not applied, by their charge's key and its student.
-- Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_named (row, row_key, party_code)
SELECT s.row, s.row_key, (SELECT p.party_code
  FROM charge_key k
    JOIN charge c ON c.account = k.account AND c.charge_no = k.charge_no
    JOIN party p ON p.account = c.account AND p.party_no = c.party_no AND p.kind = 'student'
  WHERE k.account = :account AND k.tracking_id = s.row_key)
FROM (SELECT DISTINCT row FROM stage_finding
    WHERE verdict <> 'warning' OR code = 'duplicate_in_file') f
  JOIN stage_refund s ON s.row = f.row
WHERE TRUE
ON CONFLICT DO NOTHING

-- name: forget_rejected
-- Rejected rows leave the stage.
DELETE FROM stage_refund WHERE row IN (SELECT row FROM stage_rejected)

-- name: find_repeats_of_ledger
-- Refunds of charges that were refunded before, with the same content or with other.
-- Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_repeat (row, line, row_key, outcome, earlier_no, earlier_batch_no)
SELECT s.row, s.line, s.row_key,
  CASE WHEN r.content_hash = s.content_hash THEN 'duplicate' ELSE 'conflict' END, r.charge_no,
  r.batch_no
FROM stage_refund s
  JOIN charge_key k ON k.account = :account AND k.tracking_id = s.row_key
  JOIN refund r ON r.account = :account AND r.charge_no = k.charge_no
ORDER BY s.row

-- name: find_conflicts_with_ledger
-- Where the earlier refund came from that a row contradicts; {upload} and {row} in the message.
-- Binds :account, :message.
-- sqlite: joins in this order
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'conflict', 'row', s.row, s.line, 'charge_tracking_id', s.row_key,
  REPLACE(REPLACE(:message, '{upload}', COALESCE(b.upload_id, '-')),
    '{row}', COALESCE(CAST(r.row AS TEXT), '-'))
FROM stage_repeat s
  JOIN refund r ON r.account = :account AND r.charge_no = s.earlier_no
  JOIN seal b ON b.account = r.account AND b.batch_no = r.batch_no
WHERE s.outcome = 'conflict'

-- name: find_repeats_in_file
-- Rows that refund the charge of an earlier row of the file; the first counts, unless the ledger
-- has its refund already.
-- sqlite: joins in this order
INSERT INTO stage_repeat (row, line, row_key, outcome, first_row)
SELECT s.row, s.line, s.row_key,
  CASE WHEN f.content_hash = s.content_hash THEN 'duplicate' ELSE 'conflict' END, f.row
FROM (SELECT row, MIN(row) OVER (PARTITION BY row_key) AS first_row
  FROM stage_refund
  WHERE row_key IN (SELECT row_key FROM stage_refund GROUP BY row_key HAVING COUNT(*) > 1)) e
  JOIN stage_refund f ON f.row = e.first_row
  JOIN stage_refund s ON s.row = e.row
WHERE e.row > e.first_row
  AND NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = e.first_row)

-- name: insert_refunds
-- The refunds that repeat none, in the order of the file. :refunds is how many the books have.
-- Binds :account, :day, :batch_no too.
-- sqlite: joins in this order
INSERT INTO refund (account, refund_no, charge_no, content_hash, tx_item_rowid, note,
  effective_on, batch_no, row)
SELECT CAST(:account AS TEXT), :refunds + ROW_NUMBER() OVER (ORDER BY s.row),
  k.charge_no, s.content_hash, s.tx_item_rowid, s.note, CAST(:day AS BIGINT), :batch_no,
  s.row
FROM stage_refund s
  JOIN charge_key k ON k.account = :account AND k.tracking_id = s.row_key
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)
