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
