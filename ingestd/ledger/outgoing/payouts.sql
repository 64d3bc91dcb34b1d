-- name: find_payout
-- A payout by its id, and what became of it. Binds :account, :payout_id.
SELECT c.charge_no, c.party_no, c.amount, c.content_hash, c.effective_on, o.from_account, o.method,
  l.effective_on AS cleared_on, v.effective_on AS voided_on
FROM charge_key k
  JOIN charge c ON c.account = k.account AND c.charge_no = k.charge_no
  JOIN payout o ON o.account = c.account AND o.charge_no = c.charge_no
  LEFT JOIN payout_event l
    ON l.account = o.account AND l.charge_no = o.charge_no AND l.event = 'cleared'
  LEFT JOIN payout_event v
    ON v.account = o.account AND v.charge_no = o.charge_no AND v.event = 'voided'
WHERE k.account = :account AND k.tracking_id = :payout_id

-- name: sum_cash
-- What cash there is (1060) on a day and on every later one. Binds :account, :day.
SELECT COALESCE(MIN(y.held), 0)
FROM (
  SELECT x.last_on, SUM(x.amount) OVER (ORDER BY x.last_on) AS held
  FROM (
    SELECT GREATEST(effective_on, CAST(:day AS BIGINT)) AS last_on,
      SUM(CASE WHEN debit_account = 1060 THEN amount ELSE -amount END) AS amount
    FROM batch_total /* sqlite: INDEXED BY ix_batch_total_cash */
    WHERE account = :account AND (debit_account = 1060 OR credit_account = 1060)
    GROUP BY GREATEST(effective_on, CAST(:day AS BIGINT))
    UNION ALL
    SELECT CAST(:day AS BIGINT), 0
  ) x
) y

-- name: insert_payout
-- A payout that is to be written. Binds :place, :payout_id, :content_hash, :party_no,
-- :receivable_account, :from_account, :amount, :method, :payee, :reference, :refund_no.
INSERT INTO stage_payout (place, payout_id, content_hash, party_no, receivable_account,
  from_account, amount, method, payee, reference, refund_no)
VALUES (:place, :payout_id, :content_hash, :party_no, :receivable_account, :from_account, :amount,
  :method, :payee, :reference, :refund_no)

-- name: insert_charges
-- Each payout as an open item, known when its batch is; no money goes before it was there. Above
-- :charges the books have none. Binds :account, :product_no, :sealed_at, :day, :batch_no too.
INSERT INTO charge (account, charge_no, tracking_id, content_hash, party_no, receivable_account,
  product_no, amount, occurred_at, effective_on, batch_no)
SELECT CAST(:account AS TEXT), :charges + ROW_NUMBER() OVER (ORDER BY s.place), s.payout_id,
  s.content_hash, s.party_no, s.receivable_account, :product_no, s.amount, :sealed_at,
  GREATEST(CAST(:day AS BIGINT), (SELECT MAX(t.available_on)
    FROM stage_taken t
    WHERE t.place = s.place)), :batch_no
FROM stage_payout s
ORDER BY s.place

-- name: insert_payouts
-- How each went, and to whom. Binds :account, :charges, :batch_no.
INSERT INTO payout (account, charge_no, from_account, method, payee, reference, refund_no, batch_no)
SELECT CAST(:account AS TEXT), :charges + ROW_NUMBER() OVER (ORDER BY s.place), s.from_account,
  s.method, s.payee, s.reference, s.refund_no, :batch_no
FROM stage_payout s
ORDER BY s.place

-- name: insert_cash_events
-- Cash is gone at once. Above :charges_before the charges are payouts. Binds :account, :batch_no
-- too.
-- sqlite: joins in this order
INSERT INTO payout_event (account, charge_no, event, effective_on, batch_no)
SELECT c.account, c.charge_no, 'cleared', c.effective_on, :batch_no
FROM charge c
  JOIN payout o ON o.account = c.account AND o.charge_no = c.charge_no
WHERE c.account = :account AND c.charge_no > :charges_before AND o.method = 'cash'

-- name: post_payouts
-- Each is on its way (2060), or gone as cash (1060), and owed back until its credit pays it.
-- Binds :account, :postings, :batch_no, :charges_before.
-- sqlite: joins in this order
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, debit_party_no, charge_no, product_no)
SELECT c.account, :postings + ROW_NUMBER() OVER (ORDER BY c.charge_no), :batch_no, 'payout',
  c.effective_on, c.receivable_account, CASE o.method WHEN 'cash' THEN 1060 ELSE 2060 END,
  c.amount, c.party_no, c.charge_no, c.product_no
FROM charge c
  JOIN payout o ON o.account = c.account AND o.charge_no = c.charge_no
WHERE c.account = :account AND c.charge_no > :charges_before

-- name: stage_own_credit
-- The credit that was taken for each payout pays it. Above :charges the books have no charge.
-- Binds :day too.
-- sqlite: joins in this order
INSERT INTO stage_allocation (charge_no, place, payment_no, credit_account, party_no, amount, tax,
  rule, effective_on)
SELECT :charges + s.number, ROW_NUMBER() OVER (ORDER BY t.payment_no), t.payment_no,
  t.credit_account, t.party_no, t.amount, 0, 'payout',
  GREATEST(t.available_on, CAST(:day AS BIGINT))
FROM (SELECT place, ROW_NUMBER() OVER (ORDER BY place) AS number FROM stage_payout) s
  JOIN stage_taken t ON t.place = s.place

-- name: insert_event
-- What became of a payout. Binds :account, :charge_no, :event, :day, :batch_no.
INSERT INTO payout_event (account, charge_no, event, effective_on, batch_no)
VALUES (:account, :charge_no, :event, :day, :batch_no)

-- name: post_cleared
-- It left the bank. 1000 bank, 2060 payouts on their way. Binds :account, :postings, :batch_no,
-- :charge_no, :day.
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, charge_no, product_no)
SELECT c.account, :postings + 1, :batch_no, 'cleared', CAST(:day AS BIGINT), 2060, 1000, c.amount,
  c.charge_no, c.product_no
FROM charge c
WHERE c.account = :account AND c.charge_no = :charge_no

-- name: stage_undone
-- What pays a payout: nothing has undone it, and it undoes nothing. Binds :account, :charge_no.
INSERT INTO stage_undone (allocation_no)
SELECT a.allocation_no
FROM allocation a /* sqlite: INDEXED BY ix_allocation_charge_no */
WHERE a.account = :account AND a.charge_no = :charge_no AND a.reverses_allocation_no IS NULL
  AND NOT EXISTS (SELECT 1 FROM allocation r
    WHERE r.account = a.account AND r.reverses_allocation_no = a.allocation_no)

-- name: stage_turned
-- The payout's own lines: it went, it cleared, and what was written off of it.
-- Binds :account, :charge_no.
INSERT INTO stage_turned_payout (posting_no, place)
SELECT o.posting_no, 1
FROM posting o /* sqlite: INDEXED BY ix_posting_charge_no */
WHERE o.account = :account AND o.charge_no = :charge_no AND o.event <> 'charge'
  AND o.event IN ('payout', 'cleared', 'write_off') AND o.payment_no IS NULL

-- name: stage_turned_transfers
-- The lines by which a deposit or an advance became what was paid out, where their payment has not
-- taken them back. Binds :account, :charge_no.
-- sqlite: joins in this order
INSERT INTO stage_turned_payout (posting_no, place)
SELECT DISTINCT o.posting_no, 2
FROM stage_undone u
  JOIN allocation a ON a.account = :account AND a.allocation_no = u.allocation_no
  JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no
  JOIN posting o /* sqlite: INDEXED BY ix_posting_payment_no */ ON o.account = a.account
    AND o.payment_no = a.payment_no AND o.batch_no = c.batch_no AND o.event = 'transfer'
WHERE c.charge_no = :charge_no AND a.batch_no = c.batch_no AND o.reverses_posting_no IS NULL
  AND 2090 IN (o.debit_account, o.credit_account)

-- name: stage_turned_discounts
-- The lines by which payouts gave discounts (2015) back to 4900, of the payments whose cash this
-- one had; not those that were turned around before, nor while the payment's cash is out by
-- another payout or by a transfer (2090). Binds :account, :charge_no.
-- sqlite: joins in this order
INSERT INTO stage_turned_payout (posting_no, place)
SELECT DISTINCT o.posting_no, 3
FROM stage_undone u
  JOIN allocation a ON a.account = :account AND a.allocation_no = u.allocation_no
  JOIN posting o /* sqlite: INDEXED BY ix_posting_payment_no */ ON o.account = a.account
    AND o.payment_no = a.payment_no AND o.event = 'payout' AND o.debit_account = 2015
    AND o.credit_account = 4900
WHERE a.charge_no = :charge_no AND a.rule = 'payout'
  AND NOT EXISTS (SELECT 1
    FROM posting t /* sqlite: INDEXED BY ix_posting_payment_no */
    WHERE t.account = o.account AND t.payment_no = o.payment_no
      AND t.reverses_posting_no = o.posting_no)
  AND NOT EXISTS (SELECT 1
    FROM posting m /* sqlite: INDEXED BY ix_posting_payment_no */
    WHERE m.account = o.account AND m.payment_no = o.payment_no AND m.event = 'transfer'
      AND m.credit_account = 2090)
  AND NOT EXISTS (SELECT 1
    FROM allocation b /* sqlite: INDEXED BY ix_allocation_payment_no */
    WHERE b.account = o.account AND b.payment_no = o.payment_no AND b.rule = 'payout'
      AND NOT EXISTS (SELECT 1 FROM allocation r
        WHERE r.account = b.account AND r.reverses_allocation_no = b.allocation_no))

-- name: post_turned
-- Turn these lines around, never before their own day; what was written last goes first.
-- Binds :account, :postings, :batch_no, :event, :day.
-- sqlite: joins in this order
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, debit_party_no, credit_party_no, charge_no, payment_no, product_no,
  reverses_posting_no)
SELECT o.account, :postings + ROW_NUMBER() OVER (ORDER BY o.posting_no DESC), :batch_no,
  CAST(:event AS TEXT), GREATEST(o.effective_on, CAST(:day AS BIGINT)), o.credit_account,
  o.debit_account, o.amount, o.credit_party_no, o.debit_party_no, o.charge_no, o.payment_no,
  o.product_no, o.posting_no
FROM stage_turned_payout s
  JOIN posting o ON o.account = :account AND o.posting_no = s.posting_no

-- name: take_from_fees
-- What went back to a deposit or an advance is no credit for fees any more. Binds :account.
-- sqlite: joins in this order
UPDATE credit_lot
SET remaining = remaining - x.amount
FROM (
  SELECT o.payment_no, o.credit_account, o.credit_party_no, SUM(o.amount) AS amount
  FROM stage_turned_payout s
    JOIN posting o ON o.account = :account AND o.posting_no = s.posting_no
  WHERE s.place = 2 AND o.debit_account = 2090
  GROUP BY o.payment_no, o.credit_account, o.credit_party_no
) x
WHERE credit_lot.account = :account AND credit_lot.payment_no = x.payment_no
  AND credit_lot.credit_account = x.credit_account AND credit_lot.party_no = x.credit_party_no

-- name: give_back_to_lots
-- It waits there again. Binds :account, :day.
-- sqlite: joins in this order
UPDATE credit_lot
SET remaining = remaining + x.amount, available_on = GREATEST(available_on, x.turned_on)
FROM (
  SELECT o.payment_no, o.debit_account, o.debit_party_no, SUM(o.amount) AS amount,
    MAX(GREATEST(o.effective_on, CAST(:day AS BIGINT))) AS turned_on
  FROM stage_turned_payout s
    JOIN posting o ON o.account = :account AND o.posting_no = s.posting_no
  WHERE s.place = 2 AND o.credit_account = 2090
  GROUP BY o.payment_no, o.debit_account, o.debit_party_no
) x
WHERE credit_lot.account = :account AND credit_lot.payment_no = x.payment_no
  AND credit_lot.credit_account = x.debit_account AND credit_lot.party_no = x.debit_party_no

-- name: give_back_discounts
-- The discounts wait again. Binds :account, :day.
-- sqlite: joins in this order
UPDATE credit_lot
SET remaining = remaining + x.amount, available_on = GREATEST(available_on, x.turned_on)
FROM (
  SELECT o.payment_no, o.debit_party_no, SUM(o.amount) AS amount,
    MAX(GREATEST(o.effective_on, CAST(:day AS BIGINT))) AS turned_on
  FROM stage_turned_payout s
    JOIN posting o ON o.account = :account AND o.posting_no = s.posting_no
  WHERE s.place = 3
  GROUP BY o.payment_no, o.debit_party_no
) x
WHERE credit_lot.account = :account AND credit_lot.payment_no = x.payment_no
  AND credit_lot.credit_account = 2015 AND credit_lot.party_no = x.debit_party_no

-- name: stage_payers
-- Whose family and wallet the credit is in by now: the party's that was paid, and of those whose
-- discounts wait again. Binds :account, :party_no.
-- sqlite: joins in this order
INSERT INTO stage_payer (party_no)
SELECT CAST(:party_no AS BIGINT)
UNION
SELECT o.debit_party_no
FROM stage_turned_payout s
  JOIN posting o ON o.account = :account AND o.posting_no = s.posting_no
WHERE s.place = 3

-- name: void_state
-- All of it is void, what was written off of it, too. Binds :account, :charge_no.
UPDATE charge_state
SET voided = amount, written_off = 0
WHERE account = :account AND charge_no = :charge_no

-- name: stage_voided
-- The payout. Binds :charge_no.
INSERT INTO stage_changed (charge_no)
VALUES (:charge_no)
