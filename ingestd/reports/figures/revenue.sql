-- name: add_up_revenue
-- What of each product's revenue was realised (4000) and of its tax became due (2200), what was
-- given as discount (4900) and what nobody pays back any more (4950), by the totals of an extent's
-- batches on the days asked for. An empty :product is any. Binds :account, :as_of, :known_batch,
-- :since, :until.
SELECT COALESCE(k.code, '') AS billing_code,
  SUM(CASE WHEN p.credit_account = 4000 THEN p.amount
           WHEN p.debit_account = 4000 THEN -p.amount ELSE 0 END) AS realised,
  SUM(CASE WHEN p.credit_account = 2200 AND p.debit_account = 2110 THEN p.amount
           WHEN p.debit_account = 2200 AND p.credit_account = 2110 THEN -p.amount ELSE 0 END)
    AS tax,
  SUM(CASE WHEN p.debit_account = 4900 THEN p.amount
           WHEN p.credit_account = 4900 THEN -p.amount ELSE 0 END) AS discounts,
  SUM(CASE WHEN p.debit_account = 4950 THEN p.amount
           WHEN p.credit_account = 4950 THEN -p.amount ELSE 0 END) AS bad_debts
FROM batch_total p
  LEFT JOIN code k ON k.account = p.account AND k.code_no = p.product_no
WHERE p.account = :account AND p.effective_on <= :as_of AND p.batch_no <= :known_batch
  AND p.effective_on >= :since AND p.effective_on <= :until
  AND (p.credit_account IN (4000, 4900, 4950, 2200) OR p.debit_account IN (4000, 4900, 4950, 2200))
  AND (:product = '' OR k.code = :product)
GROUP BY k.code
ORDER BY COALESCE(k.code, '')
