-- name: take_keys
-- Take the keys of an account's newest charges, in the order of the keys. Binds :account,
-- :charges_before.
INSERT INTO charge_key (account, tracking_id, charge_no)
SELECT c.account, c.tracking_id, c.charge_no
FROM charge c
WHERE c.account = :account AND c.charge_no > :charges_before
ORDER BY c.tracking_id
