-- name: stage_undone
-- The live allocations of a payment: nothing has undone them, and they undo nothing.
-- Binds :account, :payment_no.
INSERT INTO stage_undone (allocation_no)
SELECT a.allocation_no
FROM allocation a /* sqlite: INDEXED BY ix_allocation_payment_no */
WHERE a.account = :account AND a.payment_no = :payment_no AND a.reverses_allocation_no IS NULL
  AND NOT EXISTS (SELECT 1 FROM allocation r
    WHERE r.account = a.account AND r.reverses_allocation_no = a.allocation_no)

-- name: empty_lots
-- Nothing is left of a payment's credit; the last day on which any came is as the books say now.
-- Binds :account, :payment_no.
UPDATE credit_lot
SET remaining = 0, available_on = x.came_on
FROM (
  SELECT p.credit_account, p.credit_party_no AS party_no, MAX(p.effective_on) AS came_on
  FROM posting p /* sqlite: INDEXED BY ix_posting_payment_no */
  WHERE p.account = :account AND p.payment_no = :payment_no
    AND p.credit_account IN (2000, 2010, 2015, 2310, 2320)
  GROUP BY p.credit_account, p.credit_party_no
) x
WHERE credit_lot.account = :account AND credit_lot.payment_no = :payment_no
  AND credit_lot.credit_account = x.credit_account AND credit_lot.party_no = x.party_no

-- name: stage_payers
-- Whose charges are open again. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_payer (party_no)
SELECT DISTINCT c.party_no
FROM stage_undone u
  JOIN allocation a ON a.account = :account AND a.allocation_no = u.allocation_no
  JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no
