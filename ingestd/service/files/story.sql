-- name: find_batch
-- The batch that an upload's outcome was sealed in. Binds :account, :upload_id.
SELECT batch_no
FROM file_outcome
WHERE account = :account AND upload_id = :upload_id

-- name: page_findings
-- A page of an upload's findings: what cost a row or the file before warnings, each in the order of
-- the file. Binds :account, :upload_id, :any_code, :code, :rank, :finding_no, :limit.
SELECT f.rank, f.finding_no, f.code, f.verdict, f.row, f.line, f.column_name, f.value, f.message
FROM (SELECT CASE verdict WHEN 'warning' THEN 2 ELSE 1 END AS rank, finding_no, code, verdict, row,
    line, column_name, value, message
  FROM finding
  WHERE account = :account AND upload_id = :upload_id AND (:any_code = 1 OR code = :code)) f
WHERE (f.rank, f.finding_no) > (:rank, :finding_no)
ORDER BY f.rank, f.finding_no
LIMIT :limit

-- name: list_charges
-- A page of the charges that a batch wrote, behind one of them; where they are numbered, the chunks
-- of the batch's seal say. Binds :account, :batch_no, :after, :limit.
-- sqlite: joins in this order
SELECT c.charge_no, c.row, c.tracking_id, c.amount
FROM (SELECT MIN(k.first_row) AS first_no, MAX(k.first_row + k.row_count) AS end_no
  FROM chunk k
  WHERE k.account = :account AND k.batch_no = :batch_no AND k.table_name = 'charge') n
  JOIN charge c ON c.account = :account AND c.charge_no >= n.first_no AND c.charge_no < n.end_no
WHERE c.charge_no > :after
ORDER BY c.charge_no
LIMIT :limit
