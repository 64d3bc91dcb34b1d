-- name: add_up_sales
-- What each product was charged for and what of it was taken back, by the totals of an extent's
-- batches on the days asked for. A sale moves deferred revenue (2100) to a receivable (1100, 1110),
-- whatever event it came by; a refund moves it back. Binds :account, :as_of, :known_batch, :since,
-- :until.
SELECT COALESCE(k.code, '') AS billing_code,
  SUM(CASE p.credit_account WHEN 2100 THEN p.amount ELSE 0 END) AS charged,
  SUM(CASE p.debit_account WHEN 2100 THEN p.amount ELSE 0 END) AS voided
FROM batch_total p
  LEFT JOIN code k ON k.account = p.account AND k.code_no = p.product_no
WHERE p.account = :account AND p.effective_on <= :as_of AND p.batch_no <= :known_batch
  AND p.effective_on >= :since AND p.effective_on <= :until
  AND ((p.credit_account = 2100 AND p.debit_account IN (1100, 1110))
    OR (p.debit_account = 2100 AND p.credit_account IN (1100, 1110)))
GROUP BY k.code
ORDER BY COALESCE(k.code, '')
