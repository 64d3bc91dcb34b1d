-- name: add_up_sales
-- What was charged for each product, or on each day where :by_day is 1, what of it was taken back
-- and written off, and the tax in what was charged and taken back, by the totals of an extent's
-- batches on the days asked for. A sale moves deferred revenue (2100) and deferred tax (2110) to a
-- receivable (1100, 1110), whatever event it came by; a refund and a write-off move them back, and
-- each write-off is a batch of its own. An empty :product is any. Binds :account, :as_of,
-- :known_batch, :since, :until.
SELECT CASE CAST(:by_day AS BIGINT) WHEN 1 THEN '' ELSE COALESCE(k.code, '') END AS billing_code,
  CASE CAST(:by_day AS BIGINT) WHEN 1 THEN p.effective_on ELSE 0 END AS day, '' AS source,
  SUM(CASE WHEN p.credit_account IN (2100, 2110) THEN p.amount ELSE 0 END) AS charged,
  SUM(CASE WHEN p.debit_account IN (2100, 2110) AND w.batch_no IS NULL
    THEN p.amount ELSE 0 END) AS voided,
  SUM(CASE WHEN p.debit_account IN (2100, 2110) AND w.batch_no IS NOT NULL
    THEN p.amount ELSE 0 END) AS written_off,
  SUM(CASE WHEN p.credit_account = 2110 THEN p.amount
           WHEN p.debit_account = 2110 AND w.batch_no IS NULL THEN -p.amount ELSE 0 END) AS tax
FROM batch_total p
  LEFT JOIN code k ON k.account = p.account AND k.code_no = p.product_no
  LEFT JOIN write_off w ON w.account = p.account AND w.batch_no = p.batch_no
WHERE p.account = :account AND p.effective_on <= :as_of AND p.batch_no <= :known_batch
  AND p.effective_on >= :since AND p.effective_on <= :until
  AND ((p.credit_account IN (2100, 2110) AND p.debit_account IN (1100, 1110))
    OR (p.debit_account IN (2100, 2110) AND p.credit_account IN (1100, 1110)))
  AND (:product = '' OR k.code = :product)
GROUP BY 1, 2
ORDER BY 1, 2

-- name: add_up_sales_of_sources
-- The same (:by_day) by the places of sale where the charges were made: a batch's, by its entry or
-- its file's name. What was taken back or written off counts for the place of its charge, whoever
-- did it: it is found by charge, since only these lines leave deferred revenue to a receivable. An
-- empty :product or :source is any. Binds :account, :as_of, :known_batch, :since, :until.
-- sqlite: joins in this order
SELECT CASE CAST(:by_day AS BIGINT) WHEN 1 THEN '' ELSE COALESCE(k.code, '') END AS billing_code,
  CASE CAST(:by_day AS BIGINT) WHEN 1 THEN x.day ELSE 0 END AS day,
  x.source, SUM(x.charged) AS charged,
  SUM(x.voided) AS voided, SUM(x.written_off) AS written_off, SUM(x.tax) AS tax
FROM (
    SELECT p.product_no, p.effective_on AS day, b.source,
      p.amount AS charged, 0 AS voided, 0 AS written_off,
      CASE p.credit_account WHEN 2110 THEN p.amount ELSE 0 END AS tax
    FROM batch_total p
      JOIN batch_source b ON b.account = p.account AND b.batch_no = p.batch_no
    WHERE p.account = :account AND p.effective_on <= :as_of AND p.batch_no <= :known_batch
      AND p.effective_on >= :since AND p.effective_on <= :until
      AND p.credit_account IN (2100, 2110) AND p.debit_account IN (1100, 1110)
    UNION ALL
    SELECT p.product_no, p.effective_on, b.source, 0,
      CASE p.event WHEN 'write_off' THEN 0 ELSE p.amount END,
      CASE p.event WHEN 'write_off' THEN p.amount ELSE 0 END,
      CASE WHEN p.debit_account = 2110 AND p.event <> 'write_off' THEN -p.amount ELSE 0 END
    FROM (
        SELECT r.charge_no
        FROM refund r
        WHERE r.account = :account
        UNION
        SELECT w.charge_no
        FROM write_off w
        WHERE w.account = :account
      ) t
      JOIN posting p /* sqlite: INDEXED BY ix_posting_charge_no */ ON p.account = :account
        AND p.charge_no = t.charge_no AND p.event <> 'charge'
      JOIN charge c ON c.account = p.account AND c.charge_no = p.charge_no
      JOIN batch_source b ON b.account = c.account AND b.batch_no = c.batch_no
    WHERE p.effective_on <= :as_of AND p.batch_no <= :known_batch
      AND p.effective_on >= :since AND p.effective_on <= :until
      AND p.debit_account IN (2100, 2110) AND p.credit_account IN (1100, 1110)
  ) x
  LEFT JOIN code k ON k.account = :account AND k.code_no = x.product_no
WHERE (:product = '' OR k.code = :product) AND (:source = '' OR x.source = :source)
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
