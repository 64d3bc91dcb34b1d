-- name: insert_parents
-- A number for each parent who pays for the first time. :parties is how many the books have.
-- Binds :account, :batch_no too.
INSERT INTO party (account, party_no, kind, party_code, batch_no)
SELECT CAST(:account AS TEXT), :parties + ROW_NUMBER() OVER (ORDER BY n.code), 'parent', n.code,
  :batch_no
FROM (SELECT DISTINCT s.parent_code AS code
  FROM stage_payment s
  WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)) n
WHERE NOT EXISTS (SELECT 1 FROM party y
  WHERE y.account = :account AND y.kind = 'parent' AND y.party_code = n.code)

-- name: number_rows_of_parents
-- What each row that repeats none becomes, in the order of the file: a parent's payment, and, where
-- it is a sale and its payment together, a charge of the student whom it names. Above :payments and
-- :charges the books have none. Binds :account too.
INSERT INTO stage_numbered (row, payment_no, payer_no, customer_no, charge_no)
SELECT s.row, :payments + ROW_NUMBER() OVER (ORDER BY s.row),
  (SELECT y.party_no FROM party y
    WHERE y.account = :account AND y.kind = 'parent' AND y.party_code = s.parent_code),
  (SELECT y.party_no FROM party y
    WHERE y.account = :account AND y.kind = 'student' AND y.party_code = s.student_id),
  CASE WHEN s.is_sale = 1
    THEN :charges + SUM(s.is_sale) OVER (ORDER BY s.row) END
FROM (SELECT row, parent_code, student_id,
    CASE WHEN payer_name IS NOT NULL AND COALESCE(receipt_type, 'G') = 'G' THEN 1 ELSE 0 END
      AS is_sale
  FROM stage_payment) s
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)

-- name: insert_codes
-- A number for each ledger account that is sold under for the first time. Binds :account, :codes,
-- :batch_no.
-- sqlite: joins in this order
INSERT INTO code (account, code_no, code, batch_no)
SELECT CAST(:account AS TEXT), :codes + ROW_NUMBER() OVER (ORDER BY n.code), n.code, :batch_no
FROM (SELECT DISTINCT s.gl_account AS code
  FROM stage_numbered m
    JOIN stage_payment s ON s.row = m.row
  WHERE m.charge_no IS NOT NULL) n
WHERE NOT EXISTS (SELECT 1 FROM code k WHERE k.account = :account AND k.code = n.code)

-- name: insert_sales
-- What was sold with each payment, as a charge, tax included; its ledger account stands for the
-- product. What belongs to a closed month is posted on the first open day.
-- 1100 receivable fees. Binds :account, :open_from, :batch_no.
-- sqlite: joins in this order
INSERT INTO charge (account, charge_no, tracking_id, content_hash, party_no, receivable_account,
  product_no, amount, tax, note, occurred_at, effective_on, batch_no, row)
SELECT CAST(:account AS TEXT), n.charge_no, s.row_key, s.content_hash,
  COALESCE(n.customer_no, n.payer_no), 1100, k.code_no, s.fee + s.tax, s.tax, s.comment,
  s.submitted_at,
  GREATEST(s.received_on, CAST(:open_from AS BIGINT)), :batch_no, s.row
FROM stage_numbered n
  JOIN stage_payment s ON s.row = n.row
  JOIN code k ON k.account = :account AND k.code = s.gl_account
WHERE n.charge_no IS NOT NULL
ORDER BY n.row

-- name: insert_taxes
-- Under which code the tax of what was sold is due, for the charges of this file. Binds :account,
-- :batch_no.
-- sqlite: joins in this order
INSERT INTO charge_tax (account, charge_no, tax_code, batch_no)
SELECT CAST(:account AS TEXT), n.charge_no, s.tax_code, :batch_no
FROM stage_numbered n
  JOIN stage_payment s ON s.row = n.row
WHERE n.charge_no IS NOT NULL AND s.tax_code IS NOT NULL
ORDER BY n.row

-- name: post_sales
-- Receivable fees (1100) to deferred revenue (2100) and deferred tax (2110), for the charges above
-- :charges_before; one of nothing moves nothing. :postings is how many the books have.
-- Binds :account, :batch_no too.
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, debit_party_no, charge_no, product_no)
SELECT CAST(:account AS TEXT),
  :postings + ROW_NUMBER() OVER (ORDER BY l.charge_no, l.credit_account), :batch_no, 'sale',
  l.effective_on, 1100, l.credit_account, l.amount, l.party_no, l.charge_no, l.product_no
FROM (
  SELECT c.charge_no, c.effective_on, 2100 AS credit_account, c.amount - c.tax AS amount,
    c.party_no, c.product_no
  FROM charge c
  WHERE c.account = :account AND c.charge_no > :charges_before AND c.amount > c.tax
  UNION ALL
  SELECT c.charge_no, c.effective_on, 2110, c.tax, c.party_no, c.product_no
  FROM charge c
  WHERE c.account = :account AND c.charge_no > :charges_before AND c.tax > 0
) l

-- name: insert_payments
-- The payments, in the order of the file. What belongs to a closed month is posted on the first
-- open day. Binds :account, :kind, :open_from, :batch_no.
-- sqlite: joins in this order
INSERT INTO payment (account, payment_no, payment_id, content_hash, kind, party_no, amount,
  submitted_at, received_on, merchant_id, batch_num, receipt_num, for_charge_no, comment,
  batch_no, row)
SELECT CAST(:account AS TEXT), n.payment_no, s.row_key, s.content_hash, CAST(:kind AS TEXT),
  n.payer_no, s.amount, s.submitted_at, GREATEST(s.received_on, CAST(:open_from AS BIGINT)),
  s.merchant_id, s.batch_num, s.receipt_num, n.charge_no, s.comment, :batch_no,
  s.row
FROM stage_numbered n
  JOIN stage_payment s ON s.row = n.row
ORDER BY n.row

-- name: insert_details
-- What else each payment's row says: who paid, where the payer lives, what for and under which
-- numbers, as it stands in the file. Binds :account, :batch_no.
-- sqlite: joins in this order
INSERT INTO payment_detail (account, payment_no, received_from, address_1, address_2, address_3,
  town, state, postcode, country, comment, gl_account, tax_code, nett, tax, donor_number,
  appeal_code, pledge_number, par_code, student_code, receipt_type, batch_no)
SELECT CAST(:account AS TEXT), n.payment_no, s.payer_name, s.address_1, s.address_2, s.address_3,
  s.town, s.state, s.postcode, s.country, s.comment, s.gl_account, s.tax_code, s.fee, s.tax,
  s.donor_number, s.appeal_code, s.pledge_number, s.parent_code, s.student_id, s.receipt_type,
  :batch_no
FROM stage_numbered n
  JOIN stage_payment s ON s.row = n.row
ORDER BY n.row

-- name: insert_parts_of_sales
-- What each other payment is for, all of it, tax included: what was sold with it, or a deposit or
-- an advance, which is its student's. Payment by payment, as the table is appended to. Binds
-- :account, :batch_no.
-- sqlite: joins in this order
INSERT INTO payment_part (account, payment_no, part_no, kind, amount, party_no, gl_account,
  tax_code, batch_no)
SELECT CAST(:account AS TEXT), n.payment_no, 1,
  CASE s.receipt_type WHEN 'D' THEN 'deposit' WHEN 'A' THEN 'advance' ELSE 'fee' END,
  s.fee + s.tax,
  CASE WHEN s.receipt_type IN ('D', 'A') THEN n.customer_no ELSE n.payer_no END,
  s.gl_account, s.tax_code, :batch_no
FROM stage_numbered n
  JOIN stage_payment s ON s.row = n.row
ORDER BY n.row

-- name: stage_settled
-- The payments above :payments_before of merchants whose batches settle on import.
-- Binds :account too.
-- sqlite: joins in this order
INSERT INTO stage_chosen (payment_no)
SELECT p.payment_no
FROM payment p
  JOIN merchant m ON m.account = p.account AND m.merchant_id = p.merchant_id
WHERE p.account = :account AND p.payment_no > :payments_before AND m.settle = 'on_import'

-- name: sum_payments
-- What the payments above :payments_before come to. Binds :account too.
SELECT COALESCE(SUM(amount), 0)
FROM payment
WHERE account = :account AND payment_no > :payments_before
