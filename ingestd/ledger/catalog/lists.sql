-- name: forget_pledges
-- The pledges of donors whom the file names go that it does not list. Binds :account.
-- sqlite: joins in this order
DELETE FROM donor_pledge
WHERE account = :account AND (donor_number, pledge_number) IN (
  SELECT t.donor_number, t.pledge_number
  FROM stage_catalog s
    JOIN donor_pledge t ON t.account = :account AND t.donor_number = s.row_key
  WHERE NOT EXISTS (SELECT 1 FROM stage_donor_pledge v
    WHERE v.row = s.row AND v.value = t.pledge_number))

-- name: add_pledges
-- The pledges that the file lists are there, each with the sum that was promised, if any.
-- Binds :account.
-- sqlite: joins in this order
INSERT INTO donor_pledge AS t (account, donor_number, pledge_number, promised)
SELECT CAST(:account AS TEXT), s.row_key, v.value, v.promised
FROM stage_catalog s
  JOIN stage_donor_pledge v ON v.row = s.row
WHERE TRUE
ON CONFLICT (account, donor_number, pledge_number) DO UPDATE SET promised = excluded.promised
WHERE t.promised IS DISTINCT FROM excluded.promised

-- name: forget_appeals
-- The appeals of donors whom the file names go that it does not list. Binds :account.
-- sqlite: joins in this order
DELETE FROM donor_appeal
WHERE account = :account AND (donor_number, appeal_code) IN (
  SELECT t.donor_number, t.appeal_code
  FROM stage_catalog s
    JOIN donor_appeal t ON t.account = :account AND t.donor_number = s.row_key
  WHERE NOT EXISTS (SELECT 1 FROM stage_donor_appeal v
    WHERE v.row = s.row AND v.value = t.appeal_code))

-- name: add_appeals
-- The appeals that the file lists are there. Binds :account.
-- sqlite: joins in this order
INSERT INTO donor_appeal (account, donor_number, appeal_code)
SELECT CAST(:account AS TEXT), s.row_key, v.value
FROM stage_catalog s
  JOIN stage_donor_appeal v ON v.row = s.row
WHERE TRUE
ON CONFLICT DO NOTHING
