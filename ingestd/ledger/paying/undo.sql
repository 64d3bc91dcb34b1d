-- name: insert_undone
-- Write what takes back the allocations in `stage_undone`, never before the day of what is taken
-- back: on no day may a charge be paid less than nothing. Each has as many lines in the books as
-- what it takes back. Binds :account, :allocations, :postings, :event, :day, :batch_no.
-- sqlite: joins in this order
INSERT INTO allocation (account, allocation_no, payment_no, credit_account, party_no, charge_no,
  amount, tax, rule, effective_on, batch_no, posting_no, reverses_allocation_no)
SELECT CAST(:account AS TEXT), :allocations + ROW_NUMBER() OVER (ORDER BY x.allocation_no),
  x.payment_no, x.credit_account, x.party_no, x.charge_no, x.amount, x.tax,
  CAST(:event AS TEXT), GREATEST(x.effective_on, CAST(:day AS BIGINT)), :batch_no,
  :postings + 1 - x.lines + SUM(x.lines) OVER (ORDER BY x.allocation_no), x.allocation_no
FROM (
  SELECT a.allocation_no, a.payment_no, a.credit_account, a.party_no, a.charge_no, a.amount,
    a.tax, a.effective_on,
    CASE WHEN c.receivable_account IN (1120, 1130) THEN 1
      WHEN a.tax IN (0, a.amount) THEN 2 ELSE 3 END AS lines
  FROM stage_undone u
    JOIN allocation a ON a.account = :account AND a.allocation_no = u.allocation_no
    JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no
) x

-- name: post_undone
-- Turn around every line of the allocations that were taken back above a number: what was realised
-- is deferred, and the receivable and the credit are there again. Each line reverses its own. Of an
-- allocation of a payout (1120, 1130) there is one, of one without tax, or of nothing else, two.
-- Binds :account, :batch_no, :event, :allocations_before.
-- sqlite: joins in this order
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, debit_party_no, credit_party_no, charge_no, payment_no, product_no,
  reverses_posting_no)
SELECT CAST(:account AS TEXT), r.posting_no + o.posting_no - a.posting_no, :batch_no,
  CAST(:event AS TEXT), r.effective_on, o.credit_account, o.debit_account, o.amount,
  o.credit_party_no, o.debit_party_no, o.charge_no, o.payment_no, o.product_no, o.posting_no
FROM allocation r
  JOIN allocation a ON a.account = r.account AND a.allocation_no = r.reverses_allocation_no
  JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no
  JOIN posting o ON o.account = a.account AND o.posting_no >= a.posting_no
    AND o.posting_no < a.posting_no + CASE WHEN c.receivable_account IN (1120, 1130) THEN 1
      WHEN a.tax IN (0, a.amount) THEN 2 ELSE 3 END
WHERE r.account = :account AND r.allocation_no > :allocations_before

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
