-- name: insert_undone
-- Write what takes back the allocations in `stage_undone`, never before the day of what is taken
-- back: on no day may a charge be paid less than nothing.
-- Binds :account, :allocations, :event, :day, :batch_no.
-- sqlite: joins in this order
INSERT INTO allocation (account, allocation_no, payment_no, credit_account, party_no, charge_no,
  amount, rule, effective_on, batch_no, reverses_allocation_no)
SELECT a.account, :allocations + ROW_NUMBER() OVER (ORDER BY a.allocation_no), a.payment_no,
  a.credit_account, a.party_no, a.charge_no, a.amount, CAST(:event AS TEXT),
  GREATEST(a.effective_on, CAST(:day AS BIGINT)), :batch_no, a.allocation_no
FROM stage_undone u
  JOIN allocation a ON a.account = :account AND a.allocation_no = u.allocation_no

-- name: post_undone
-- Of each allocation in `stage_undone`: what was realised is deferred, and the receivable and the
-- credit are there again. Each line reverses the posting of its allocation. One payment pays one
-- charge once in a batch, so that this finds the one; it is looked for among its charge's: a
-- payment may have paid thousands, COALESCE keeps off its index. In a join PostgreSQL would walk
-- all of them for each. 2100 deferred revenue, 4000 realised revenue.
-- Binds :account, :postings, :batch_no, :event, :day.
-- sqlite: joins in this order
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, debit_party_no, credit_party_no, charge_no, payment_no, product_no,
  reverses_posting_no)
SELECT CAST(:account AS TEXT),
  :postings + ROW_NUMBER() OVER (ORDER BY l.allocation_no, l.side), :batch_no,
  CAST(:event AS TEXT), GREATEST(l.effective_on, CAST(:day AS BIGINT)), l.debit_account,
  l.credit_account, l.amount, l.debit_party_no, l.credit_party_no, l.charge_no, l.payment_no,
  l.product_no, l.reverses_posting_no
FROM (
  SELECT a.allocation_no, 1 AS side, a.effective_on, 4000 AS debit_account,
    2100 AS credit_account, a.amount, CAST(NULL AS BIGINT) AS debit_party_no,
    CAST(NULL AS BIGINT) AS credit_party_no, a.charge_no, a.payment_no, c.product_no,
    (SELECT o.posting_no
      FROM posting o /* sqlite: INDEXED BY ix_posting_charge_no */
      WHERE o.account = a.account AND o.charge_no = a.charge_no AND o.event <> 'charge'
        AND COALESCE(o.payment_no, 0) = a.payment_no AND o.batch_no = a.batch_no
        AND o.event = 'allocation' AND o.credit_account = 4000) AS reverses_posting_no
  FROM stage_undone u
    JOIN allocation a ON a.account = :account AND a.allocation_no = u.allocation_no
    JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no
  UNION ALL
  SELECT a.allocation_no, 2, a.effective_on, c.receivable_account, a.credit_account, a.amount,
    c.party_no, a.party_no, a.charge_no, a.payment_no, c.product_no,
    (SELECT o.posting_no
      FROM posting o /* sqlite: INDEXED BY ix_posting_charge_no */
      WHERE o.account = a.account AND o.charge_no = a.charge_no AND o.event <> 'charge'
        AND COALESCE(o.payment_no, 0) = a.payment_no AND o.batch_no = a.batch_no
        AND o.event = 'allocation' AND o.credit_account = c.receivable_account)
  FROM stage_undone u
    JOIN allocation a ON a.account = :account AND a.allocation_no = u.allocation_no
    JOIN charge_standing c ON c.account = a.account AND c.charge_no = a.charge_no
) l

-- name: take_from_states
-- The charges in `stage_undone` are paid by so much less, and open again since the last day on
-- which something was taken back. Binds :account, :day.
-- sqlite: joins in this order
UPDATE charge_state
SET allocated = allocated - x.amount, open_on = GREATEST(open_on, x.undone_on)
FROM (
  SELECT a.charge_no, SUM(a.amount) AS amount,
    MAX(GREATEST(a.effective_on, CAST(:day AS BIGINT))) AS undone_on
  FROM stage_undone u
    JOIN allocation a ON a.account = :account AND a.allocation_no = u.allocation_no
  GROUP BY a.charge_no
) x
WHERE charge_state.account = :account AND charge_state.charge_no = x.charge_no

-- name: give_back_to_lots
-- The lots in `stage_undone` have so much more left, since that day. Binds :account, :day.
-- sqlite: joins in this order
UPDATE credit_lot
SET remaining = remaining + x.amount, available_on = GREATEST(available_on, x.undone_on)
FROM (
  SELECT a.payment_no, a.credit_account, a.party_no, SUM(a.amount) AS amount,
    MAX(GREATEST(a.effective_on, CAST(:day AS BIGINT))) AS undone_on
  FROM stage_undone u
    JOIN allocation a ON a.account = :account AND a.allocation_no = u.allocation_no
  GROUP BY a.payment_no, a.credit_account, a.party_no
) x
WHERE credit_lot.account = :account AND credit_lot.payment_no = x.payment_no
  AND credit_lot.credit_account = x.credit_account AND credit_lot.party_no = x.party_no

-- name: stage_reopened
-- The charges in `stage_undone`. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_changed (charge_no)
SELECT DISTINCT a.charge_no
FROM stage_undone u
  JOIN allocation a ON a.account = :account AND a.allocation_no = u.allocation_no

-- name: find_undone_of_charge
-- The last day, later than :day, on which an allocation to a charge was taken back; one that was
-- taken back on its own day never counted. NULL for none. Binds :account, :charge_no, :day.
-- sqlite: joins in this order
SELECT MAX(r.effective_on)
FROM allocation a /* sqlite: INDEXED BY ix_allocation_charge_no */
  JOIN allocation r ON r.account = a.account AND r.reverses_allocation_no = a.allocation_no
WHERE a.account = :account AND a.charge_no = :charge_no
  AND r.effective_on > a.effective_on AND r.effective_on > :day

-- name: find_undone_of_payment
-- The same of the allocations of a payment. Binds :account, :payment_no, :day.
-- sqlite: joins in this order
SELECT MAX(r.effective_on)
FROM allocation a /* sqlite: INDEXED BY ix_allocation_payment_no */
  JOIN allocation r ON r.account = a.account AND r.reverses_allocation_no = a.allocation_no
WHERE a.account = :account AND a.payment_no = :payment_no
  AND r.effective_on > a.effective_on AND r.effective_on > :day
