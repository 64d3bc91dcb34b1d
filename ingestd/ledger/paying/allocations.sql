-- name: find_waiting_credit
-- Whether any credit waits at all. Binds :account.
SELECT 1
FROM credit_lot /* sqlite: INDEXED BY ix_credit_lot_party_no */
WHERE account = :account AND remaining > 0
LIMIT 1

-- name: find_directed
-- Let payments pay the charge that they name, where the charge's product says so; one that came
-- with its own sale pays that, whatever its product says. Of several payments for one charge the
-- one that settled first is used first. Binds :account, :not_before.
-- sqlite: joins in this order
INSERT INTO stage_allocation (payment_no, credit_account, party_no, charge_no, amount, rule,
  effective_on)
SELECT d.payment_no, d.credit_account, d.party_no, d.charge_no,
  LEAST(d.high, d.open_amount) - d.low, d.rule,
  GREATEST(d.open_on, d.available_on, CAST(:not_before AS BIGINT))
FROM (
  SELECT l.payment_no, l.credit_account, l.party_no, c.charge_no, c.open_amount,
    SUM(l.remaining) OVER queue AS high, SUM(l.remaining) OVER queue - l.remaining AS low,
    l.available_on, GREATEST(c.effective_on, c.open_on) AS open_on,
    CASE WHEN p.kind IN ('cash_sale', 'sundry', 'enrolment') THEN p.kind ELSE 'directed' END
      AS rule
  FROM stage_member m
    JOIN credit_lot l /* sqlite: INDEXED BY ix_credit_lot_party_no */ ON l.account = :account
      AND l.party_no = m.party_no AND l.credit_account = m.credit_account AND l.remaining > 0
    JOIN payment p ON p.account = :account AND p.payment_no = l.payment_no
    JOIN charge_standing c ON c.account = :account AND c.charge_no = p.for_charge_no
    JOIN stage_member w ON w.party_no = c.party_no AND w.credit_account = c.credit_account
      AND w.pool = m.pool
    LEFT JOIN product r ON r.account = :account AND r.billing_code = c.billing_code
  WHERE c.open_amount > 0
    AND (r.repayment = 'direct' OR p.kind IN ('cash_sale', 'sundry', 'enrolment'))
  WINDOW queue AS (PARTITION BY c.charge_no
    ORDER BY l.settled_batch_no, l.payment_no, l.party_no)
) d
WHERE d.low < d.open_amount

-- name: stage_credit
-- Each pool's waiting credit on a line, end to end, what settled first first. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_credit (pool, high, low, payment_no, credit_account, party_no, available_on)
SELECT m.pool, SUM(l.remaining) OVER queue, SUM(l.remaining) OVER queue - l.remaining,
  l.payment_no, l.credit_account, l.party_no, l.available_on
FROM stage_member m
  JOIN credit_lot l /* sqlite: INDEXED BY ix_credit_lot_party_no */ ON l.account = :account
    AND l.party_no = m.party_no AND l.credit_account = m.credit_account AND l.remaining > 0
WINDOW queue AS (PARTITION BY m.pool ORDER BY l.settled_batch_no, l.payment_no, l.party_no)

-- name: stage_open
-- Each pool's open charges on a line, end to end, in the order in which they are paid: only what
-- the pool's credit can reach is looked at, and kept. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_open (pool, high, low, charge_no, open_on)
SELECT x.pool, x.high, x.high - x.amount, x.charge_no, GREATEST(c.effective_on, c.open_on)
FROM (
  SELECT w.pool, w.credit, o.charge_no, o.amount, SUM(o.amount) OVER (PARTITION BY w.pool
    ORDER BY o.occurred_at, o.sort, o.charge_no) AS high
  FROM stage_reach w
    JOIN open_charge o ON o.account = :account AND o.party_no = w.party_no
      AND o.credit_account = w.credit_account
      AND (o.occurred_at, o.sort, o.charge_no) <= (w.occurred_at, w.sort, w.charge_no)
) x
  JOIN charge_standing c ON c.account = :account AND c.charge_no = x.charge_no
WHERE x.high - x.amount < x.credit

-- name: find_oldest_first
-- Where the lines of credit and of open charges overlap, one pays the other. Binds :not_before.
-- sqlite: joins in this order
INSERT INTO stage_allocation (payment_no, credit_account, party_no, charge_no, amount, rule,
  effective_on)
SELECT k.payment_no, k.credit_account, k.party_no, o.charge_no,
  LEAST(k.high, o.high) - GREATEST(k.low, o.low), 'oldest_first',
  GREATEST(o.open_on, k.available_on, CAST(:not_before AS BIGINT))
FROM stage_credit k
  JOIN stage_open o ON o.pool = k.pool AND o.high > k.low AND o.low < k.high

-- name: insert_allocations
-- Write the staged allocations as facts. Binds :account, :allocations_before, :batch_no.
INSERT INTO allocation (account, allocation_no, payment_no, credit_account, party_no, charge_no,
  amount, rule, effective_on, batch_no)
SELECT CAST(:account AS TEXT),
  :allocations_before
    + ROW_NUMBER() OVER (ORDER BY s.payment_no, s.charge_no, s.credit_account, s.party_no),
  s.payment_no, s.credit_account, s.party_no, s.charge_no, s.amount, s.rule, s.effective_on,
  :batch_no
FROM stage_allocation s

-- name: post_allocations
-- Of each new allocation: the credit pays the receivable, and what was deferred is realised.
-- 2100 deferred revenue, 4000 realised revenue.
-- Binds :account, :postings, :batch_no, :allocations_before.
-- sqlite: joins in this order
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, debit_party_no, credit_party_no, charge_no, payment_no, product_no)
SELECT CAST(:account AS TEXT),
  :postings + ROW_NUMBER() OVER (ORDER BY l.allocation_no, l.side), :batch_no, 'allocation',
  l.effective_on, l.debit_account, l.credit_account, l.amount, l.debit_party_no,
  l.credit_party_no, l.charge_no, l.payment_no, l.product_no
FROM (
  SELECT a.allocation_no, 1 AS side, a.effective_on, a.credit_account AS debit_account,
    c.receivable_account AS credit_account, a.amount, a.party_no AS debit_party_no,
    c.party_no AS credit_party_no, a.charge_no, a.payment_no, c.product_no
  FROM allocation a
    JOIN charge_standing c ON c.account = a.account AND c.charge_no = a.charge_no
  WHERE a.account = :account AND a.allocation_no > :allocations_before
  UNION ALL
  SELECT a.allocation_no, 2, a.effective_on, 2100, 4000, a.amount, NULL, NULL, a.charge_no,
    a.payment_no, c.product_no
  FROM allocation a
    JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no
  WHERE a.account = :account AND a.allocation_no > :allocations_before
) l

-- name: add_to_states
-- The charges of the staged allocations are paid by so much more. Binds :account.
-- sqlite: joins in this order
INSERT INTO charge_state (account, charge_no, amount, allocated, voided)
SELECT c.account, c.charge_no, c.amount, x.amount, 0
FROM (
  SELECT charge_no, SUM(amount) AS amount
  FROM stage_allocation
  GROUP BY charge_no
) x
  JOIN charge c ON c.account = :account AND c.charge_no = x.charge_no
WHERE TRUE
ON CONFLICT (account, charge_no)
DO UPDATE SET allocated = charge_state.allocated + excluded.allocated

-- name: take_from_lots
-- The lots of the staged allocations have so much less left. Binds :account.
UPDATE credit_lot
SET remaining = remaining - x.amount
FROM (
  SELECT payment_no, credit_account, party_no, SUM(amount) AS amount
  FROM stage_allocation
  GROUP BY payment_no, credit_account, party_no
) x
WHERE credit_lot.account = :account AND credit_lot.payment_no = x.payment_no
  AND credit_lot.credit_account = x.credit_account AND credit_lot.party_no = x.party_no

-- name: stage_paid
-- The charges of the staged allocations.
INSERT INTO stage_changed (charge_no)
SELECT DISTINCT charge_no
FROM stage_allocation
