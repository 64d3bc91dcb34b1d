-- name: find_charge
-- A charge by its key, and whether it was taken back. Binds :account, :tracking_id.
SELECT c.charge_no, c.party_no, c.receivable_account, c.content_hash, c.amount, c.effective_on,
  f.refund_no
FROM charge_key e
  JOIN charge c ON c.account = e.account AND c.charge_no = e.charge_no
  LEFT JOIN refund f ON f.account = c.account AND f.charge_no = c.charge_no
WHERE e.account = :account AND e.tracking_id = :tracking_id

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
-- :receivable_account, :product_no, :amount, :occurred_at, :day, :batch_no.
INSERT INTO charge (account, charge_no, tracking_id, content_hash, party_no, receivable_account,
  product_no, amount, occurred_at, effective_on, batch_no)
VALUES (:account, :charge_no, :tracking_id, :content_hash, :party_no, :receivable_account,
  :product_no, :amount, :occurred_at, :day, :batch_no)

-- name: post_charge
-- It is owed, and deferred; a charge of nothing moves nothing. 2100 deferred revenue.
-- Binds :account, :postings, :batch_no, :event, :charge_no.
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, debit_party_no, charge_no, product_no)
SELECT c.account, :postings + 1, :batch_no, CAST(:event AS TEXT), c.effective_on,
  c.receivable_account, 2100, c.amount, c.party_no, c.charge_no, c.product_no
FROM charge c
WHERE c.account = :account AND c.charge_no = :charge_no AND c.amount > 0

-- name: insert_guest
-- How a guest can be reached. Binds :account, :party_no, :name, :email, :phone, :batch_no.
INSERT INTO guest (account, party_no, name, email, phone, batch_no)
VALUES (:account, :party_no, :name, :email, :phone, :batch_no)
