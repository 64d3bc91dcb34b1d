-- name: look_students_up
-- Note of each student whether nobody may charge it, and its party's number, where it has one.
-- Nobody may charge whom the roster does not know, unless :registers is 1: then it is added; nor
-- the reserved one of anonymous sales, unless :sells_for_cash is 1. Binds :account too.
UPDATE stage_student
SET is_unknown = CASE
    WHEN student_id = 'ANONYMOUS' THEN 1 - CAST(:sells_for_cash AS BIGINT)
    WHEN CAST(:registers AS BIGINT) = 1 OR EXISTS (
      SELECT 1 FROM student k
      WHERE k.account = :account AND k.student_id = stage_student.student_id
    ) THEN 0
    ELSE 1
  END,
  party_no = (
    SELECT p.party_no FROM party p
    WHERE p.account = :account AND p.party_code = stage_student.student_id
      AND p.kind = CASE p.party_code WHEN 'ANONYMOUS' THEN 'anonymous' ELSE 'student' END
  )
RETURNING is_unknown

-- name: look_products_up
-- Note of each product whether the catalog does not know it, and its code's number, where it has
-- one. What is paid out is no product. Binds :account.
UPDATE stage_product
SET is_unknown = CASE
    WHEN billing_code <> 'PAYOUT' AND EXISTS (
      SELECT 1 FROM product k
      WHERE k.account = :account AND k.billing_code = stage_product.billing_code
    ) THEN 0
    ELSE 1
  END,
  code_no = (
    SELECT c.code_no FROM code c
    WHERE c.account = :account AND c.code = stage_product.billing_code
  )
RETURNING is_unknown

-- name: find_unknown_students
-- A finding for each row whose student nobody may charge. Binds :message, :reserved.
-- sqlite: joins in this order
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'student_unknown', 'row', s.row, s.line, 'student_id', n.student_id,
  CASE n.student_id WHEN 'ANONYMOUS' THEN CAST(:reserved AS TEXT) ELSE CAST(:message AS TEXT) END
FROM stage_charge s
  JOIN stage_student n ON n.student_no = s.student_no
WHERE n.is_unknown = 1

-- name: find_unknown_products
-- A finding for each row whose product the catalog does not know. Binds :message, :reserved.
-- sqlite: joins in this order
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'billing_code_unknown', 'row', s.row, s.line, 'billing_code', n.billing_code,
  CASE n.billing_code WHEN 'PAYOUT' THEN CAST(:reserved AS TEXT) ELSE CAST(:message AS TEXT) END
FROM stage_charge s
  JOIN stage_product n ON n.product_no = s.product_no
WHERE n.is_unknown = 1

-- name: find_missing_prices
-- A finding for each row without an amount whose product had no price by then. Binds :account,
-- :message.
-- sqlite: joins in this order
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'price_missing', 'row', s.row, s.line, 'amount', '', CAST(:message AS TEXT)
FROM stage_charge s
  JOIN stage_product n ON n.product_no = s.product_no
WHERE s.amount IS NULL
  AND n.is_unknown = 0
  AND NOT EXISTS (
    SELECT 1 FROM product_price p
    WHERE p.account = :account AND p.billing_code = n.billing_code
      AND p.valid_from <= s.effective_on
  )

-- name: name_rows
-- By what people find the rows again that a finding says are not applied.
-- sqlite: joins in this order
INSERT INTO stage_named (row, row_key, party_code)
SELECT s.row, s.row_key, n.student_id
FROM (
    SELECT DISTINCT row FROM stage_finding
    WHERE verdict <> 'warning' OR code = 'duplicate_in_file'
  ) f
  JOIN stage_charge s ON s.row = f.row
  JOIN stage_student n ON n.student_no = s.student_no
WHERE TRUE
ON CONFLICT DO NOTHING

-- name: forget_rejected
-- Take the rejected rows out: a rejected row does not use up its key.
DELETE FROM stage_charge
WHERE row IN (SELECT r.row FROM stage_rejected r)

-- name: find_known_keys
-- The rows whose key the ledger holds: key by key on both sides, then row by row, as the charges
-- lie that were sent like this. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_known (row, charge_no)
SELECT k.row, e.charge_no
FROM stage_key k
  JOIN charge_key e ON e.account = :account AND e.tracking_id = k.row_key
ORDER BY k.row

-- name: find_repeats_of_ledger
-- What the ledger holds was first: what comes now repeats it or contradicts it. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_repeat (row, line, row_key, outcome, earlier_no, earlier_batch_no)
SELECT s.row, s.line, s.row_key,
  CASE WHEN c.content_hash = s.content_hash THEN 'duplicate' ELSE 'conflict' END,
  k.charge_no, c.batch_no
FROM stage_known k
  JOIN stage_charge s ON s.row = k.row
  JOIN charge c ON c.account = :account AND c.charge_no = k.charge_no
ORDER BY k.row

-- name: is_any_in_conflict
-- Whether a row contradicts a charge. Of a file that was sent again none does; that is seen without
-- a look at the charges, which PostgreSQL may know nothing of yet.
SELECT EXISTS (SELECT 1 FROM stage_repeat WHERE outcome = 'conflict')

-- name: find_conflicts_with_ledger
-- A finding for each row that contradicts a charge, which says where that came from. Binds
-- :account, :message.
-- sqlite: joins in this order
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'conflict', 'row', s.row, s.line, 'charge_tracking_id', s.row_key,
  REPLACE(
    REPLACE(CAST(:message AS TEXT), '{upload}', COALESCE(b.upload_id, '-')),
    '{row}', COALESCE(CAST(c.row AS TEXT), '-')
  )
FROM stage_repeat s
  JOIN charge c ON c.account = :account AND c.charge_no = s.earlier_no
  JOIN seal b ON b.account = c.account AND b.batch_no = c.batch_no
WHERE s.outcome = 'conflict'

-- name: find_doubts
-- Whether two rows share a key (in the order of the keys, the same ones are neighbours), and
-- whether any key could look like another one.
-- sqlite: joins in this order
SELECT
  EXISTS (
    SELECT 1
    FROM stage_key s
      JOIN stage_key n ON n.place = s.place + 1
    WHERE n.row_key = s.row_key
  ) AS is_any_key_twice,
  EXISTS (SELECT 1 FROM stage_charge WHERE folded_id IS NOT NULL) AS has_folded_keys

-- name: find_repeats_in_file
-- Rows that have the key of an earlier row of the file; the first counts, unless the ledger has it
-- already.
-- sqlite: joins in this order
INSERT INTO stage_repeat (row, line, row_key, outcome, first_row)
SELECT s.row, s.line, s.row_key,
  CASE WHEN f.content_hash = s.content_hash THEN 'duplicate' ELSE 'conflict' END, f.row
FROM (SELECT row, MIN(row) OVER (PARTITION BY row_key) AS first_row
  FROM stage_charge
  WHERE row_key IN (SELECT row_key FROM stage_charge GROUP BY row_key HAVING COUNT(*) > 1)) e
  JOIN stage_charge f ON f.row = e.first_row
  JOIN stage_charge s ON s.row = e.row
WHERE e.row > e.first_row
  AND NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = e.first_row)

-- name: find_keys_alike
-- A warning for each key that only looks like an earlier one of the file: keys are compared byte
-- for byte. Binds :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'keys_alike', 'warning', a.row, a.line, 'charge_tracking_id', a.row_key,
  REPLACE(CAST(:message AS TEXT), '{row}', CAST(a.first_row AS TEXT))
FROM (
    SELECT s.row, s.line, s.row_key,
      FIRST_VALUE(s.row_key) OVER alike AS first_key,
      FIRST_VALUE(s.row) OVER alike AS first_row
    FROM stage_charge s
    WINDOW alike AS (PARTITION BY COALESCE(s.folded_id, s.row_key) ORDER BY s.row)
  ) a
WHERE a.row_key <> a.first_key

-- name: count_staged
-- How many rows are to be applied, the first of them and the last; how many of them have an
-- amount, and what those come to; whether a student or a product of the file has no number yet.
SELECT COUNT(*) AS staged, MIN(row) AS first_row, MAX(row) AS last_row,
  COUNT(amount) AS priced, COALESCE(SUM(amount), 0) AS amount,
  EXISTS (SELECT 1 FROM stage_student WHERE party_no IS NULL) AS lacks_parties,
  EXISTS (SELECT 1 FROM stage_product WHERE code_no IS NULL) AS lacks_codes
FROM stage_charge

-- name: take_out_repeats
-- Leave in the stage what is to be applied.
DELETE FROM stage_charge
WHERE row IN (SELECT r.row FROM stage_repeat r)

-- name: take_out_keys_of_repeats
-- The same for their keys.
DELETE FROM stage_key
WHERE row IN (SELECT r.row FROM stage_repeat r)

-- name: insert_charges
-- Write the charges in the order of the file, where no row was taken out between them. The youngest
-- price that was valid by then counts where no amount is given, and what belongs to a closed month
-- is posted on the first open day. Binds :account, :charges, :rows_before, :open_from, :batch_no.
-- sqlite: joins in this order
INSERT INTO charge (account, charge_no, tracking_id, content_hash, party_no, receivable_account,
  product_no, amount, note, occurred_at, effective_on, batch_no, row)
SELECT CAST(:account AS TEXT), :charges + s.row - :rows_before, s.row_key, s.content_hash,
  n.party_no, s.receivable_account, k.code_no,
  COALESCE(s.amount, (
    SELECT p.price FROM product_price p
    WHERE p.account = :account AND p.billing_code = k.billing_code
      AND p.valid_from <= s.effective_on
    ORDER BY p.valid_from DESC LIMIT 1
  )),
  s.note, s.occurred_at, GREATEST(s.effective_on, :open_from), :batch_no, s.row
FROM stage_charge s
  JOIN stage_student n ON n.student_no = s.student_no
  JOIN stage_product k ON k.product_no = s.product_no
ORDER BY s.row

-- name: take_keys
-- This insert decides: the charges are ours only if no other charge has one of their keys. Binds
-- :account, :charges, :rows_before.
INSERT INTO charge_key (account, tracking_id, charge_no)
SELECT CAST(:account AS TEXT), s.row_key, :charges + s.row - :rows_before
FROM stage_key s
ORDER BY s.place

-- name: stage_places
-- How-manieth each row is of those to be applied, where some between them are not.
INSERT INTO stage_place (row, place)
SELECT row, ROW_NUMBER() OVER (ORDER BY row)
FROM stage_charge

-- name: insert_charges_by_place
-- As `insert_charges`, numbered by place. Binds :account, :charges, :open_from, :batch_no.
-- sqlite: joins in this order
INSERT INTO charge (account, charge_no, tracking_id, content_hash, party_no, receivable_account,
  product_no, amount, note, occurred_at, effective_on, batch_no, row)
SELECT CAST(:account AS TEXT), :charges + w.place, s.row_key, s.content_hash,
  n.party_no, s.receivable_account, k.code_no,
  COALESCE(s.amount, (
    SELECT p.price FROM product_price p
    WHERE p.account = :account AND p.billing_code = k.billing_code
      AND p.valid_from <= s.effective_on
    ORDER BY p.valid_from DESC LIMIT 1
  )),
  s.note, s.occurred_at, GREATEST(s.effective_on, :open_from), :batch_no, s.row
FROM stage_charge s
  JOIN stage_place w ON w.row = s.row
  JOIN stage_student n ON n.student_no = s.student_no
  JOIN stage_product k ON k.product_no = s.product_no
ORDER BY s.row

-- name: take_keys_by_place
-- As `take_keys`, numbered by place. Binds :account, :charges.
-- sqlite: joins in this order
INSERT INTO charge_key (account, tracking_id, charge_no)
SELECT CAST(:account AS TEXT), s.row_key, :charges + w.place
FROM stage_key s
  JOIN stage_place w ON w.row = s.row
ORDER BY s.place

-- name: post_charges
-- Receivable (1100 or 1110) to 2100 deferred revenue. A charge of nothing moves nothing: it has no
-- posting, and counts as paid. Between two of them postings are numbered as charges are, so that no
-- row waits for a window function. Binds :account, :charges_before, :end, :postings, :batch_no.
-- sqlite: joins in this order
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, debit_party_no, charge_no, product_no)
WITH free AS (
    SELECT charge_no FROM charge
    WHERE account = :account AND charge_no > :charges_before AND amount = 0
    UNION ALL
    SELECT CAST(:end AS BIGINT)
  ),
  stretch AS (
    SELECT charge_no AS high,
      COALESCE(LAG(charge_no) OVER (ORDER BY charge_no), :charges_before) AS low,
      ROW_NUMBER() OVER (ORDER BY charge_no) - 1 AS skipped
    FROM free
  )
SELECT c.account, :postings - :charges_before + c.charge_no - r.skipped, :batch_no, 'charge',
  c.effective_on, c.receivable_account, 2100, c.amount, c.party_no, c.charge_no, c.product_no
FROM stretch r
  JOIN charge c ON c.account = :account AND c.charge_no > r.low AND c.charge_no < r.high

-- name: stage_payers
-- Who was charged. Binds :account, :charges_before.
INSERT INTO stage_payer (party_no)
SELECT DISTINCT party_no
FROM charge
WHERE account = :account AND charge_no > :charges_before

-- name: sum_charges
-- What the new charges come to. Binds :account, :charges_before.
SELECT COALESCE(SUM(amount), 0)
FROM charge
WHERE account = :account AND charge_no > :charges_before

-- name: weigh_charges
-- How many charges are staged, and what they come to: where no amount is given, the youngest price
-- that was valid by then counts. Binds :account.
-- sqlite: joins in this order
SELECT COUNT(*) AS charges, COALESCE(SUM(COALESCE(s.amount, (
    SELECT p.price FROM product_price p
    WHERE p.account = :account AND p.billing_code = k.billing_code
      AND p.valid_from <= s.effective_on
    ORDER BY p.valid_from DESC LIMIT 1
  ))), 0) AS amount
FROM stage_charge s
  JOIN stage_product k ON k.product_no = s.product_no
