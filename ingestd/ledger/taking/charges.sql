-- name: find_reserved_students
-- Charges of the reserved party for anonymous sales, which is not a student that a file may charge;
-- for accounts that register whom they do not know. Binds :message.
-- sqlite: joins in this order
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'student_unknown', 'row', s.row, s.line, 'student_id', n.student_id, :message
FROM (SELECT student_no, student_id FROM stage_student WHERE student_id = 'ANONYMOUS') n
  JOIN stage_charge s ON s.student_no = n.student_no

-- name: find_unknown_students
-- Charges of students who are not on the roster, or of the reserved party.
-- Binds :account, :message.
-- sqlite: joins in this order
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'student_unknown', 'row', s.row, s.line, 'student_id', n.student_id, :message
FROM stage_student n
  JOIN stage_charge s ON s.student_no = n.student_no
WHERE n.student_id = 'ANONYMOUS'
  OR NOT EXISTS (SELECT 1 FROM student k
    WHERE k.account = :account AND k.student_id = n.student_id)

-- name: find_unknown_products
-- Charges of products that nobody has imported. Binds :account, :message.
-- sqlite: joins in this order
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'billing_code_unknown', 'row', s.row, s.line, 'billing_code', n.billing_code, :message
FROM stage_product n
  JOIN stage_charge s ON s.product_no = n.product_no
WHERE NOT EXISTS (SELECT 1 FROM product k
  WHERE k.account = :account AND k.billing_code = n.billing_code)

-- name: find_missing_prices
-- Charges without an amount whose product had no price by their day. Binds :account, :message.
-- sqlite: joins in this order
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'price_missing', 'row', s.row, s.line, 'amount', '', :message
FROM stage_charge s
  JOIN stage_product n ON n.product_no = s.product_no
  JOIN product k ON k.account = :account AND k.billing_code = n.billing_code
WHERE s.amount IS NULL
  AND NOT EXISTS (SELECT 1 FROM product_price p
    WHERE p.account = :account AND p.billing_code = n.billing_code
      AND p.valid_from <= s.effective_on)

-- name: name_rows
-- The charges that a finding says are not applied, by their key and their student.
-- sqlite: joins in this order
INSERT INTO stage_named (row, row_key, party_code)
SELECT s.row, s.row_key, n.student_id
FROM (SELECT DISTINCT row FROM stage_finding
    WHERE verdict <> 'warning' OR code = 'duplicate_in_file') f
  JOIN stage_charge s ON s.row = f.row
  JOIN stage_student n ON n.student_no = s.student_no
WHERE TRUE
ON CONFLICT DO NOTHING

-- name: forget_rejected
-- Rejected rows leave the stage.
DELETE FROM stage_charge WHERE row IN (SELECT row FROM stage_rejected)

-- name: find_repeats_of_ledger
-- Charges whose key the ledger holds, with the same content or with other. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_repeat (row, line, row_key, outcome, earlier_no)
SELECT s.row, s.line, s.row_key,
  CASE WHEN c.content_hash = s.content_hash THEN 'duplicate' ELSE 'conflict' END, c.charge_no
FROM stage_charge s
  JOIN stage_known k ON k.row = s.row
  JOIN charge c ON c.account = :account AND c.charge_no = k.charge_no
ORDER BY s.row

-- name: find_conflicts_with_ledger
-- Where the earlier charge came from that a row contradicts; {upload} and {row} in the message.
-- Binds :account, :message.
-- sqlite: joins in this order
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'conflict', 'row', r.row, r.line, 'charge_tracking_id', r.row_key,
  REPLACE(REPLACE(:message, '{upload}', COALESCE(c.upload_id, '-')),
    '{row}', COALESCE(CAST(c.row AS TEXT), '-'))
FROM stage_repeat r
  JOIN charge c ON c.account = :account AND c.charge_no = r.earlier_no
WHERE r.outcome = 'conflict'

-- name: is_any_key_twice
-- Whether two rows share a key: in the order of the keys the same ones are neighbours.
-- sqlite: joins in this order
SELECT EXISTS (SELECT 1
  FROM stage_key s
    JOIN stage_key n ON n.place = s.place + 1
  WHERE n.row_key = s.row_key)

-- name: find_repeats_in_file
-- Rows that have the key of an earlier row of the file; the first counts, unless the ledger has it
-- already.
-- sqlite: joins in this order
INSERT INTO stage_repeat (row, line, row_key, outcome, first_row)
SELECT s.row, s.line, s.row_key,
  CASE WHEN f.content_hash = s.content_hash THEN 'duplicate' ELSE 'conflict' END, f.row
FROM (SELECT row, MIN(row) OVER (PARTITION BY row_key) AS first_row
  FROM stage_charge
  WHERE row_key IN (SELECT row_key FROM stage_charge GROUP BY row_key HAVING COUNT(*) > 1)) e
  JOIN stage_charge f ON f.row = e.first_row
  JOIN stage_charge s ON s.row = e.row
WHERE e.row > e.first_row
  AND NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = e.first_row)

-- name: has_folded_keys
-- Whether any key could look like another one.
SELECT EXISTS (SELECT 1 FROM stage_charge WHERE folded_id IS NOT NULL)
