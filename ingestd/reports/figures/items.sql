-- name: find_items
-- The charges of an extent that occurred on the days asked for, each with what is paid, taken back
-- or written off of it: what its state says now, less what moved it later. Payouts, which stand on
-- other receivables, are none. Whether a charge of nothing was taken back, only its refund tells.
-- 1100 receivable fees, 1110 receivable wallet. Where :all_parties is 1, :parties are not asked; an
-- empty :product or :source is any. Only charges numbered above :after. Binds :account, :as_of,
-- :known_batch, :postings_within, :occurred_from, :occurred_before.
SELECT c.tracking_id, y.party_code,
  CASE c.receivable_account WHEN 1100 THEN 'LIABILITY' ELSE 'WALLET' END AS account_type,
  k.code AS billing_code, c.occurred_at, c.amount, c.tax,
  COALESCE(t.allocated, 0) - COALESCE(x.paid, 0) AS paid,
  COALESCE(t.voided, 0) - COALESCE(x.voided, 0) AS voided,
  COALESCE(t.written_off, 0) - COALESCE(x.written_off, 0) AS written_off,
  CASE WHEN c.amount = 0 AND EXISTS (SELECT 1 FROM refund f
      WHERE f.account = c.account AND f.charge_no = c.charge_no
        AND f.effective_on <= :as_of AND f.batch_no <= :known_batch) THEN 1 ELSE 0 END
    AS is_refunded,
  b.upload_id, c.row
FROM charge c
  JOIN party y ON y.account = c.account AND y.party_no = c.party_no
  JOIN code k ON k.account = c.account AND k.code_no = c.product_no
  JOIN seal b ON b.account = c.account AND b.batch_no = c.batch_no
  LEFT JOIN charge_state t ON t.account = c.account AND t.charge_no = c.charge_no
  LEFT JOIN (
    SELECT m.charge_no, SUM(m.paid) AS paid, SUM(m.voided) AS voided,
      SUM(m.written_off) AS written_off
    FROM charge_move m
    WHERE m.account = :account AND m.posting_no > :postings_within
      AND (m.effective_on > :as_of OR m.batch_no > :known_batch)
    GROUP BY m.charge_no
  ) x ON x.charge_no = c.charge_no
WHERE c.account = :account AND c.receivable_account IN (1100, 1110)
  AND c.effective_on <= :as_of AND c.batch_no <= :known_batch
  AND c.occurred_at >= :occurred_from AND c.occurred_at < :occurred_before
  AND c.charge_no > :after
  AND (:all_parties = 1 OR c.party_no IN (:parties))
  AND (:product = '' OR k.code = :product)
  AND (:source = '' OR c.batch_no IN (SELECT z.batch_no FROM batch_source z
    WHERE z.account = :account AND z.source = :source))
ORDER BY c.charge_no

-- name: find_number
-- The number of a charge, by its key. Binds :account, :after.
SELECT e.charge_no
FROM charge_key e
WHERE e.account = :account AND e.tracking_id = :after
