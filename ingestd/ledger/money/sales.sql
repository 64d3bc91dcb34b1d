-- name: find_charge
-- A charge by its key, what stands of it, and whether anything of it was taken back.
-- Binds :account, :tracking_id.
-- sqlite: joins in this order
SELECT c.charge_no, c.party_no, c.account_type, h.content_hash, c.amount, c.tax, c.allocated,
  c.voided, c.written_off, c.open_amount, c.effective_on, c.is_payout,
  CASE WHEN EXISTS (SELECT 1 FROM refund f
    WHERE f.account = c.account AND f.charge_no = c.charge_no) THEN 1 ELSE 0 END AS is_refunded
FROM charge_key e
  JOIN charge h ON h.account = e.account AND h.charge_no = e.charge_no
  JOIN charge_standing c ON c.account = e.account AND c.charge_no = e.charge_no
WHERE e.account = :account AND e.tracking_id = :tracking_id

-- name: insert_tax_code
-- Under which code a charge's tax is due; nothing where there is no such code. Binds :account,
-- :charge_no, :tax_code, :batch_no.
INSERT INTO charge_tax (account, charge_no, tax_code, batch_no)
SELECT k.account, :charge_no, k.tax_code, :batch_no
FROM tax_code k
WHERE k.account = :account AND k.tax_code = :tax_code

-- name: find_price
-- A product's price on a day: the youngest that was valid by then, NULL while none was; no row
-- where there is no such product. Binds :account, :billing_code, :day.
SELECT (
    SELECT p.price
    FROM product_price p
    WHERE p.account = r.account AND p.billing_code = r.billing_code AND p.valid_from <= :day
    ORDER BY p.valid_from DESC
    LIMIT 1) AS price
FROM product r
WHERE r.account = :account AND r.billing_code = :billing_code

-- name: insert_charge
-- A charge by command. Binds :account, :charge_no, :tracking_id, :content_hash, :party_no,
-- :receivable_account, :product_no, :amount, :tax, :occurred_at, :day, :batch_no.
INSERT INTO charge (account, charge_no, tracking_id, content_hash, party_no, receivable_account,
  product_no, amount, tax, occurred_at, effective_on, batch_no)
VALUES (:account, :charge_no, :tracking_id, :content_hash, :party_no, :receivable_account,
  :product_no, :amount, :tax, :occurred_at, :day, :batch_no)

-- name: post_charge
-- It is owed, and deferred; a charge of nothing moves nothing. 2100 deferred revenue, 2110 deferred
-- tax. Binds :account, :postings, :batch_no, :event, :charge_no.
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, debit_party_no, charge_no, product_no)
SELECT CAST(:account AS TEXT), :postings + ROW_NUMBER() OVER (ORDER BY l.credit_account), :batch_no,
  CAST(:event AS TEXT), l.effective_on, l.receivable_account, l.credit_account, l.amount,
  l.party_no, l.charge_no, l.product_no
FROM (
  SELECT c.effective_on, c.receivable_account, 2100 AS credit_account, c.amount - c.tax AS amount,
    c.party_no, c.charge_no, c.product_no
  FROM charge c
  WHERE c.account = :account AND c.charge_no = :charge_no AND c.amount > c.tax
  UNION ALL
  SELECT c.effective_on, c.receivable_account, 2110, c.tax, c.party_no, c.charge_no, c.product_no
  FROM charge c
  WHERE c.account = :account AND c.charge_no = :charge_no AND c.tax > 0
) l

-- name: insert_guest
-- How a guest can be reached. Binds :account, :party_no, :name, :email, :phone, :batch_no.
INSERT INTO guest (account, party_no, name, email, phone, batch_no)
VALUES (:account, :party_no, :name, :email, :phone, :batch_no)
