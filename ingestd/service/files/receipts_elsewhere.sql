-- name: find_finished_elsewhere
-- The uploads of an account that another node has finished since an instant, behind a batch, in the
-- order of their batches. Binds :account, :node, :after, :since, :limit.
SELECT o.upload_id, o.filename, s.batch_no
FROM seal s
  JOIN file_outcome o ON o.account = s.account AND o.upload_id = s.upload_id
WHERE s.account = :account AND s.batch_no > :after AND o.node <> :node AND o.finished_at >= :since
ORDER BY s.batch_no
LIMIT :limit
