-- name: find_facts
-- What was known by then of the rows of a catalog whose keys lie between two, both included: what
-- each was made, by which batch, and by whom or from which file. Binds :account, :kind, :first,
-- :last, :known_at.
SELECT f.row_key, f.columns, f.batch_no, b.sealed_at, b.event, b.upload_id, o.filename,
  n.entered_by, n.reason
FROM catalog_fact f /* sqlite: INDEXED BY ix_catalog_fact_kind */
  JOIN seal b ON b.account = f.account AND b.batch_no = f.batch_no
  LEFT JOIN file_outcome o ON o.account = b.account AND o.upload_id = b.upload_id
  LEFT JOIN entry n ON n.account = b.account AND n.batch_no = b.batch_no
WHERE f.account = :account AND f.kind = :kind AND f.row_key >= :first AND f.row_key <= :last
  AND b.sealed_at <= :known_at
ORDER BY f.batch_no, f.row_key

-- name: find_registration
-- What the charge that a student was first named in made of the roster, where it was not there
-- before: a row with what empty fields of a roster stand for. Binds :account, :key, :known_at.
SELECT y.party_code AS row_key,
  '{"student_id":' || CAST(TO_JSON(y.party_code) AS TEXT) || ',"name":"","status":"enrolled"}'
    AS columns,
  y.batch_no, b.sealed_at, b.event, b.upload_id, o.filename, n.entered_by, n.reason
FROM party y
  JOIN seal b ON b.account = y.account AND b.batch_no = y.batch_no
  LEFT JOIN file_outcome o ON o.account = b.account AND o.upload_id = b.upload_id
  LEFT JOIN entry n ON n.account = b.account AND n.batch_no = b.batch_no
WHERE y.account = :account AND y.kind = 'student' AND y.party_code = :key
  AND b.sealed_at <= :known_at
