-- name: find_installments
-- Whether a product may be bought in installments, 0 or 1. Binds :account, :billing_code.
SELECT installments
FROM product
WHERE account = :account AND billing_code = :billing_code

-- name: sum_past_due
-- What the members of a family owe in fees. 2010 unapplied fees, which pay them. Binds :account.
-- sqlite: joins in this order
SELECT COALESCE(SUM(o.amount), 0)
FROM stage_member m
  JOIN open_charge o ON o.account = :account AND o.party_no = m.party_no
    AND o.credit_account = m.credit_account
WHERE m.credit_account = 2010
