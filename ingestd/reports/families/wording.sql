-- name: find_transfers
-- What some batches moved of waiting credit, from whom to whom. 2000 wallet credit, 2010 unapplied
-- fees, 2310 deposits, 2320 advances. Binds :account, :batches.
SELECT t.batch_no, y.party_code AS from_party, t.from_account, z.party_code AS to_party,
  t.to_account
FROM transfer t
  JOIN party y ON y.account = t.account AND y.party_no = t.from_party_no
  JOIN party z ON z.account = t.account AND z.party_no = t.to_party_no
WHERE t.account = :account AND t.batch_no IN (:batches)

-- name: find_payouts
-- How and to whom some payouts went. Binds :account, :charges.
SELECT o.charge_no, o.method, o.payee, o.reference
FROM payout o
WHERE o.account = :account AND o.charge_no IN (:charges)
