-- name: find_waiting_credit
-- Whether any credit waits at all. Deposits and advances (2310, 2320) pay nothing by themselves.
-- Binds :account.
SELECT 1
FROM credit_lot /* sqlite: INDEXED BY ix_credit_lot_party_no */
WHERE account = :account AND remaining > 0 AND credit_account < 2300
LIMIT 1

-- name: find_directed
-- Let payments pay the charge that they name, where the charge's product says so; one that came
-- with its own sale, or from nobody in particular, pays that, whatever its product says. Of several
-- payments for one charge the one that settled first is used first, and of a payment its cash
-- before its discount (2015), which pays what unapplied fees (2010) pay. Binds :account,
-- :not_before.
-- sqlite: joins in this order
INSERT INTO stage_allocation (charge_no, place, payment_no, credit_account, party_no, amount, tax,
  rule, effective_on)
SELECT d.charge_no, d.low, d.payment_no, d.credit_account, d.party_no,
  LEAST(d.high, d.open_amount) - d.low, CASE WHEN d.tax = 0 THEN 0 END, d.rule,
  GREATEST(d.open_on, d.available_on, CAST(:not_before AS BIGINT))
FROM (
  SELECT l.payment_no, l.credit_account, l.party_no, c.charge_no, c.open_amount, c.tax,
    SUM(l.remaining) OVER queue AS high, SUM(l.remaining) OVER queue - l.remaining AS low,
    l.available_on, GREATEST(c.effective_on, c.open_on) AS open_on,
    CASE WHEN p.kind IN ('cash_sale', 'sundry', 'enrolment') THEN p.kind ELSE 'directed' END
      AS rule
  FROM stage_member m
    JOIN credit_lot l /* sqlite: INDEXED BY ix_credit_lot_party_no */ ON l.account = :account
      AND l.party_no = m.party_no AND l.remaining > 0 AND l.credit_account < 2300
      AND CASE l.credit_account WHEN 2015 THEN 2010 ELSE l.credit_account END = m.credit_account
    JOIN payment p ON p.account = :account AND p.payment_no = l.payment_no
    JOIN charge_standing c ON c.account = :account AND c.charge_no = p.for_charge_no
    JOIN stage_member w ON w.party_no = c.party_no AND w.credit_account = c.credit_account
      AND w.pool = m.pool
    LEFT JOIN product r ON r.account = :account AND r.billing_code = c.billing_code
  WHERE c.open_amount > 0
    AND (r.repayment = 'direct' OR p.kind IN ('cash_sale', 'sundry', 'enrolment')
      OR l.party_no = COALESCE((SELECT y.party_no FROM party y
        WHERE y.account = :account AND y.kind = 'anonymous' AND y.party_code = 'ANONYMOUS'), 0))
  WINDOW queue AS (PARTITION BY c.charge_no
    ORDER BY l.settled_batch_no, l.payment_no, l.credit_account, l.party_no)
) d
WHERE d.low < d.open_amount

-- name: stage_credit
-- Each pool's waiting credit on a line, end to end, what settled first first; of a payment its cash
-- before its discount (2015). What nobody in particular has pays only what it came for.
-- Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_credit (pool, high, low, payment_no, credit_account, party_no, available_on)
SELECT m.pool, SUM(l.remaining) OVER queue, SUM(l.remaining) OVER queue - l.remaining,
  l.payment_no, l.credit_account, l.party_no, l.available_on
FROM stage_member m
  JOIN credit_lot l /* sqlite: INDEXED BY ix_credit_lot_party_no */ ON l.account = :account
    AND l.party_no = m.party_no AND l.remaining > 0 AND l.credit_account < 2300
    AND CASE l.credit_account WHEN 2015 THEN 2010 ELSE l.credit_account END = m.credit_account
WHERE l.party_no <> COALESCE((SELECT y.party_no FROM party y
    WHERE y.account = :account AND y.kind = 'anonymous' AND y.party_code = 'ANONYMOUS'), 0)
WINDOW queue AS (PARTITION BY m.pool
  ORDER BY l.settled_batch_no, l.payment_no, l.credit_account, l.party_no)

-- name: stage_open
-- Each pool's open charges on a line, end to end, in the order in which they are paid: only what
-- the pool's credit can reach is looked at, and kept. Payouts that are owed back stand among them,
-- unless :payouts is 0; only then charges are looked up before it is known which are kept. Binds
-- :account too.
-- sqlite: joins in this order
INSERT INTO stage_open (pool, high, low, charge_no, tax, is_payout, open_on)
SELECT x.pool, x.high, x.high - x.amount, x.charge_no, c.tax, c.is_payout,
  GREATEST(c.effective_on, c.open_on)
FROM (
    SELECT w.pool, w.credit, o.charge_no, o.amount,
      SUM(o.amount) OVER (PARTITION BY w.pool
        ORDER BY o.occurred_at, o.sort, o.charge_no) AS high
    FROM stage_reach w
      JOIN open_charge o ON o.account = :account AND o.party_no = w.party_no
        AND o.credit_account = w.credit_account
        AND (o.occurred_at, o.sort, o.charge_no) <= (w.occurred_at, w.sort, w.charge_no)
    WHERE CAST(:payouts AS BIGINT) = 1
      OR NOT EXISTS (SELECT 1 FROM charge p
        WHERE p.account = :account AND p.charge_no = o.charge_no
          AND p.receivable_account IN (1120, 1130))
  ) x
  JOIN charge_standing c ON c.account = :account AND c.charge_no = x.charge_no
WHERE x.high - x.amount < x.credit

-- name: find_oldest_first
-- Where the lines of credit and of open charges overlap, one pays the other. Binds :not_before.
-- sqlite: joins in this order
INSERT INTO stage_allocation (charge_no, place, payment_no, credit_account, party_no, amount, tax,
  rule, effective_on)
SELECT o.charge_no, GREATEST(k.low, o.low), k.payment_no, k.credit_account, k.party_no,
  LEAST(k.high, o.high) - GREATEST(k.low, o.low), CASE WHEN o.tax = 0 THEN 0 END,
  'oldest_first', GREATEST(o.open_on, k.available_on, CAST(:not_before AS BIGINT))
FROM stage_credit k
  JOIN stage_open o ON o.pool = k.pool AND o.high > k.low AND o.low < k.high

-- name: find_lots_apart
-- The lots, in their order, of the pools in which a discount (2015) stands in line for a payout,
-- which it may not pay.
-- sqlite: joins in this order
SELECT k.payment_no, k.credit_account, k.party_no
FROM stage_credit k
WHERE k.pool IN (
  SELECT d.pool
  FROM stage_credit d
    JOIN stage_open o ON o.pool = d.pool AND o.high > d.low AND o.low < d.high
  WHERE d.credit_account = 2015 AND o.is_payout = 1)
ORDER BY k.pool, k.high

-- name: leave_pools_apart
-- Those pools are not paid with the others.
DELETE FROM stage_credit
WHERE pool IN (
  SELECT d.pool
  FROM stage_credit d
    JOIN stage_open o ON o.pool = d.pool AND o.high > d.low AND o.low < d.high
  WHERE d.credit_account = 2015 AND o.is_payout = 1)

-- name: stage_lot
-- One lot alone, as far as it waits still. Binds :account, :payment_no, :credit_account, :party_no.
-- sqlite: joins in this order
INSERT INTO stage_credit (pool, high, low, payment_no, credit_account, party_no, available_on)
SELECT m.pool, l.remaining, 0, l.payment_no, l.credit_account, l.party_no, l.available_on
FROM credit_lot l
  JOIN stage_member m ON m.party_no = l.party_no
    AND m.credit_account = CASE l.credit_account WHEN 2015 THEN 2010 ELSE l.credit_account END
WHERE l.account = :account AND l.payment_no = :payment_no
  AND l.credit_account = :credit_account AND l.party_no = :party_no AND l.remaining > 0

-- name: insert_allocations
-- Write the staged allocations as facts. Each knows its first line in the books: one takes it from
-- its receivable, and one each realises revenue and tax, which a payout has neither of (1120,
-- 1130). Binds :account, :allocations_before, :postings, :batch_no.
-- sqlite: joins in this order
INSERT INTO allocation (account, allocation_no, payment_no, credit_account, party_no, charge_no,
  amount, tax, rule, effective_on, batch_no, posting_no)
SELECT CAST(:account AS TEXT),
  :allocations_before
    + ROW_NUMBER() OVER (ORDER BY x.payment_no, x.charge_no, x.credit_account, x.party_no),
  x.payment_no, x.credit_account, x.party_no, x.charge_no, x.amount, x.tax, x.rule,
  x.effective_on, :batch_no,
  :postings + 1 - x.lines
    + SUM(x.lines) OVER (ORDER BY x.payment_no, x.charge_no, x.credit_account, x.party_no)
FROM (
  SELECT s.payment_no, s.charge_no, s.credit_account, s.party_no, s.amount, s.tax, s.rule,
    s.effective_on,
    CASE WHEN c.receivable_account IN (1120, 1130) OR s.tax IN (0, s.amount)
      THEN CASE WHEN c.receivable_account IN (1120, 1130) THEN 1 ELSE 2 END
      ELSE 3 END AS lines
  FROM stage_allocation s
    JOIN charge c ON c.account = :account AND c.charge_no = s.charge_no
) x

-- name: post_allocations
-- Of each new allocation: the credit pays the receivable, and what was deferred is realised; of a
-- payout (1120, 1130) nothing is. 2100 deferred revenue, 2110 deferred tax, 2200 tax, 4000 realised
-- revenue. Binds :account, :batch_no, :allocations_before.
-- sqlite: joins in this order
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, debit_party_no, credit_party_no, charge_no, payment_no, product_no)
SELECT CAST(:account AS TEXT), l.posting_no, :batch_no, 'allocation', l.effective_on,
  l.debit_account, l.credit_account, l.amount, l.debit_party_no, l.credit_party_no, l.charge_no,
  l.payment_no, l.product_no
FROM (
  SELECT a.posting_no, a.effective_on, a.credit_account AS debit_account,
    c.receivable_account AS credit_account, a.amount, a.party_no AS debit_party_no,
    c.party_no AS credit_party_no, a.charge_no, a.payment_no, c.product_no
  FROM allocation a
    JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no
  WHERE a.account = :account AND a.allocation_no > :allocations_before
  UNION ALL
  SELECT a.posting_no + 1, a.effective_on, 2100, 4000, a.amount - a.tax, NULL, NULL,
    a.charge_no, a.payment_no, c.product_no
  FROM allocation a
    JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no
  WHERE a.account = :account AND a.allocation_no > :allocations_before
    AND a.amount > a.tax AND c.receivable_account IN (1100, 1110)
  UNION ALL
  SELECT CASE WHEN a.amount > a.tax THEN a.posting_no + 2 ELSE a.posting_no + 1 END,
    a.effective_on, 2110, 2200, a.tax, NULL, NULL, a.charge_no, a.payment_no, c.product_no
  FROM allocation a
    JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no
  WHERE a.account = :account AND a.allocation_no > :allocations_before AND a.tax > 0
) l
ORDER BY l.posting_no

-- name: find_taxed
-- The staged allocations whose share of tax is to be told, each charge's in their order, with what
-- decides it: what of the charge and of its tax live allocations pay, and what of both is open.
-- Binds :account.
-- sqlite: joins in this order
SELECT s.charge_no, s.payment_no, s.credit_account, s.party_no, s.amount, c.amount AS charged,
  c.tax AS charged_tax, c.allocated, c.open_amount,
  (SELECT COALESCE(SUM(CASE WHEN a.reverses_allocation_no IS NULL THEN a.tax ELSE -a.tax END), 0)
    FROM allocation a /* sqlite: INDEXED BY ix_allocation_charge_no */
    WHERE a.account = :account AND a.charge_no = s.charge_no) AS allocated_tax,
  c.tax
  - (SELECT COALESCE(SUM(CASE WHEN a.reverses_allocation_no IS NULL THEN a.tax ELSE -a.tax END), 0)
    FROM allocation a /* sqlite: INDEXED BY ix_allocation_charge_no */
    WHERE a.account = :account AND a.charge_no = s.charge_no)
  - (SELECT COALESCE(SUM(f.tax), 0)
    FROM refund f /* sqlite: INDEXED BY ix_refund_charge_no */
    WHERE f.account = :account AND f.charge_no = s.charge_no)
  - (SELECT COALESCE(SUM(w.tax), 0)
    FROM write_off w /* sqlite: INDEXED BY ix_write_off_charge_no */
    WHERE w.account = :account AND w.charge_no = s.charge_no) AS open_tax
FROM stage_allocation s
  JOIN charge_standing c ON c.account = :account AND c.charge_no = s.charge_no
WHERE s.tax IS NULL
ORDER BY s.charge_no, s.place

-- name: take_whole_taxes
-- Who pays all that is open of a charge pays all the tax that is. Binds :account.
-- sqlite: joins in this order
UPDATE stage_allocation
SET tax = x.open_tax
FROM (
  SELECT c.charge_no, c.open_amount, c.tax
    - (SELECT COALESCE(SUM(CASE WHEN a.reverses_allocation_no IS NULL THEN a.tax
        ELSE -a.tax END), 0)
      FROM allocation a /* sqlite: INDEXED BY ix_allocation_charge_no */
      WHERE a.account = :account AND a.charge_no = s.charge_no)
    - (SELECT COALESCE(SUM(f.tax), 0)
      FROM refund f /* sqlite: INDEXED BY ix_refund_charge_no */
      WHERE f.account = :account AND f.charge_no = s.charge_no)
    - (SELECT COALESCE(SUM(w.tax), 0)
      FROM write_off w /* sqlite: INDEXED BY ix_write_off_charge_no */
      WHERE w.account = :account AND w.charge_no = s.charge_no) AS open_tax
  FROM stage_allocation s
    JOIN charge_standing c ON c.account = :account AND c.charge_no = s.charge_no
  WHERE s.tax IS NULL AND s.amount = c.open_amount
) x
WHERE stage_allocation.charge_no = x.charge_no AND stage_allocation.amount = x.open_amount

-- name: set_tax
-- What of a staged allocation is tax. Binds :charge_no, :payment_no, :credit_account, :party_no,
-- :tax.
UPDATE stage_allocation
SET tax = :tax
WHERE charge_no = :charge_no AND payment_no = :payment_no
  AND credit_account = :credit_account AND party_no = :party_no

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
