-- name: find_people
-- Everybody whom the catalogs or the books know by a code like :pattern, or, where :by_name is 1, a
-- name like it, behind :after in the order of code and kind, at most :rows. Binds :account.
SELECT u.kind, u.code, MAX(u.name) AS name, MAX(u.family) AS family
FROM (
    SELECT 'student' AS kind, s.student_id AS code, s.name, s.parent_code AS family
    FROM student s
    WHERE s.account = :account
    UNION ALL
    SELECT 'parent', t.parent_code, t.name, t.parent_code
    FROM parent t
    WHERE t.account = :account
    UNION ALL
    SELECT y.kind, y.party_code, COALESCE(g.name, ''),
      CASE y.kind WHEN 'parent' THEN y.party_code END
    FROM party y
      LEFT JOIN guest g ON g.account = y.account AND g.party_no = y.party_no
    WHERE y.account = :account
  ) u
WHERE (LOWER(u.code) LIKE :pattern ESCAPE '\' OR (:by_name = 1 AND LOWER(u.name) LIKE :pattern
    ESCAPE '\'))
  AND u.code || ' ' || u.kind > :after
GROUP BY u.kind, u.code
ORDER BY u.code || ' ' || u.kind
LIMIT :rows
