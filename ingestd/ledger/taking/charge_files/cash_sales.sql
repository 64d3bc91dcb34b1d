-- name: stage_cash_sales
-- The charges above :charges_before of nobody in particular, but those of nothing, each with the id
-- that its payment should have. Binds :account, :prefix too.
-- sqlite: joins in this order
INSERT INTO stage_cash_sale (charge_no, payment_id)
SELECT c.charge_no, CAST(:prefix AS TEXT) || c.tracking_id
FROM party y
  JOIN charge c ON c.account = y.account AND c.charge_no > :charges_before
    AND c.party_no = y.party_no AND c.amount > 0
WHERE y.account = :account AND y.kind = 'anonymous' AND y.party_code = 'ANONYMOUS'

-- name: find_ids_to_replace
-- The staged sales whose payment's id is too long, or is another payment's. Binds :account,
-- :characters_max.
-- sqlite: joins in this order
SELECT s.payment_id, c.tracking_id
FROM stage_cash_sale s
  JOIN charge c ON c.account = :account AND c.charge_no = s.charge_no
WHERE LENGTH(s.payment_id) > CAST(:characters_max AS BIGINT)
  OR EXISTS (SELECT 1 FROM payment p
    WHERE p.account = :account AND p.payment_id = s.payment_id)
ORDER BY s.charge_no

-- name: is_taken
-- Whether a payment is called so, or is to be. Binds :account, :payment_id.
SELECT EXISTS (SELECT 1 FROM payment WHERE account = :account AND payment_id = :payment_id)
  OR EXISTS (SELECT 1 FROM stage_cash_sale WHERE payment_id = :payment_id)

-- name: replace_id
-- Give a staged sale's payment another id than :replaced. Binds :payment_id too.
UPDATE stage_cash_sale
SET payment_id = :payment_id
WHERE payment_id = :replaced

-- name: insert_payments
-- The cash of the staged sales, on the day of each, told from the same row; above :payments there
-- is none. Binds :account, :batch_no too.
-- sqlite: joins in this order
INSERT INTO payment (account, payment_no, payment_id, content_hash, kind, party_no, amount,
  submitted_at, received_on, for_charge_no, batch_no, row)
SELECT CAST(:account AS TEXT), :payments + ROW_NUMBER() OVER (ORDER BY s.charge_no), s.payment_id,
  c.content_hash, 'cash_sale', c.party_no, c.amount, c.occurred_at, c.effective_on, c.charge_no,
  :batch_no, c.row
FROM stage_cash_sale s
  JOIN charge c ON c.account = :account AND c.charge_no = s.charge_no
ORDER BY s.charge_no

-- name: insert_parts
-- What that cash is for: a charge on the wallet (1110) or a fee. Binds :account, :payments,
-- :batch_no.
-- sqlite: joins in this order
INSERT INTO payment_part (account, payment_no, part_no, kind, amount, party_no, batch_no)
SELECT CAST(:account AS TEXT), p.payment_no, 1,
  CASE c.receivable_account WHEN 1110 THEN 'wallet' ELSE 'fee' END, p.amount, p.party_no, :batch_no
FROM payment p
  JOIN charge c ON c.account = p.account AND c.charge_no = p.for_charge_no
WHERE p.account = :account AND p.payment_no > :payments
ORDER BY p.payment_no

-- name: stage_paid_in_cash
-- The payments above :payments. Binds :account too.
INSERT INTO stage_chosen (payment_no)
SELECT payment_no
FROM payment
WHERE account = :account AND payment_no > :payments
