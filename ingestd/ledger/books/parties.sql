-- name: look_up_party
-- Whom a name may stand for: each kind of which somebody has it, with the party's number if there
-- is one. A student or a parent may be in the catalog alone; where :with_past is 1, a parent may be
-- one whom all students have left. ANONYMOUS is the reserved name of the party for sales to nobody
-- in particular. Empty, :kind is any. Binds :account, :code.
SELECT known.kind, MAX(known.party_no) AS party_no
FROM (
  SELECT p.kind, p.party_no
  FROM party p
  WHERE p.account = :account AND p.kind IN ('student', 'parent', 'guest') AND p.party_code = :code
  UNION ALL
  SELECT 'student', NULL FROM student s WHERE s.account = :account AND s.student_id = :code
  UNION ALL
  SELECT 'parent', NULL FROM parent t WHERE t.account = :account AND t.parent_code = :code
  UNION ALL
  SELECT 'parent', NULL FROM student s WHERE s.account = :account AND s.parent_code = :code
  UNION ALL
  SELECT 'parent', NULL FROM family_change m
  WHERE :with_past = 1 AND m.account = :account AND m.old_parent_code = :code
  UNION ALL
  SELECT 'anonymous',
    (SELECT p.party_no FROM party p WHERE p.account = :account AND p.kind = 'anonymous')
  WHERE :code = 'ANONYMOUS'
) known
WHERE :kind IN ('', known.kind)
GROUP BY known.kind
ORDER BY known.kind

-- name: add_party
-- Give somebody a party number, as a fact of a batch. Binds :account, :party_no, :kind, :code,
-- :batch_no.
INSERT INTO party (account, party_no, kind, party_code, batch_no)
VALUES (:account, :party_no, :kind, :code, :batch_no)

-- name: find_party
-- Who has a party number. Binds :account, :party_no.
SELECT kind, party_code
FROM party
WHERE account = :account AND party_no = :party_no
