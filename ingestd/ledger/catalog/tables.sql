-- name: keep_products
-- What a file of products has no column for stays as it is.
-- Binds :account, :has_name, :has_repayment, :has_sort, :has_installments, :has_gl_account,
-- :has_vendor, :has_first_instalment.
UPDATE stage_catalog AS s
SET name = CASE WHEN :has_name THEN s.name ELSE t.name END,
  repayment = CASE WHEN :has_repayment THEN s.repayment ELSE t.repayment END,
  sort = CASE WHEN :has_sort THEN s.sort ELSE t.sort END,
  installments = CASE WHEN :has_installments THEN s.installments ELSE t.installments END,
  gl_account = CASE WHEN :has_gl_account THEN s.gl_account ELSE t.gl_account END,
  vendor = CASE WHEN :has_vendor THEN s.vendor ELSE t.vendor END,
  first_instalment = CASE WHEN :has_first_instalment THEN s.first_instalment
    ELSE t.first_instalment END
FROM product t
WHERE t.account = :account AND t.billing_code = s.row_key

-- name: count_product_news
-- How many rows add a product or a price, and how many add or change anything. Each price of a
-- product comes in a row that repeats the product: the last one counts. Binds :account.
SELECT COUNT(DISTINCT CASE WHEN n.is_new = 1 THEN n.row END) AS added,
  COUNT(DISTINCT n.row) AS touched
FROM (
  SELECT s.row, CASE WHEN t.account IS NULL THEN 1 ELSE 0 END AS is_new
  FROM stage_catalog s
    LEFT JOIN product t ON t.account = :account AND t.billing_code = s.row_key
  WHERE s.row IN (SELECT MAX(row) FROM stage_catalog GROUP BY row_key)
    AND (t.account IS NULL
      OR (t.name, t.repayment, t.sort, t.installments, t.gl_account, t.vendor, t.first_instalment)
        IS DISTINCT FROM (s.name, s.repayment, s.sort, s.installments, s.gl_account, s.vendor,
          s.first_instalment))
  UNION ALL
  SELECT s.row, CASE WHEN t.account IS NULL THEN 1 ELSE 0 END
  FROM stage_catalog s
    LEFT JOIN product_price t ON t.account = :account AND t.billing_code = s.row_key
      AND t.valid_from = s.valid_from
  WHERE s.price IS NOT NULL AND (t.account IS NULL OR t.price <> s.price)) n

-- name: update_products
-- The products that a file names are as it says. Each price of a product comes in a row that
-- repeats the product: the last one counts. Binds :account.
INSERT INTO product AS t (account, billing_code, name, repayment, sort, installments, gl_account,
  vendor, first_instalment)
SELECT CAST(:account AS TEXT), s.row_key, s.name, s.repayment, s.sort, s.installments,
  s.gl_account, s.vendor, s.first_instalment
FROM stage_catalog s
WHERE s.row IN (SELECT MAX(row) FROM stage_catalog GROUP BY row_key)
ON CONFLICT (account, billing_code) DO UPDATE SET
  name = excluded.name,
  repayment = excluded.repayment,
  sort = excluded.sort,
  installments = excluded.installments,
  gl_account = excluded.gl_account,
  vendor = excluded.vendor,
  first_instalment = excluded.first_instalment
WHERE (t.name, t.repayment, t.sort, t.installments, t.gl_account, t.vendor, t.first_instalment)
  IS DISTINCT FROM (excluded.name, excluded.repayment, excluded.sort, excluded.installments,
    excluded.gl_account, excluded.vendor, excluded.first_instalment)

-- name: update_prices
-- The prices that a file gives are as it says, each from its day on. Binds :account.
INSERT INTO product_price AS t (account, billing_code, valid_from, price)
SELECT CAST(:account AS TEXT), s.row_key, s.valid_from, s.price
FROM stage_catalog s
WHERE s.price IS NOT NULL
ON CONFLICT (account, billing_code, valid_from) DO UPDATE SET price = excluded.price
WHERE t.price <> excluded.price

-- name: keep_students
-- What a file of students has no column for stays as it is.
-- Binds :account, :has_name, :has_parent_code, :has_status.
UPDATE stage_catalog AS s
SET name = CASE WHEN :has_name THEN s.name ELSE t.name END,
  parent_code = CASE WHEN :has_parent_code THEN s.parent_code ELSE t.parent_code END,
  status = CASE WHEN :has_status THEN s.status ELSE t.status END
FROM student t
WHERE t.account = :account AND t.student_id = s.row_key

-- name: count_student_news
-- How many rows of students add one, and how many add or change one. Binds :account.
SELECT COUNT(CASE WHEN t.account IS NULL THEN 1 END) AS added, COUNT(*) AS touched
FROM stage_catalog s
  LEFT JOIN student t ON t.account = :account AND t.student_id = s.row_key
WHERE t.account IS NULL
  OR (t.name, t.parent_code, t.status) IS DISTINCT FROM
    (s.name, s.parent_code, s.status)

-- name: update_students
-- The students that a file names are as it says. What is so already is not written again: a roster
-- is sent every night. Binds :account.
INSERT INTO student AS t (account, student_id, name, parent_code, status)
SELECT CAST(:account AS TEXT), s.row_key, s.name, s.parent_code, s.status
FROM stage_catalog s
WHERE TRUE
ON CONFLICT (account, student_id) DO UPDATE SET
  name = excluded.name,
  parent_code = excluded.parent_code,
  status = excluded.status
WHERE (t.name, t.parent_code, t.status) IS DISTINCT FROM
  (excluded.name, excluded.parent_code, excluded.status)

-- name: keep_parents
-- What a file of parents has no column for stays as it is.
-- Binds :account, :has_name, :has_email, :has_phone.
UPDATE stage_catalog AS s
SET name = CASE WHEN :has_name THEN s.name ELSE t.name END,
  email = CASE WHEN :has_email THEN s.email ELSE t.email END,
  phone = CASE WHEN :has_phone THEN s.phone ELSE t.phone END
FROM parent t
WHERE t.account = :account AND t.parent_code = s.row_key

-- name: count_parent_news
-- How many rows of parents add one, and how many add or change one. Binds :account.
SELECT COUNT(CASE WHEN t.account IS NULL THEN 1 END) AS added, COUNT(*) AS touched
FROM stage_catalog s
  LEFT JOIN parent t ON t.account = :account AND t.parent_code = s.row_key
WHERE t.account IS NULL
  OR (t.name, t.email, t.phone) IS DISTINCT FROM (s.name, s.email, s.phone)

-- name: update_parents
-- The parents that a file names are as it says. Binds :account.
INSERT INTO parent AS t (account, parent_code, name, email, phone)
SELECT CAST(:account AS TEXT), s.row_key, s.name, s.email, s.phone
FROM stage_catalog s
WHERE TRUE
ON CONFLICT (account, parent_code) DO UPDATE SET
  name = excluded.name,
  email = excluded.email,
  phone = excluded.phone
WHERE (t.name, t.email, t.phone) IS DISTINCT FROM (excluded.name, excluded.email, excluded.phone)

-- name: keep_gl_accounts
-- What a file of accounts of the general ledger has no column for stays as it is.
-- Binds :account, :has_name, :has_status, :has_requires_donor, :has_requires_appeal.
UPDATE stage_catalog AS s
SET name = CASE WHEN :has_name THEN s.name ELSE t.name END,
  status = CASE WHEN :has_status THEN s.status ELSE t.status END,
  requires_donor = CASE WHEN :has_requires_donor THEN s.requires_donor ELSE t.requires_donor END,
  requires_appeal = CASE WHEN :has_requires_appeal THEN s.requires_appeal ELSE t.requires_appeal END
FROM gl_account t
WHERE t.account = :account AND t.gl_account = s.row_key

-- name: count_gl_account_news
-- How many rows of accounts of the general ledger add one, and how many add or change one.
-- Binds :account.
SELECT COUNT(CASE WHEN t.account IS NULL THEN 1 END) AS added, COUNT(*) AS touched
FROM stage_catalog s
  LEFT JOIN gl_account t ON t.account = :account AND t.gl_account = s.row_key
WHERE t.account IS NULL
  OR (t.name, t.status, t.requires_donor, t.requires_appeal) IS DISTINCT FROM
    (s.name, s.status, s.requires_donor, s.requires_appeal)

-- name: update_gl_accounts
-- The accounts of the general ledger that a file names are as it says. Binds :account.
INSERT INTO gl_account AS t (account, gl_account, name, status, requires_donor, requires_appeal)
SELECT CAST(:account AS TEXT), s.row_key, s.name, s.status, s.requires_donor, s.requires_appeal
FROM stage_catalog s
WHERE TRUE
ON CONFLICT (account, gl_account) DO UPDATE SET
  name = excluded.name,
  status = excluded.status,
  requires_donor = excluded.requires_donor,
  requires_appeal = excluded.requires_appeal
WHERE (t.name, t.status, t.requires_donor, t.requires_appeal) IS DISTINCT FROM
  (excluded.name, excluded.status, excluded.requires_donor, excluded.requires_appeal)

-- name: keep_tax_codes
-- What a file of tax codes has no column for stays as it is.
-- Binds :account, :has_name.
UPDATE stage_catalog AS s
SET name = CASE WHEN :has_name THEN s.name ELSE t.name END
FROM tax_code t
WHERE t.account = :account AND t.tax_code = s.row_key

-- name: count_tax_code_news
-- How many rows of tax codes add one, and how many add or change one. Binds :account.
SELECT COUNT(CASE WHEN t.account IS NULL THEN 1 END) AS added, COUNT(*) AS touched
FROM stage_catalog s
  LEFT JOIN tax_code t ON t.account = :account AND t.tax_code = s.row_key
WHERE t.account IS NULL
  OR t.name IS DISTINCT FROM s.name

-- name: update_tax_codes
-- The tax codes that a file names are as it says. Binds :account.
INSERT INTO tax_code AS t (account, tax_code, name)
SELECT CAST(:account AS TEXT), s.row_key, s.name
FROM stage_catalog s
WHERE TRUE
ON CONFLICT (account, tax_code) DO UPDATE SET
  name = excluded.name
WHERE t.name IS DISTINCT FROM excluded.name

-- name: keep_merchants
-- What a file of merchants has no column for stays as it is.
-- Binds :account, :has_description, :has_settle, :has_other_gl_account.
UPDATE stage_catalog AS s
SET description = CASE WHEN :has_description THEN s.description ELSE t.description END,
  settle = CASE WHEN :has_settle THEN s.settle ELSE t.settle END,
  other_gl_account = CASE WHEN :has_other_gl_account THEN s.other_gl_account
    ELSE t.other_gl_account END
FROM merchant t
WHERE t.account = :account AND t.merchant_id = s.row_key

-- name: count_merchant_news
-- How many rows of merchants add one, and how many add or change one. Binds :account.
SELECT COUNT(CASE WHEN t.account IS NULL THEN 1 END) AS added, COUNT(*) AS touched
FROM stage_catalog s
  LEFT JOIN merchant t ON t.account = :account AND t.merchant_id = s.row_key
WHERE t.account IS NULL
  OR (t.description, t.settle, t.other_gl_account) IS DISTINCT FROM
    (s.description, s.settle, s.other_gl_account)

-- name: update_merchants
-- The merchants that a file names are as it says. Binds :account.
INSERT INTO merchant AS t (account, merchant_id, description, settle, other_gl_account)
SELECT CAST(:account AS TEXT), s.row_key, s.description, s.settle, s.other_gl_account
FROM stage_catalog s
WHERE TRUE
ON CONFLICT (account, merchant_id) DO UPDATE SET
  description = excluded.description,
  settle = excluded.settle,
  other_gl_account = excluded.other_gl_account
WHERE (t.description, t.settle, t.other_gl_account) IS DISTINCT FROM
  (excluded.description, excluded.settle, excluded.other_gl_account)

-- name: keep_donors
-- What a file of donors has no column for stays as it is. Binds
-- :account, :has_name.
UPDATE stage_catalog AS s
SET name = CASE WHEN :has_name THEN s.name ELSE t.name END
FROM donor t
WHERE t.account = :account AND t.donor_number = s.row_key

-- name: count_donor_news
-- How many rows add a donor, and how many add or change anything, also of the lists that the file
-- has. Binds :account, :has_pledges, :has_appeals.
-- sqlite: joins in this order
SELECT COUNT(DISTINCT CASE WHEN n.is_new = 1 THEN n.row END) AS added,
  COUNT(DISTINCT n.row) AS touched
FROM (
  SELECT s.row, CASE WHEN t.account IS NULL THEN 1 ELSE 0 END AS is_new
  FROM stage_catalog s
    LEFT JOIN donor t ON t.account = :account AND t.donor_number = s.row_key
  WHERE t.account IS NULL OR t.name <> s.name
  UNION ALL
  SELECT s.row, 0
  FROM stage_catalog s
    JOIN stage_donor_pledge v ON v.row = s.row
    LEFT JOIN donor_pledge t ON t.account = :account AND t.donor_number = s.row_key
      AND t.pledge_number = v.value
  WHERE t.account IS NULL OR t.promised IS DISTINCT FROM v.promised
  UNION ALL
  SELECT s.row, 0
  FROM stage_catalog s
    JOIN donor_pledge t ON t.account = :account AND t.donor_number = s.row_key
  WHERE :has_pledges AND NOT EXISTS (SELECT 1 FROM stage_donor_pledge v
    WHERE v.row = s.row AND v.value = t.pledge_number)
  UNION ALL
  SELECT s.row, 0
  FROM stage_catalog s
    JOIN stage_donor_appeal v ON v.row = s.row
    LEFT JOIN donor_appeal t ON t.account = :account AND t.donor_number = s.row_key
      AND t.appeal_code = v.value
  WHERE t.account IS NULL
  UNION ALL
  SELECT s.row, 0
  FROM stage_catalog s
    JOIN donor_appeal t ON t.account = :account AND t.donor_number = s.row_key
  WHERE :has_appeals AND NOT EXISTS (SELECT 1 FROM stage_donor_appeal v
    WHERE v.row = s.row AND v.value = t.appeal_code)) n

-- name: update_donors
-- The donors that a file names are as it says. Binds :account.
INSERT INTO donor AS t (account, donor_number, name)
SELECT CAST(:account AS TEXT), s.row_key, s.name
FROM stage_catalog s
WHERE TRUE
ON CONFLICT (account, donor_number) DO UPDATE SET
  name = excluded.name
WHERE t.name IS DISTINCT FROM excluded.name
