-- name: find_receipt
-- The batch of an upload and its leaf, the note over the tree that it was the last leaf of, and
-- what is kept of the last receipt of all. The first tree has origin 1, and every one that was
-- begun anew its own: so the note is looked up, not looked for among all. Binds :account,
-- :upload_id.
-- sqlite: joins in this order
SELECT s.batch_no, s.sealed_at, s.rows_sealed, s.amount_posted, s.hash, f.hash AS leaf, c.note,
  c.continues, h.receipt_size, h.receipt_frontier
FROM file_outcome o
  JOIN seal s ON s.account = o.account AND s.batch_no = o.batch_no
  JOIN leaf f ON f.account = s.account AND f.batch_no = s.batch_no
  JOIN seal_head h ON h.account = o.account
  JOIN (
    SELECT 1 AS origin_no
    UNION
    SELECT r.origin_no FROM resumption r WHERE r.account = :account
  ) n ON TRUE
  JOIN checkpoint c
    ON c.account = s.account AND c.origin_no = n.origin_no AND c.size = s.batch_no
WHERE o.account = :account AND o.upload_id = :upload_id
ORDER BY c.origin_no LIMIT 1
