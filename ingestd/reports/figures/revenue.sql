-- name: add_up_revenue
-- What of each product's revenue was realised (4000), and what was given as discount (4900), by the
-- totals of an extent's batches on the days asked for. Binds :account, :as_of, :known_batch,
-- :since, :until.
SELECT COALESCE(k.code, '') AS billing_code,
  SUM(CASE WHEN p.credit_account = 4000 THEN p.amount
           WHEN p.debit_account = 4000 THEN -p.amount ELSE 0 END) AS realised,
  SUM(CASE WHEN p.debit_account = 4900 THEN p.amount
           WHEN p.credit_account = 4900 THEN -p.amount ELSE 0 END) AS discounts
FROM batch_total p
  LEFT JOIN code k ON k.account = p.account AND k.code_no = p.product_no
WHERE p.account = :account AND p.effective_on <= :as_of AND p.batch_no <= :known_batch
  AND p.effective_on >= :since AND p.effective_on <= :until
  AND (p.credit_account IN (4000, 4900) OR p.debit_account IN (4000, 4900))
GROUP BY k.code
ORDER BY COALESCE(k.code, '')
