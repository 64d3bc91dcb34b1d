-- name: add_students
-- Add to the roster every student that is to be charged and that it does not know, without a name.
-- ANONYMOUS, the reserved party for sales to nobody in particular, is none. Binds :account.
INSERT INTO student (account, student_id, name)
SELECT DISTINCT CAST(:account AS TEXT), n.student_id, ''
FROM stage_student n
WHERE n.student_id <> 'ANONYMOUS'
  AND n.student_no IN (SELECT s.student_no FROM stage_charge s)
ON CONFLICT DO NOTHING

-- name: add_parties
-- Number every student that is to be charged and that has no party number, in the order of their
-- ids; so is ANONYMOUS, nobody in particular. Binds :account, :parties, :batch_no.
INSERT INTO party (account, party_no, kind, party_code, batch_no)
SELECT CAST(:account AS TEXT), :parties + ROW_NUMBER() OVER (ORDER BY n.student_id), n.kind,
  n.student_id, :batch_no
FROM (
  SELECT DISTINCT n.student_id,
    CASE n.student_id WHEN 'ANONYMOUS' THEN 'anonymous' ELSE 'student' END AS kind
  FROM stage_student n
  WHERE NOT EXISTS (
      SELECT 1 FROM party p
      WHERE p.account = :account AND p.party_code = n.student_id
        AND p.kind = CASE n.student_id WHEN 'ANONYMOUS' THEN 'anonymous' ELSE 'student' END)
    AND n.student_no IN (SELECT s.student_no FROM stage_charge s)
) n

-- name: name_parties
-- Note the numbers of parties that were just added. Binds :account.
UPDATE stage_student
SET party_no = (
  SELECT p.party_no FROM party p
  WHERE p.account = :account AND p.party_code = stage_student.student_id
    AND p.kind = CASE stage_student.student_id WHEN 'ANONYMOUS' THEN 'anonymous' ELSE 'student' END)
WHERE party_no IS NULL

-- name: add_codes
-- Number every billing code that is to be charged and that has no number, in their order.
-- Binds :account, :codes, :batch_no.
INSERT INTO code (account, code_no, code, batch_no)
SELECT CAST(:account AS TEXT), :codes + ROW_NUMBER() OVER (ORDER BY n.billing_code),
  n.billing_code, :batch_no
FROM (
  SELECT DISTINCT n.billing_code
  FROM stage_product n
  WHERE NOT EXISTS (
      SELECT 1 FROM code c WHERE c.account = :account AND c.code = n.billing_code)
    AND n.product_no IN (SELECT s.product_no FROM stage_charge s)
) n

-- name: name_codes
-- Note the numbers of codes that were just added. Binds :account.
UPDATE stage_product
SET code_no = (
  SELECT c.code_no FROM code c
  WHERE c.account = :account AND c.code = stage_product.billing_code)
WHERE code_no IS NULL
