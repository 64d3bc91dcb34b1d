-- name: find_sold
-- What was sold with tax on the days asked for in an extent, by tax code: without the tax, and the
-- tax. 1100 receivable fees, 1110 receivable wallet. Binds :account, :as_of, :known_batch, :since,
-- :until.
-- sqlite: joins in this order
SELECT t.tax_code, SUM(c.amount - c.tax) AS nett, SUM(c.tax) AS tax
FROM charge_tax t
  JOIN charge c ON c.account = t.account AND c.charge_no = t.charge_no
WHERE t.account = :account AND c.receivable_account IN (1100, 1110)
  AND c.effective_on <= :as_of AND c.batch_no <= :known_batch
  AND c.effective_on >= :since AND c.effective_on <= :until
GROUP BY t.tax_code

-- name: find_collected
-- What of that tax became due (2200) on the days asked for in an extent because its sale was paid,
-- and what was given back. An allocation that is cut is undone and made anew in one batch: only the
-- difference counts. What a payment brought as tax without a charge goes by its part. Binds
-- :account, :as_of, :known_batch, :since, :until.
-- sqlite: joins in this order
SELECT x.tax_code, SUM(CASE WHEN x.amount > 0 THEN x.amount ELSE 0 END) AS collected,
  SUM(CASE WHEN x.amount < 0 THEN -x.amount ELSE 0 END) AS given_back
FROM (
    SELECT m.batch_no, m.charge_no, COALESCE(t.tax_code, (SELECT r.tax_code
        FROM payment_part r
        WHERE r.account = :account AND r.payment_no = m.payment_no AND r.kind = 'tax'
        ORDER BY r.part_no
        LIMIT 1), '') AS tax_code, SUM(m.amount) AS amount
    FROM (
        SELECT p.batch_no, p.charge_no,
          CASE WHEN p.charge_no IS NULL THEN p.payment_no END AS payment_no,
          CASE p.credit_account WHEN 2200 THEN p.amount ELSE -p.amount END AS amount
        FROM posting p
        WHERE p.account = :account AND (p.credit_account = 2200 OR p.debit_account = 2200)
          AND p.effective_on <= :as_of AND p.batch_no <= :known_batch
          AND p.effective_on >= :since AND p.effective_on <= :until
      ) m
      LEFT JOIN charge_tax t ON t.account = :account AND t.charge_no = m.charge_no
    GROUP BY m.batch_no, m.charge_no, m.payment_no, t.tax_code
  ) x
GROUP BY x.tax_code

-- name: add_up_tax
-- What of tax is due (2200) for the days asked for in an extent, by the totals of batches. Binds
-- :account, :as_of, :known_batch, :since, :until.
SELECT COALESCE(SUM(CASE p.credit_account WHEN 2200 THEN p.amount ELSE 0 END
  - CASE p.debit_account WHEN 2200 THEN p.amount ELSE 0 END), 0)
FROM batch_total p
WHERE p.account = :account AND p.effective_on <= :as_of AND p.batch_no <= :known_batch
  AND p.effective_on >= :since AND p.effective_on <= :until
