-- name: stage_families
-- The families of the parties in `stage_payer`, each once; who has none is a family alone.
-- Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_family (pool, parent_code, party_no)
SELECT DISTINCT
  CASE WHEN y.parent_code IS NULL THEN 'party:' || CAST(y.party_no AS TEXT)
    ELSE 'family:' || y.parent_code END,
  y.parent_code,
  CASE WHEN y.parent_code IS NULL THEN y.party_no END
FROM stage_payer t
  JOIN party_family y ON y.account = :account AND y.party_no = t.party_no

-- name: stage_members
-- Whose credit and whose charges are in each pool: for fees a family's students, its parent, and
-- who is alone; for wallets the parties in `stage_payer`. 2010 unapplied fees, 2000 wallet credit.
-- Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_member (party_no, credit_account, pool)
SELECT y.party_no, 2010, f.pool
FROM stage_family f
  JOIN student st ON st.account = :account AND st.parent_code = f.parent_code
  JOIN party y ON y.account = :account AND y.kind = 'student' AND y.party_code = st.student_id
UNION ALL
SELECT y.party_no, 2010, f.pool
FROM stage_family f
  JOIN party y ON y.account = :account AND y.kind = 'parent' AND y.party_code = f.parent_code
UNION ALL
SELECT f.party_no, 2010, f.pool
FROM stage_family f
WHERE f.party_no IS NOT NULL
UNION ALL
SELECT t.party_no, 2000, 'wallet:' || CAST(t.party_no AS TEXT)
FROM stage_payer t

-- name: insert_payer
-- One party whose family and wallet are looked at. Binds :party_no.
INSERT INTO stage_payer (party_no)
VALUES (:party_no)

-- name: find_family_codes
-- The parents' codes of two parties; NULL for one that is its own family.
-- Binds :account, :first, :second.
SELECT y.parent_code
FROM party_family y
WHERE y.account = :account AND y.party_no IN (:first, :second)
