-- name: find_reserved_keys
-- Rows about what the books keep for themselves. Binds :column, the file's name for the key,
-- :reserved, :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'key_reserved', 'row', s.row, s.line, :column, s.row_key, :message
FROM stage_catalog s
WHERE s.row_key = :reserved

-- name: find_repeated_keys
-- Rows whose key an earlier row of the file has: nobody but the district knows which is meant, and
-- the first counts. A product may come again with a price of another day. {row} in :message is the
-- first row. Binds :column too, the file's name for the key.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'key_repeated', 'row', s.row, s.line, :column, s.row_key,
  REPLACE(:message, '{row}', CAST(s.first_row AS TEXT))
FROM (SELECT row, line, row_key, MIN(row) OVER (PARTITION BY row_key, valid_from) AS first_row
  FROM stage_catalog) s
WHERE s.first_row < s.row

-- name: name_rows
-- The rows that a finding says are not applied, by whom or what they are about.
-- sqlite: joins in this order
INSERT INTO stage_named (row, row_key)
SELECT s.row, s.row_key
FROM (SELECT DISTINCT row FROM stage_finding WHERE verdict <> 'warning') f
  JOIN stage_catalog s ON s.row = f.row
WHERE TRUE
ON CONFLICT DO NOTHING

-- name: forget_rejected
-- Rejected rows leave the stage.
DELETE FROM stage_catalog WHERE row IN (SELECT row FROM stage_rejected)

-- name: find_given_columns
-- The columns that the file has.
SELECT column_name FROM stage_given

-- name: warn_of_disappeared_students
-- Enrolled students whom the file does not name; a row that was rejected names its student as well.
-- Binds :account, :message.
INSERT INTO stage_finding (code, verdict, column_name, value, message)
SELECT 'student_disappeared', 'warning', 'student_id', g.student_id, :message
FROM (
  SELECT student_id FROM student WHERE account = :account AND status = 'enrolled'
  EXCEPT SELECT row_key FROM stage_catalog
  EXCEPT SELECT row_key FROM stage_rejected_key) g
