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
