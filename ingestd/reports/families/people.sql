-- name: find_codes
-- Who has a number in the books, of a kind. Binds :account, :kind.
SELECT y.party_code
FROM party y
WHERE y.account = :account AND y.kind = :kind

-- name: find_balances
-- What some parties have in credit less what they owe, by account, where anything ever moved. 2000
-- wallet credit, 2010 unapplied fees, 2310 deposits, 2320 advances. Binds :account, :members.
SELECT b.credit_account, b.balance
FROM party_balance b
WHERE b.account = :account AND b.party_no IN (:members)
ORDER BY CASE b.credit_account WHEN 2010 THEN 0 WHEN 2000 THEN 1 ELSE 2 END, b.credit_account
