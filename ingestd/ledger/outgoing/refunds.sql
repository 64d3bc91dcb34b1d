-- name: insert_refunding
-- A refund by command. Binds :charge_no, :amount, :paid_to, :refund_key, :content_hash.
INSERT INTO stage_refunding (place, charge_no, amount, tax, paid_to, refund_key, content_hash)
VALUES (1, :charge_no, :amount, 0, :paid_to, :refund_key, :content_hash)

-- name: stage_reached
-- What pays the charges that are taken back, the last allocation first, as far as what is open does
-- not suffice; `stays` is what stays of one that is reached in part. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_reached (allocation_no, place, charge_no, stays)
SELECT x.allocation_no, x.place, x.charge_no, GREATEST(x.high - x.needed, 0)
FROM (
  SELECT a.allocation_no, s.place, s.charge_no, a.amount, s.amount - c.open_amount AS needed,
    SUM(a.amount) OVER (PARTITION BY s.charge_no ORDER BY a.allocation_no DESC) AS high
  FROM stage_refunding s
    JOIN charge_standing c ON c.account = :account AND c.charge_no = s.charge_no
    JOIN allocation a /* sqlite: INDEXED BY ix_allocation_charge_no */ ON a.account = :account
      AND a.charge_no = s.charge_no AND a.reverses_allocation_no IS NULL
  WHERE s.amount > c.open_amount
    AND NOT EXISTS (SELECT 1 FROM allocation r
      WHERE r.account = a.account AND r.reverses_allocation_no = a.allocation_no)
) x
WHERE x.high - x.amount < x.needed

-- name: stage_undone
-- These allocations are undone.
INSERT INTO stage_undone (allocation_no)
SELECT allocation_no
FROM stage_reached

-- name: find_taxed
-- The refunds of charges with tax, and what decides how much of each is tax: what was refunded of
-- the charge before, and what is open of it by now. Binds :account.
-- sqlite: joins in this order
SELECT s.place, s.amount, c.amount AS charged, c.tax AS charged_tax, c.voided, c.open_amount,
  (SELECT COALESCE(SUM(f.tax), 0)
    FROM refund f /* sqlite: INDEXED BY ix_refund_charge_no */
    WHERE f.account = :account AND f.charge_no = s.charge_no) AS refunded_tax,
  (SELECT COALESCE(SUM(CASE WHEN a.reverses_allocation_no IS NULL THEN a.tax ELSE -a.tax END), 0)
    FROM allocation a /* sqlite: INDEXED BY ix_allocation_charge_no */
    WHERE a.account = :account AND a.charge_no = s.charge_no) AS allocated_tax,
  (SELECT COALESCE(SUM(w.tax), 0)
    FROM write_off w /* sqlite: INDEXED BY ix_write_off_charge_no */
    WHERE w.account = :account AND w.charge_no = s.charge_no) AS written_off_tax
FROM stage_refunding s
  JOIN charge_standing c ON c.account = :account AND c.charge_no = s.charge_no
WHERE c.tax > 0 AND s.amount > 0

-- name: set_tax
-- What of a refund is tax. Binds :place, :tax.
UPDATE stage_refunding
SET tax = :tax
WHERE place = :place

-- name: insert_refunds
-- The refunds as facts, in their order. Above :refunds the books have none. Binds :account, :day,
-- :batch_no too.
INSERT INTO refund (account, refund_no, charge_no, amount, tax, paid_to, refund_key, content_hash,
  tx_item_rowid, note, effective_on, batch_no, row)
SELECT CAST(:account AS TEXT), :refunds + s.place, s.charge_no, s.amount, s.tax, s.paid_to,
  s.refund_key, s.content_hash, s.tx_item_rowid, s.note, CAST(:day AS BIGINT), :batch_no, s.row
FROM stage_refunding s
ORDER BY s.place

-- name: post_voided
-- So much of the charges is owed no more, and nothing is deferred of it; never before their own
-- day. 2100 deferred revenue, 2110 deferred tax. Binds :account, :postings, :batch_no, :day.
-- sqlite: joins in this order
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, credit_party_no, charge_no, product_no)
SELECT CAST(:account AS TEXT),
  :postings + ROW_NUMBER() OVER (ORDER BY l.place, l.debit_account), :batch_no, 'refund',
  GREATEST(l.effective_on, CAST(:day AS BIGINT)), l.debit_account, l.receivable_account,
  l.amount, l.party_no, l.charge_no, l.product_no
FROM (
  SELECT s.place, c.effective_on, 2100 AS debit_account, c.receivable_account,
    s.amount - s.tax AS amount, c.party_no, c.charge_no, c.product_no
  FROM stage_refunding s
    JOIN charge c ON c.account = :account AND c.charge_no = s.charge_no
  WHERE s.amount > s.tax
  UNION ALL
  SELECT s.place, c.effective_on, 2110, c.receivable_account, s.tax, c.party_no, c.charge_no,
    c.product_no
  FROM stage_refunding s
    JOIN charge c ON c.account = :account AND c.charge_no = s.charge_no
  WHERE s.tax > 0
) l

-- name: void_states
-- So much of these charges is void. Binds :account.
-- sqlite: joins in this order
INSERT INTO charge_state (account, charge_no, amount, allocated, voided)
SELECT c.account, c.charge_no, c.amount, 0, s.amount
FROM stage_refunding s
  JOIN charge c ON c.account = :account AND c.charge_no = s.charge_no
WHERE TRUE
ON CONFLICT (account, charge_no)
DO UPDATE SET voided = charge_state.voided + excluded.voided

-- name: stage_voided
-- These charges.
INSERT INTO stage_changed (charge_no)
SELECT charge_no
FROM stage_refunding

-- name: stage_kept
-- What stays of the allocations that were undone and were reached in part: it is allocated anew.
-- Binds :account, :day.
-- sqlite: joins in this order
INSERT INTO stage_allocation (charge_no, place, payment_no, credit_account, party_no, amount, tax,
  rule, effective_on)
SELECT a.charge_no, 0, a.payment_no, a.credit_account, a.party_no, s.stays,
  CASE WHEN c.tax = 0 THEN 0 END, a.rule, GREATEST(a.effective_on, CAST(:day AS BIGINT))
FROM stage_reached s
  JOIN allocation a ON a.account = :account AND a.allocation_no = s.allocation_no
  JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no
WHERE s.stays > 0

-- name: stage_freed
-- What these refunds free of each payment's credit, and since when. Binds :account, :day.
-- sqlite: joins in this order
INSERT INTO stage_freed (place, payment_no, credit_account, payer_no, party_no, charge_no, amount,
  effective_on)
SELECT s.place, a.payment_no, a.credit_account, a.party_no, c.party_no, c.charge_no,
  SUM(a.amount - s.stays), MAX(GREATEST(a.effective_on, CAST(:day AS BIGINT)))
FROM stage_reached s
  JOIN allocation a ON a.account = :account AND a.allocation_no = s.allocation_no
  JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no
WHERE a.amount > s.stays
GROUP BY s.place, a.payment_no, a.credit_account, a.party_no, c.party_no, c.charge_no

-- name: post_moved
-- What was freed of fees moves to the wallets of those that were charged, and a discount goes back
-- to where it came from. 2000 wallet credit, 2010 unapplied fees, 2015 unapplied discounts, 4900
-- discounts. Binds :account, :postings, :batch_no.
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, debit_party_no, credit_party_no, charge_no, payment_no)
SELECT CAST(:account AS TEXT),
  :postings + ROW_NUMBER() OVER (ORDER BY x.place, x.payment_no, x.credit_account, x.payer_no),
  :batch_no, 'refund', x.effective_on, x.credit_account,
  CASE x.credit_account WHEN 2010 THEN 2000 ELSE 4900 END, x.amount, x.payer_no,
  CASE x.credit_account WHEN 2010 THEN x.party_no END, x.charge_no, x.payment_no
FROM stage_freed x
WHERE x.credit_account IN (2010, 2015)

-- name: add_to_wallets
-- Each wallet has so much more left of the payment, available since it was moved there.
-- 2010 unapplied fees, 2000 wallet credit. Binds :account.
-- sqlite: joins in this order
INSERT INTO credit_lot (account, payment_no, credit_account, party_no, settled_batch_no,
  available_on, remaining)
SELECT l.account, l.payment_no, 2000, x.party_no, l.settled_batch_no, x.effective_on, x.amount
FROM (
  SELECT payment_no, payer_no, party_no, SUM(amount) AS amount, MAX(effective_on) AS effective_on
  FROM stage_freed
  WHERE credit_account = 2010
  GROUP BY payment_no, payer_no, party_no
) x
  JOIN credit_lot l ON l.account = :account AND l.payment_no = x.payment_no
    AND l.credit_account = 2010 AND l.party_no = x.payer_no
WHERE TRUE
ON CONFLICT (account, payment_no, credit_account, party_no)
DO UPDATE SET remaining = credit_lot.remaining + excluded.remaining,
  available_on = GREATEST(credit_lot.available_on, excluded.available_on)

-- name: take_from_fees
-- The fees' credit and the discounts have so much less. 2010 unapplied fees, 2015 unapplied
-- discounts. Binds :account.
-- sqlite: joins in this order
UPDATE credit_lot
SET remaining = remaining - x.amount
FROM (
  SELECT payment_no, credit_account, payer_no, SUM(amount) AS amount
  FROM stage_freed
  WHERE credit_account IN (2010, 2015)
  GROUP BY payment_no, credit_account, payer_no
) x
WHERE credit_lot.account = :account AND credit_lot.payment_no = x.payment_no
  AND credit_lot.credit_account = x.credit_account AND credit_lot.party_no = x.payer_no

-- name: find_paid_out
-- The refunds whose money goes out, and what was freed for each, discounts (2015) left aside.
-- Binds :account.
-- sqlite: joins in this order
SELECT s.place, s.paid_to, c.tracking_id, c.party_no, SUM(x.amount) AS amount
FROM stage_refunding s
  JOIN stage_freed x ON x.place = s.place AND x.credit_account <> 2015
  JOIN charge c ON c.account = :account AND c.charge_no = s.charge_no
WHERE s.paid_to <> 'wallet'
GROUP BY s.place, s.paid_to, c.tracking_id, c.party_no
ORDER BY s.place

-- name: stage_taken
-- Their credit, which lies in the wallets by now (2000).
-- sqlite: joins in this order
INSERT INTO stage_taken (place, payment_no, credit_account, party_no, amount, available_on)
SELECT x.place, x.payment_no, 2000, x.party_no, SUM(x.amount), MAX(x.effective_on)
FROM stage_refunding s
  JOIN stage_freed x ON x.place = s.place AND x.credit_account <> 2015
WHERE s.paid_to <> 'wallet'
GROUP BY x.place, x.payment_no, x.party_no

-- name: stage_payers
-- Who was charged what is taken back. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_payer (party_no)
SELECT DISTINCT c.party_no
FROM stage_refunding s
  JOIN charge c ON c.account = :account AND c.charge_no = s.charge_no

-- name: sum_refunded
-- What the refunds above a number take back. Binds :account, :refunds_before.
SELECT COALESCE(SUM(f.amount), 0)
FROM refund f
WHERE f.account = :account AND f.refund_no > :refunds_before

-- name: find_refund
-- A refund: that of a key, or with none the last of a charge; what its batch freed of money and of
-- discounts (2015), and how the money went out. Binds :account, :charge_no, :refund_key.
-- sqlite: joins in this order
SELECT f.refund_no, f.charge_no, f.amount, f.tax, f.paid_to, f.content_hash, f.effective_on,
  k.tracking_id AS payout_id,
  (SELECT COALESCE(SUM(CASE WHEN a.reverses_allocation_no IS NULL THEN -a.amount
      ELSE a.amount END), 0)
    FROM allocation a /* sqlite: INDEXED BY ix_allocation_charge_no */
    WHERE a.account = f.account AND a.charge_no = f.charge_no AND a.batch_no = f.batch_no
      AND a.credit_account <> 2015) AS freed,
  (SELECT COALESCE(SUM(CASE WHEN a.reverses_allocation_no IS NULL THEN -a.amount
      ELSE a.amount END), 0)
    FROM allocation a /* sqlite: INDEXED BY ix_allocation_charge_no */
    WHERE a.account = f.account AND a.charge_no = f.charge_no AND a.batch_no = f.batch_no
      AND a.credit_account = 2015) AS discounts
FROM refund f
  LEFT JOIN payout o ON o.account = f.account AND o.refund_no = f.refund_no
  LEFT JOIN charge k ON k.account = o.account AND k.charge_no = o.charge_no
WHERE f.account = :account
  AND f.refund_no = CASE WHEN CAST(:refund_key AS TEXT) IS NULL
    THEN (SELECT MAX(l.refund_no)
      FROM refund l /* sqlite: INDEXED BY ix_refund_charge_no */
      WHERE l.account = :account AND l.charge_no = :charge_no)
    ELSE (SELECT l.refund_no
      FROM refund l
      WHERE l.account = :account AND l.refund_key = :refund_key) END
