-- name: find_parents
-- How parents are called and reached, as the catalog stands now. Where :all_codes is 1, :codes are
-- not asked. Binds :account.
SELECT p.parent_code AS code, p.name, COALESCE(p.email, '') AS email,
  COALESCE(p.phone, '') AS phone, '' AS address, CAST(NULL AS TEXT) AS parent_code
FROM parent p
WHERE p.account = :account AND (:all_codes = 1 OR p.parent_code IN (:codes))

-- name: find_students
-- How students are called, and the parent whom the roster gives them now. Where :all_codes is 1,
-- :codes are not asked. Binds :account.
SELECT s.student_id AS code, s.name, '' AS email, '' AS phone, '' AS address, s.parent_code
FROM student s
WHERE s.account = :account AND (:all_codes = 1 OR s.student_id IN (:codes))

-- name: find_guests
-- How guests are called and reached, as they were written down. Where :all_codes is 1, :codes are
-- not asked. Binds :account.
-- sqlite: joins in this order
SELECT y.party_code AS code, g.name, COALESCE(g.email, '') AS email,
  COALESCE(g.phone, '') AS phone, COALESCE(g.address, '') AS address,
  CAST(NULL AS TEXT) AS parent_code
FROM party y
  JOIN guest g ON g.account = y.account AND g.party_no = y.party_no
WHERE y.account = :account AND y.kind = 'guest' AND (:all_codes = 1 OR y.party_code IN (:codes))

-- name: find_students_of
-- The students whom the roster gives a parent now. Binds :account, :family.
SELECT s.student_id
FROM student s
WHERE s.account = :account AND s.parent_code = :family
