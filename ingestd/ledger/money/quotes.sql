-- name: find_product
-- How a product may be paid. Binds :account, :billing_code.
SELECT installments, first_instalment, repayment
FROM product
WHERE account = :account AND billing_code = :billing_code

-- name: find_open_items
-- What the members of a family owe in fees, in the order in which it is paid: charges, and payouts
-- that are owed back. 2010 unapplied fees, which pay them. Binds :account.
-- sqlite: joins in this order
SELECT c.tracking_id, c.billing_code, o.occurred_at, o.amount
FROM stage_member m
  JOIN open_charge o ON o.account = :account AND o.party_no = m.party_no
    AND o.credit_account = m.credit_account
  JOIN charge_standing c ON c.account = :account AND c.charge_no = o.charge_no
WHERE m.credit_account = 2010
ORDER BY o.occurred_at, o.sort, o.charge_no

-- name: sum_credit
-- What waits for the fees of a family (2010, discounts in 2015), and what is on its way to them.
-- Binds :account.
-- sqlite: joins in this order
SELECT
  (SELECT COALESCE(SUM(l.remaining), 0)
    FROM stage_member m
      JOIN credit_lot l /* sqlite: INDEXED BY ix_credit_lot_party_no */ ON l.account = :account
        AND l.party_no = m.party_no AND l.remaining > 0 AND l.credit_account < 2300
    WHERE m.credit_account = 2010 AND l.credit_account IN (2010, 2015)) AS credit,
  (SELECT COALESCE(SUM(r.amount), 0)
    FROM stage_member m
      JOIN payment p /* sqlite: INDEXED BY ix_payment_party_no */ ON p.account = :account
        AND p.party_no = m.party_no
      JOIN payment_part r ON r.account = p.account AND r.payment_no = p.payment_no
        AND r.kind IN ('fee', 'discount')
    WHERE m.credit_account = 2010
      AND NOT EXISTS (SELECT 1 FROM payment_event e
        WHERE e.account = p.account AND e.payment_no = p.payment_no)) AS pending
