-- name: find_products
-- How each product is called, who sells it, and its account in the general ledger, as the catalog
-- stands now. Binds :account.
SELECT r.billing_code, r.name, r.vendor, r.gl_account
FROM product r
WHERE r.account = :account

-- name: find_gl_accounts
-- The accounts of the general ledger: what payments sell without a product goes by them. Binds
-- :account.
SELECT g.gl_account
FROM gl_account g
WHERE g.account = :account
