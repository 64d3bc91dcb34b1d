-- name: find_terms
-- The last month that is closed, whether any product has a sort, and whether any credit waits; all
-- that charges need to know of what came before them. Binds :account.
SELECT
  (SELECT MAX(c.month) FROM period_close c WHERE c.account = :account) AS closed_month,
  EXISTS (SELECT 1 FROM product p WHERE p.account = :account AND p.sort <> 0) AS has_sorts,
  EXISTS (
    SELECT 1 FROM credit_lot l /* sqlite: INDEXED BY ix_credit_lot_party_no */
    WHERE l.account = :account AND l.remaining > 0 AND l.credit_account < 2300
  ) AS credit_waits
