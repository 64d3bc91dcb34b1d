-- name: find_members
-- Everybody who has a number in the books and belongs to a family, or did once: its parent, the
-- students that the roster gives it now, and those who came to it or left it. Binds :account,
-- :family.
SELECT y.party_no, y.kind, y.party_code, st.parent_code
FROM party y
  LEFT JOIN student st
    ON y.kind = 'student' AND st.account = y.account AND st.student_id = y.party_code
WHERE y.account = :account AND y.party_no IN (
    SELECT p.party_no
    FROM party p
    WHERE p.account = :account AND p.kind = 'parent' AND p.party_code = :family
    UNION
    SELECT p.party_no
    FROM student s
      JOIN party p ON p.account = s.account AND p.kind = 'student' AND p.party_code = s.student_id
    WHERE s.account = :account AND s.parent_code = :family
    UNION
    SELECT m.party_no
    FROM family_change m
    WHERE m.account = :account AND (m.old_parent_code = :family OR m.new_parent_code = :family)
  )
ORDER BY y.party_no

-- name: find_one
-- A party alone, with the parent whom the roster gives a student now. Binds :account, :party_no.
SELECT y.party_no, y.kind, y.party_code, st.parent_code
FROM party y
  LEFT JOIN student st
    ON y.kind = 'student' AND st.account = y.account AND st.student_id = y.party_code
WHERE y.account = :account AND y.party_no = :party_no

-- name: find_parent_code
-- The parent whom the roster gives a student now. Binds :account, :code.
SELECT parent_code
FROM student
WHERE account = :account AND student_id = :code

-- name: find_moves
-- How some students went from one family to another, in the order in which it became known. Binds
-- :account, :members.
SELECT m.party_no, y.party_code, m.effective_on, m.batch_no, m.old_parent_code,
  m.new_parent_code
FROM family_change m
  JOIN party y ON y.account = m.account AND y.party_no = m.party_no
WHERE m.account = :account AND m.party_no IN (:members)
ORDER BY m.batch_no

-- name: find_all_moves
-- The same of all students. Binds :account.
SELECT m.party_no, y.party_code, m.effective_on, m.batch_no, m.old_parent_code,
  m.new_parent_code
FROM family_change m
  JOIN party y ON y.account = m.account AND y.party_no = m.party_no
WHERE m.account = :account
ORDER BY m.batch_no
