-- name: find_batch_totals
-- How many payments of each settlement batch an upload brought, and their sum.
-- Binds :account, :upload_id.
SELECT p.merchant_id, p.batch_num, COUNT(*) AS payments, SUM(p.amount) AS amount
FROM file_outcome o
  JOIN payment p /* sqlite: INDEXED BY ix_payment_batch_no */
    ON p.account = o.account AND p.batch_no = o.batch_no
WHERE o.account = :account AND o.upload_id = :upload_id
GROUP BY p.merchant_id, p.batch_num
ORDER BY COALESCE(p.merchant_id, ''), p.batch_num

-- name: find_staged_totals
-- How many payments of each settlement batch are to be applied, and their sum.
SELECT s.merchant_id, s.batch_num, COUNT(*) AS payments, SUM(s.amount) AS amount
FROM stage_payment s
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)
GROUP BY s.merchant_id, s.batch_num
ORDER BY COALESCE(s.merchant_id, ''), s.batch_num
