-- name: find_sorted_product
-- Whether any product has a sort. Binds :account.
SELECT 1
FROM product
WHERE account = :account AND sort <> 0
LIMIT 1

-- name: open_new_charges
-- Open the charges above a number, where no product has a sort. They come in the order of the
-- key: the table is walked once, not searched for each row. Binds :account, :charges_before.
INSERT INTO open_charge (account, party_no, credit_account, occurred_at, sort, batch_no, row,
  charge_no, amount)
SELECT c.account, c.party_no, c.credit_account, c.occurred_at, 0, c.batch_no, c.row,
  c.charge_no, c.amount
FROM charge_standing c
WHERE c.account = :account AND c.charge_no > :charges_before AND c.amount > 0
ORDER BY c.party_no, c.credit_account, c.occurred_at, c.batch_no, c.row

-- name: open_new_charges_by_sort
-- Open the charges above a number, each in its product's place. Binds :account, :charges_before.
INSERT INTO open_charge (account, party_no, credit_account, occurred_at, sort, batch_no, row,
  charge_no, amount)
SELECT c.account, c.party_no, c.credit_account, c.occurred_at, c.sort, c.batch_no, c.row,
  c.charge_no, c.amount
FROM charge_standing c
WHERE c.account = :account AND c.charge_no > :charges_before AND c.amount > 0
ORDER BY c.party_no, c.credit_account, c.occurred_at, c.sort, c.batch_no, c.row

-- name: stage_touched
-- What is left now of the charges in `stage_changed`, and where it stands. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_touched (charge_no, party_no, credit_account, occurred_at, sort, batch_no, row,
  amount, new_sort)
SELECT c.charge_no, c.party_no, c.credit_account, c.occurred_at, c.sort, c.batch_no, c.row,
  c.open_amount, c.sort
FROM stage_changed x
  JOIN charge_standing c ON c.account = :account AND c.charge_no = x.charge_no

-- name: delete_touched
-- Take the touched charges from their old places. Binds :account.
DELETE FROM open_charge
WHERE (account, party_no, credit_account, occurred_at, sort, batch_no, row) IN (
  SELECT CAST(:account AS TEXT), x.party_no, x.credit_account, x.occurred_at, x.sort, x.batch_no,
    x.row
  FROM stage_touched x)

-- name: insert_touched
-- Put what is left of the touched charges into their new places. Binds :account.
INSERT INTO open_charge (account, party_no, credit_account, occurred_at, sort, batch_no, row,
  charge_no, amount)
SELECT CAST(:account AS TEXT), x.party_no, x.credit_account, x.occurred_at, x.new_sort,
  x.batch_no, x.row, x.charge_no, x.amount
FROM stage_touched x
WHERE x.amount > 0

-- name: stage_sorts
-- How products are sorted before a catalog is imported. Binds :account.
INSERT INTO stage_sort (billing_code, sort)
SELECT billing_code, sort
FROM product
WHERE account = :account

-- name: stage_resorted
-- Products whose sort the catalog has changed; one that is new had 0. Binds :account.
INSERT INTO stage_resorted (billing_code, sort)
SELECT r.billing_code, r.sort
FROM product r
  LEFT JOIN stage_sort b ON b.billing_code = r.billing_code
WHERE r.account = :account AND r.sort <> COALESCE(b.sort, 0)

-- name: stage_moved
-- The open charges of these products, with their old and new places. They are found by their
-- keys, all but the sort: no index is there for the charge's number alone. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_touched (charge_no, party_no, credit_account, occurred_at, sort, batch_no, row,
  amount, new_sort)
SELECT o.charge_no, o.party_no, o.credit_account, o.occurred_at, o.sort, o.batch_no, o.row,
  o.amount, x.sort
FROM charge_standing c
  JOIN stage_resorted x ON x.billing_code = c.billing_code
  JOIN open_charge o ON o.account = c.account AND o.party_no = c.party_no
    AND o.credit_account = c.credit_account AND o.occurred_at = c.occurred_at
    AND o.charge_no = c.charge_no
WHERE c.account = :account

-- name: stage_reach
-- Each member's reach before its first charge; `credit` is what its pool has to spend.
-- -9223372036854775808 stands before every place.
-- sqlite: joins in this order
INSERT INTO stage_reach (party_no, credit_account, pool, credit, reached, occurred_at, sort,
  batch_no, row)
SELECT m.party_no, m.credit_account, m.pool, k.credit, 0, -9223372036854775808,
  -9223372036854775808, -9223372036854775808, -9223372036854775808
FROM stage_member m
  JOIN (SELECT pool, MAX(high) AS credit FROM stage_credit GROUP BY pool) k ON k.pool = m.pool

-- name: advance_reach
-- Go :skipped charges and one more on, where the credit reaches farther and there may be more;
-- NULL where so many are not there. 9223372036854775807 is the last place there is.
-- Binds :account, :skipped.
UPDATE stage_reach
SET (occurred_at, sort, batch_no, row) = (
  SELECT o.occurred_at, o.sort, o.batch_no, o.row
  FROM open_charge o
  WHERE o.account = :account AND o.party_no = stage_reach.party_no
    AND o.credit_account = stage_reach.credit_account
    AND (o.occurred_at, o.sort, o.batch_no, o.row) > (stage_reach.occurred_at, stage_reach.sort,
      stage_reach.batch_no, stage_reach.row)
  ORDER BY o.occurred_at, o.sort, o.batch_no, o.row
  LIMIT 1 OFFSET :skipped)
WHERE reached < credit AND occurred_at < 9223372036854775807

-- name: end_reach
-- Who has no more charges is at the last place.
UPDATE stage_reach
SET occurred_at = 9223372036854775807, sort = 9223372036854775807,
  batch_no = 9223372036854775807, row = 9223372036854775807
WHERE occurred_at IS NULL

-- name: add_up_reach
-- What is left to pay of the charges up to the place that was reached. Binds :account.
UPDATE stage_reach
SET reached = (
  SELECT COALESCE(SUM(o.amount), 0)
  FROM open_charge o
  WHERE o.account = :account AND o.party_no = stage_reach.party_no
    AND o.credit_account = stage_reach.credit_account
    AND (o.occurred_at, o.sort, o.batch_no, o.row) <= (stage_reach.occurred_at, stage_reach.sort,
      stage_reach.batch_no, stage_reach.row))
WHERE reached < credit AND occurred_at < 9223372036854775807
