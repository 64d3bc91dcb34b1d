-- name: find_transfer
-- A transfer by its id. Binds :account, :transfer_id.
SELECT t.batch_no, t.content_hash, t.amount
FROM transfer t
WHERE t.account = :account AND t.transfer_id = :transfer_id

-- name: insert_transfer
-- A transfer as a fact. Binds :account, :batch_no, :transfer_id, :content_hash, :from_party_no,
-- :from_account, :to_party_no, :to_account, :amount, :for_charge_no, :day.
INSERT INTO transfer (account, batch_no, transfer_id, content_hash, from_party_no, from_account,
  to_party_no, to_account, amount, for_charge_no, effective_on)
VALUES (:account, :batch_no, :transfer_id, :content_hash, :from_party_no, :from_account,
  :to_party_no, :to_account, :amount, :for_charge_no, :day)

-- name: stage_named
-- What was moved pays the charge that the transfer names, as far as it is open.
-- Binds :account, :for_charge_no, :day.
-- sqlite: joins in this order
INSERT INTO stage_allocation (charge_no, place, payment_no, credit_account, party_no, amount, tax,
  rule, effective_on)
SELECT x.charge_no, x.low, x.payment_no, x.credit_account, x.party_no,
  LEAST(x.low + x.amount, x.open_amount) - x.low, CASE WHEN x.tax = 0 THEN 0 END, 'directed',
  GREATEST(x.open_on, x.available_on, CAST(:day AS BIGINT))
FROM (
  SELECT c.charge_no, c.open_amount, c.tax, GREATEST(c.effective_on, c.open_on) AS open_on,
    t.payment_no, t.credit_account, t.party_no, t.amount, t.available_on,
    SUM(t.amount) OVER (ORDER BY l.settled_batch_no, t.payment_no) - t.amount AS low
  FROM stage_taken t
    JOIN credit_lot l ON l.account = :account AND l.payment_no = t.payment_no
      AND l.credit_account = t.credit_account AND l.party_no = t.party_no
    JOIN charge_standing c ON c.account = :account AND c.charge_no = :for_charge_no
) x
WHERE x.low < x.open_amount

-- name: find_allocations
-- Which allocations are a batch's, by their numbers; NULL for none. Binds :account, :batch_no.
SELECT MIN(first_row) AS first_no, MAX(first_row + row_count - 1) AS last_no
FROM chunk
WHERE account = :account AND batch_no = :batch_no AND table_name = 'allocation'

-- name: find_paid
-- What these allocations pay of each charge. Binds :account, :first_no, :last_no.
-- sqlite: joins in this order
SELECT c.tracking_id, SUM(a.amount) AS amount
FROM allocation a
  JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no
WHERE a.account = :account AND a.allocation_no >= :first_no AND a.allocation_no <= :last_no
  AND a.reverses_allocation_no IS NULL
GROUP BY c.charge_no, c.tracking_id
ORDER BY c.charge_no
