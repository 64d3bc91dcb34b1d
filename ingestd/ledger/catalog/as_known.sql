-- name: find_later_change
-- A row when the catalog has changed since a batch: by an import, or by a charge file that
-- registered a student. Binds :account, :batch_no.
SELECT 1 AS found
WHERE EXISTS (SELECT 1 FROM seal b WHERE b.account = :account AND b.batch_no > :batch_no)
  AND (
    EXISTS (SELECT 1 FROM catalog_fact f WHERE f.account = :account AND f.batch_no > :batch_no)
    OR EXISTS (SELECT 1 FROM party y
      WHERE y.account = :account AND y.batch_no > :batch_no AND y.kind = 'student'
        AND NOT EXISTS (SELECT 1 FROM catalog_fact f /* sqlite: INDEXED BY ix_catalog_fact_kind */
          WHERE f.account = y.account AND f.kind = 'students' AND f.row_key = y.party_code)))

-- name: fill_registered
-- Students whom a charge file registered, and of whom no import said more by then: the party is the
-- fact, and the rest is what a roster's empty fields stand for. Binds :account, :batch_no.
INSERT INTO known_student (account, student_id, name, parent_code, status)
SELECT y.account, y.party_code, '', NULL, 'enrolled'
FROM party y
WHERE y.account = :account AND y.kind = 'student' AND y.batch_no <= :batch_no
  AND NOT EXISTS (SELECT 1 FROM catalog_fact f /* sqlite: INDEXED BY ix_catalog_fact_kind */
    WHERE f.account = y.account AND f.kind = 'students' AND f.row_key = y.party_code
      AND f.batch_no <= :batch_no)

-- name: fill_families
-- The family of each party, by its parent's code as the roster said by then. Binds :account,
-- :batch_no.
INSERT INTO known_party_family (account, party_no, kind, party_code, parent_code)
SELECT y.account, y.party_no, y.kind, y.party_code,
  CASE y.kind WHEN 'parent' THEN y.party_code WHEN 'student' THEN st.parent_code END
FROM party y
  LEFT JOIN known_student st
    ON st.account = y.account AND st.student_id = y.party_code AND y.kind = 'student'
WHERE y.account = :account AND y.batch_no <= :batch_no

-- name: find_rows_then
-- The rows of a catalog that an import changed later than a batch, as they were then: NULL for one
-- that was not there yet, or had gone. Binds :account, :kind, :known_batch.
-- sqlite: joins in this order
SELECT x.row_key, f.columns
FROM (
  SELECT r.row_key, MAX(e.batch_no) AS batch_no
  FROM (
    SELECT DISTINCT n.row_key
    FROM catalog_fact n
    WHERE n.account = :account AND n.batch_no > :known_batch AND n.kind = :kind
  ) r
    LEFT JOIN catalog_fact e ON e.account = :account AND e.kind = :kind
      AND e.row_key = r.row_key AND e.batch_no <= :known_batch
  GROUP BY r.row_key
) x
  LEFT JOIN catalog_fact f ON f.account = :account AND f.batch_no = x.batch_no
    AND f.kind = :kind AND f.row_key = x.row_key
