-- name: open_new_charges
-- Open the charges above a number, where no product has a sort. They come in the order of the
-- key: the table is walked once, not searched for each row. 1100 receivable fees, paid from 2010; a
-- wallet's from 2000. Binds :account, :charges_before.
INSERT INTO open_charge (account, party_no, credit_account, occurred_at, sort, charge_no, amount)
SELECT c.account, c.party_no, CASE c.receivable_account WHEN 1100 THEN 2010 ELSE 2000 END,
  c.occurred_at, 0, c.charge_no, c.amount
FROM charge c
WHERE c.account = :account AND c.charge_no > :charges_before AND c.amount > 0
ORDER BY 2, 3, 4, 6

-- name: open_new_charges_by_sort
-- Open the charges above a number, each in its product's place. Binds :account, :charges_before.
INSERT INTO open_charge (account, party_no, credit_account, occurred_at, sort, charge_no, amount)
SELECT c.account, c.party_no, c.credit_account, c.occurred_at, c.sort, c.charge_no, c.amount
FROM charge_standing c
WHERE c.account = :account AND c.charge_no > :charges_before AND c.amount > 0
ORDER BY c.party_no, c.credit_account, c.occurred_at, c.sort, c.charge_no

-- name: stage_touched
-- What is left now of the charges in `stage_changed`, and where it stands. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_touched (charge_no, party_no, credit_account, occurred_at, sort, amount, new_sort)
SELECT c.charge_no, c.party_no, c.credit_account, c.occurred_at, c.sort, c.open_amount, c.sort
FROM stage_changed x
  JOIN charge_standing c ON c.account = :account AND c.charge_no = x.charge_no

-- name: delete_touched
-- Take the touched charges from their old places. Binds :account.
DELETE FROM open_charge
WHERE (account, party_no, credit_account, occurred_at, sort, charge_no) IN (
  SELECT CAST(:account AS TEXT), x.party_no, x.credit_account, x.occurred_at, x.sort, x.charge_no
  FROM stage_touched x)

-- name: insert_touched
-- Put what is left of the touched charges into their new places. Binds :account.
INSERT INTO open_charge (account, party_no, credit_account, occurred_at, sort, charge_no, amount)
SELECT CAST(:account AS TEXT), x.party_no, x.credit_account, x.occurred_at, x.new_sort,
  x.charge_no, x.amount
FROM stage_touched x
WHERE x.amount > 0

-- name: stage_sorts
-- How products are sorted before a catalog is imported. Binds :account.
INSERT INTO stage_sort (billing_code, sort)
SELECT billing_code, sort
FROM product
WHERE account = :account

-- name: stage_resorted
-- Products whose sort the catalog has changed, if ever they were charged for; one that is new had
-- 0. Binds :account.
INSERT INTO stage_resorted (product_no, sort)
SELECT k.code_no, r.sort
FROM product r
  JOIN code k ON k.account = r.account AND k.code = r.billing_code
  LEFT JOIN stage_sort b ON b.billing_code = r.billing_code
WHERE r.account = :account AND r.sort <> COALESCE(b.sort, 0)

-- name: stage_moved
-- The open charges of these products, with their old and new places. They are found by their
-- keys, all but the sort: no index is there for the charge's number alone. 1100 receivable fees,
-- paid from 2010; a wallet's from 2000. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_touched (charge_no, party_no, credit_account, occurred_at, sort, amount, new_sort)
SELECT o.charge_no, o.party_no, o.credit_account, o.occurred_at, o.sort, o.amount, x.sort
FROM charge c
  JOIN stage_resorted x ON x.product_no = c.product_no
  JOIN open_charge o ON o.account = c.account AND o.party_no = c.party_no
    AND o.credit_account = CASE c.receivable_account WHEN 1100 THEN 2010 ELSE 2000 END
    AND o.occurred_at = c.occurred_at AND o.charge_no = c.charge_no
WHERE c.account = :account

-- name: stage_reach
-- Each member's reach before its first charge; `credit` is what its pool has to spend.
-- -9223372036854775808 stands before every place.
-- sqlite: joins in this order
INSERT INTO stage_reach (party_no, credit_account, pool, credit, reached, occurred_at, sort,
  charge_no)
SELECT m.party_no, m.credit_account, m.pool, k.credit, 0, -9223372036854775808,
  -9223372036854775808, -9223372036854775808
FROM stage_member m
  JOIN (SELECT pool, MAX(high) AS credit FROM stage_credit GROUP BY pool) k ON k.pool = m.pool

-- name: reach_everything
-- Everybody is at the last place there is (9223372036854775807).
UPDATE stage_reach
SET occurred_at = 9223372036854775807, sort = 9223372036854775807,
  charge_no = 9223372036854775807

-- name: advance_reach
-- Go :skipped charges and one more on, where the credit reaches farther and there may be more;
-- NULL where so many are not there. 9223372036854775807 is the last place there is.
-- Binds :account, :skipped.
UPDATE stage_reach
SET (occurred_at, sort, charge_no) = (
  SELECT o.occurred_at, o.sort, o.charge_no
  FROM open_charge o
  WHERE o.account = :account AND o.party_no = stage_reach.party_no
    AND o.credit_account = stage_reach.credit_account
    AND (o.occurred_at, o.sort, o.charge_no)
      > (stage_reach.occurred_at, stage_reach.sort, stage_reach.charge_no)
  ORDER BY o.occurred_at, o.sort, o.charge_no
  LIMIT 1 OFFSET :skipped)
WHERE reached < credit AND occurred_at < 9223372036854775807

-- name: end_reach
-- Who has no more charges is at the last place.
UPDATE stage_reach
SET occurred_at = 9223372036854775807, sort = 9223372036854775807,
  charge_no = 9223372036854775807
WHERE occurred_at IS NULL

-- name: add_up_reach
-- What is left to pay of the charges up to the place that was reached. Binds :account.
UPDATE stage_reach
SET reached = (
  SELECT COALESCE(SUM(o.amount), 0)
  FROM open_charge o
  WHERE o.account = :account AND o.party_no = stage_reach.party_no
    AND o.credit_account = stage_reach.credit_account
    AND (o.occurred_at, o.sort, o.charge_no)
      <= (stage_reach.occurred_at, stage_reach.sort, stage_reach.charge_no))
WHERE reached < credit AND occurred_at < 9223372036854775807
