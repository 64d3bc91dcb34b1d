-- name: insert_refund
-- A charge that a command takes back. Binds :account, :refund_no, :charge_no, :content_hash,
-- :day, :batch_no.
INSERT INTO refund (account, refund_no, charge_no, content_hash, effective_on, batch_no)
VALUES (:account, :refund_no, :charge_no, :content_hash, :day, :batch_no)

-- name: stage_undone
-- The live allocations to the charges of the refunds above a number: nothing has undone them, and
-- they undo nothing. Binds :account, :refunds_before.
-- sqlite: joins in this order
INSERT INTO stage_undone (allocation_no)
SELECT a.allocation_no
FROM refund f
  JOIN allocation a /* sqlite: INDEXED BY ix_allocation_charge_no */ ON a.account = f.account
    AND a.charge_no = f.charge_no AND a.reverses_allocation_no IS NULL
WHERE f.account = :account AND f.refund_no > :refunds_before
  AND NOT EXISTS (SELECT 1 FROM allocation r
    WHERE r.account = a.account AND r.reverses_allocation_no = a.allocation_no)

-- name: post_voided
-- These charges are owed no more, and nothing is deferred of them; never before their own day.
-- 2100 deferred revenue. Binds :account, :postings, :batch_no, :refunds_before, :day.
-- sqlite: joins in this order
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, credit_party_no, charge_no, product_no)
SELECT f.account, :postings + ROW_NUMBER() OVER (ORDER BY f.refund_no), :batch_no, 'refund',
  GREATEST(c.effective_on, CAST(:day AS BIGINT)), 2100, c.receivable_account, c.amount, c.party_no,
  c.charge_no, c.product_no
FROM refund f
  JOIN charge_standing c ON c.account = f.account AND c.charge_no = f.charge_no
WHERE f.account = :account AND f.refund_no > :refunds_before AND c.amount > 0

-- name: void_states
-- These charges are void as a whole. Binds :account, :refunds_before.
-- sqlite: joins in this order
INSERT INTO charge_state (account, charge_no, amount, allocated, voided)
SELECT c.account, c.charge_no, c.amount, 0, c.amount
FROM refund f
  JOIN charge c ON c.account = f.account AND c.charge_no = f.charge_no
WHERE f.account = :account AND f.refund_no > :refunds_before
ON CONFLICT (account, charge_no)
DO UPDATE SET voided = excluded.voided

-- name: stage_voided
-- These charges. Binds :account, :refunds_before.
INSERT INTO stage_changed (charge_no)
SELECT f.charge_no
FROM refund f
WHERE f.account = :account AND f.refund_no > :refunds_before

-- name: post_moved
-- What was undone of fees moves to the wallets of those that were charged, never before its own
-- day. 2010 unapplied fees, 2000 wallet credit. Binds :account, :postings, :batch_no, :day.
-- sqlite: joins in this order
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, debit_party_no, credit_party_no, charge_no, payment_no)
SELECT a.account, :postings + ROW_NUMBER() OVER (ORDER BY a.allocation_no), :batch_no, 'refund',
  GREATEST(a.effective_on, CAST(:day AS BIGINT)), 2010, 2000, a.amount, a.party_no, c.party_no,
  c.charge_no, a.payment_no
FROM stage_undone u
  JOIN allocation a ON a.account = :account AND a.allocation_no = u.allocation_no
  JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no
WHERE a.credit_account = 2010

-- name: add_to_wallets
-- Each wallet has so much more left of the payment, available since the fees' credit was freed.
-- 2010 unapplied fees, 2000 wallet credit. Binds :account.
-- sqlite: joins in this order
INSERT INTO credit_lot (account, payment_no, credit_account, party_no, settled_batch_no,
  available_on, remaining)
SELECT l.account, l.payment_no, 2000, x.party_no, l.settled_batch_no, l.available_on, x.amount
FROM (
  SELECT a.payment_no, a.party_no AS payer_no, c.party_no, SUM(a.amount) AS amount
  FROM stage_undone u
    JOIN allocation a ON a.account = :account AND a.allocation_no = u.allocation_no
    JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no
  WHERE a.credit_account = 2010
  GROUP BY a.payment_no, a.party_no, c.party_no
) x
  JOIN credit_lot l ON l.account = :account AND l.payment_no = x.payment_no
    AND l.credit_account = 2010 AND l.party_no = x.payer_no
WHERE TRUE
ON CONFLICT (account, payment_no, credit_account, party_no)
DO UPDATE SET remaining = credit_lot.remaining + excluded.remaining,
  available_on = GREATEST(credit_lot.available_on, excluded.available_on)

-- name: take_from_fees
-- The fees' credit has so much less. 2010 unapplied fees. Binds :account.
-- sqlite: joins in this order
UPDATE credit_lot
SET remaining = remaining - x.amount
FROM (
  SELECT a.payment_no, a.party_no, SUM(a.amount) AS amount
  FROM stage_undone u
    JOIN allocation a ON a.account = :account AND a.allocation_no = u.allocation_no
  WHERE a.credit_account = 2010
  GROUP BY a.payment_no, a.party_no
) x
WHERE credit_lot.account = :account AND credit_lot.payment_no = x.payment_no
  AND credit_lot.credit_account = 2010 AND credit_lot.party_no = x.party_no

-- name: stage_payers
-- Who was charged what the refunds above a number take back. Binds :account, :refunds_before.
-- sqlite: joins in this order
INSERT INTO stage_payer (party_no)
SELECT DISTINCT c.party_no
FROM refund f
  JOIN charge c ON c.account = f.account AND c.charge_no = f.charge_no
WHERE f.account = :account AND f.refund_no > :refunds_before

-- name: sum_refunded
-- What the refunds above a number take back. Binds :account, :refunds_before.
-- sqlite: joins in this order
SELECT COALESCE(SUM(c.amount), 0)
FROM refund f
  JOIN charge c ON c.account = f.account AND c.charge_no = f.charge_no
WHERE f.account = :account AND f.refund_no > :refunds_before
