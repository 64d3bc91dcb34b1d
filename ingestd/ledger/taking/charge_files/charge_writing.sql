-- name: find_extent
-- The last row of the file that any row of the stage is of.
SELECT COALESCE(MAX(row), 0) AS last_row
FROM (
  SELECT MAX(row) AS row FROM stage_charge
  UNION ALL SELECT MAX(row) FROM stage_rejected
  UNION ALL SELECT MAX(row) FROM stage_repeat
) s

-- name: list_left_out
-- The rows that are not applied.
SELECT row FROM stage_rejected
UNION ALL
SELECT row FROM stage_repeat

-- name: list_applied
-- The rows that are applied.
SELECT row FROM stage_charge

-- name: list_parties
-- The party of each staged student that is charged, in the order of the stage's numbers.
SELECT student_no, COALESCE(party_no, 0)
FROM stage_student
ORDER BY student_no

-- name: list_codes
-- The number of each staged product's code that is charged, in the order of the stage's numbers.
SELECT product_no, COALESCE(code_no, 0)
FROM stage_product
ORDER BY product_no

-- name: list_prices
-- What each staged product costs from which day on. Binds :account.
-- sqlite: joins in this order
SELECT n.product_no, p.valid_from, p.price
FROM stage_product n
  JOIN product_price p ON p.account = :account AND p.billing_code = n.billing_code
ORDER BY n.product_no, p.valid_from
