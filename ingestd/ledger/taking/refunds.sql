-- name: find_unknown_charges
-- Refunds of what was never charged. Binds :account, :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'charge_unknown', 'row', s.row, s.line, 'charge_tracking_id', s.row_key, :message
FROM stage_refund s
WHERE NOT EXISTS (SELECT 1 FROM charge_key k
  WHERE k.account = :account AND k.tracking_id = s.row_key)

-- name: find_written_off
-- Refunds of charges that were given up whole: nothing is left to be taken back. Binds :account,
-- :message.
-- sqlite: joins in this order
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'already_written_off', 'row', s.row, s.line, 'charge_tracking_id', s.row_key, :message
FROM stage_refund s
  JOIN charge_key k ON k.account = :account AND k.tracking_id = s.row_key
  JOIN charge_state t ON t.account = k.account AND t.charge_no = k.charge_no
WHERE t.written_off > 0 AND t.written_off = t.amount

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
-- Refunds that were made before with the same content, and refunds with other content of charges of
-- which nothing is left to be taken back: those contradict the last refund. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_repeat (row, line, row_key, outcome, earlier_no, earlier_batch_no)
SELECT x.row, x.line, x.row_key,
  CASE WHEN x.same_no IS NOT NULL THEN 'duplicate' ELSE 'conflict' END, r.charge_no, r.batch_no
FROM (
  SELECT s.row, s.line, s.row_key, c.amount - c.voided - c.written_off AS left_amount,
    (SELECT MAX(f.refund_no) FROM refund f /* sqlite: INDEXED BY ix_refund_charge_no */
      WHERE f.account = :account AND f.charge_no = k.charge_no
        AND f.content_hash = s.content_hash) AS same_no,
    (SELECT MAX(f.refund_no) FROM refund f /* sqlite: INDEXED BY ix_refund_charge_no */
      WHERE f.account = :account AND f.charge_no = k.charge_no) AS last_no
  FROM stage_refund s
    JOIN charge_key k ON k.account = :account AND k.tracking_id = s.row_key
    JOIN charge_standing c ON c.account = k.account AND c.charge_no = k.charge_no
) x
  JOIN refund r ON r.account = :account AND r.refund_no = COALESCE(x.same_no, x.last_no)
WHERE x.same_no IS NOT NULL OR x.left_amount = 0
ORDER BY x.row

-- name: find_conflicts_with_ledger
-- Where the last refund came from that a row contradicts; {upload} and {row} in the message.
-- Binds :account, :message.
-- sqlite: joins in this order
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'conflict', 'row', s.row, s.line, 'charge_tracking_id', s.row_key,
  REPLACE(REPLACE(:message, '{upload}', COALESCE(b.upload_id, '-')),
    '{row}', COALESCE(CAST(r.row AS TEXT), '-'))
FROM (SELECT p.row, p.line, p.row_key,
    (SELECT MAX(f.refund_no) FROM refund f /* sqlite: INDEXED BY ix_refund_charge_no */
      WHERE f.account = :account AND f.charge_no = p.earlier_no) AS last_no
  FROM stage_repeat p
  WHERE p.outcome = 'conflict') s
  JOIN refund r ON r.account = :account AND r.refund_no = s.last_no
  JOIN seal b ON b.account = r.account AND b.batch_no = r.batch_no

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

-- name: find_short_cash
-- Refunds of cash sales to nobody in particular, of which there is not so much cash (1060) as they
-- and those before them give back. Binds :account, :message.
-- sqlite: joins in this order
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'cash_short', 'row', x.row, x.line, 'charge_tracking_id', x.row_key, :message
FROM (
  SELECT s.row, s.line, s.row_key, c.allocated,
    SUM(c.allocated) OVER (ORDER BY s.row) AS given_back
  FROM stage_refund s
    JOIN charge_key k ON k.account = :account AND k.tracking_id = s.row_key
    JOIN charge_standing c ON c.account = k.account AND c.charge_no = k.charge_no
    JOIN party y ON y.account = c.account AND y.party_no = c.party_no
  WHERE y.kind = 'anonymous'
    AND NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)
) x
WHERE x.allocated > 0
  AND x.given_back > (SELECT COALESCE(SUM(CASE WHEN debit_account = 1060 THEN amount
      ELSE -amount END), 0)
    FROM batch_total /* sqlite: INDEXED BY ix_batch_total_cash */
    WHERE account = :account AND (debit_account = 1060 OR credit_account = 1060))

-- name: stage_refunding
-- What is left of the charges that rows without a repeat take back, in the order of the file;
-- nobody in particular gets cash back. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_refunding (place, charge_no, amount, tax, paid_to, content_hash, tx_item_rowid,
  note, row)
SELECT ROW_NUMBER() OVER (ORDER BY s.row), k.charge_no,
  c.amount - c.voided - c.written_off, 0,
  CASE y.kind WHEN 'anonymous' THEN 'cash' ELSE 'wallet' END, s.content_hash, s.tx_item_rowid,
  s.note, s.row
FROM stage_refund s
  JOIN charge_key k ON k.account = :account AND k.tracking_id = s.row_key
  JOIN charge_standing c ON c.account = k.account AND c.charge_no = k.charge_no
  JOIN party y ON y.account = c.account AND y.party_no = c.party_no
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)

-- name: find_cash_back
-- The refunds that give cash back. Binds :account.
-- sqlite: joins in this order
SELECT s.place, c.tracking_id
FROM stage_refunding s
  JOIN charge c ON c.account = :account AND c.charge_no = s.charge_no
WHERE s.paid_to = 'cash'

-- name: weigh_refunds
-- How many charges are staged to be taken back, and what is left of them.
SELECT COUNT(*) AS refunds, COALESCE(SUM(amount), 0) AS amount
FROM stage_refunding
