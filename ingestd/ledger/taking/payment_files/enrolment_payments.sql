-- name: find_unknown_students
-- New payments for a student who is not on the roster. Binds :account, :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'student_unknown', 'row', s.row, s.line, 'student_code', s.student_id, :message
FROM stage_payment s
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)
  AND NOT EXISTS (SELECT 1 FROM student k
    WHERE k.account = :account AND k.student_id = s.student_id)

-- name: find_cancelled_students
-- New payments for a student whose enrolment is cancelled. Binds :account, :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'student_cancelled', 'row', s.row, s.line, 'student_code', s.student_id, :message
FROM stage_payment s
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)
  AND EXISTS (SELECT 1 FROM student k
    WHERE k.account = :account AND k.student_id = s.student_id AND k.status = 'cancelled')

-- name: find_other_parents
-- New payments of a known parent for another parent's student. Binds :account, :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'parent_mismatch', 'row', s.row, s.line, 'par_code', s.parent_code, :message
FROM stage_payment s
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)
  AND (EXISTS (SELECT 1 FROM parent k
      WHERE k.account = :account AND k.parent_code = s.parent_code)
    OR EXISTS (SELECT 1 FROM student k
      WHERE k.account = :account AND k.parent_code = s.parent_code))
  AND EXISTS (SELECT 1 FROM student k
    WHERE k.account = :account AND k.student_id = s.student_id
      AND COALESCE(k.parent_code, '') <> s.parent_code)

-- name: insert_students
-- A number for each student who is charged for the first time. :parties is how many the books have.
-- Binds :account, :batch_no too.
INSERT INTO party (account, party_no, kind, party_code, batch_no)
SELECT CAST(:account AS TEXT), :parties + ROW_NUMBER() OVER (ORDER BY n.code), 'student', n.code,
  :batch_no
FROM (SELECT DISTINCT s.student_id AS code
  FROM stage_payment s
  WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)) n
WHERE NOT EXISTS (SELECT 1 FROM party y
  WHERE y.account = :account AND y.kind = 'student' AND y.party_code = n.code)
