-- name: find_items
-- The charges of an extent that occurred on the days asked for, each with what is paid, voided or
-- refunded of it: what its state says now, less what moved it later. 1100 receivable fees. Binds
-- :account, :as_of, :known_batch, :postings_within, :occurred_from, :occurred_before.
SELECT c.tracking_id, y.party_code,
  CASE c.receivable_account WHEN 1100 THEN 'LIABILITY' ELSE 'WALLET' END AS account_type,
  k.code AS billing_code, c.occurred_at, c.amount,
  COALESCE(t.allocated, 0) - COALESCE(x.paid, 0) AS paid,
  COALESCE(t.voided, 0) - COALESCE(x.voided, 0) AS voided,
  f.refund_no IS NOT NULL AS is_refunded, b.upload_id, c.row
FROM charge c
  JOIN party y ON y.account = c.account AND y.party_no = c.party_no
  JOIN code k ON k.account = c.account AND k.code_no = c.product_no
  JOIN seal b ON b.account = c.account AND b.batch_no = c.batch_no
  LEFT JOIN refund f ON f.account = c.account AND f.charge_no = c.charge_no
    AND f.effective_on <= :as_of AND f.batch_no <= :known_batch
  LEFT JOIN charge_state t ON t.account = c.account AND t.charge_no = c.charge_no
  LEFT JOIN (
    SELECT m.charge_no, SUM(m.paid) AS paid, SUM(m.voided) AS voided
    FROM charge_move m
    WHERE m.account = :account AND m.posting_no > :postings_within
      AND (m.effective_on > :as_of OR m.batch_no > :known_batch)
    GROUP BY m.charge_no
  ) x ON x.charge_no = c.charge_no
WHERE c.account = :account AND c.effective_on <= :as_of AND c.batch_no <= :known_batch
  AND c.occurred_at >= :occurred_from AND c.occurred_at < :occurred_before
ORDER BY c.charge_no
