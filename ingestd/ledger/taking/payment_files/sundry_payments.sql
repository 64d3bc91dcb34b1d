-- name: find_unknown_donors
-- New payments of a donor who is not known. Binds :account, :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'donor_unknown', 'row', s.row, s.line, 'donor_number', s.donor_number, :message
FROM stage_payment s
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)
  AND s.donor_number IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM donor k
    WHERE k.account = :account AND k.donor_number = s.donor_number)

-- name: find_missing_donors
-- New payments without a donor to an account that requires one. Binds :account, :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'donor_missing', 'row', s.row, s.line, 'donor_number', '', :message
FROM stage_payment s
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)
  AND s.donor_number IS NULL
  AND EXISTS (SELECT 1 FROM gl_account k
    WHERE k.account = :account AND k.gl_account = s.gl_account AND k.requires_donor = 1)

-- name: find_unknown_appeals
-- New payments that answer an appeal which no donor has. Binds :account, :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'appeal_unknown', 'row', s.row, s.line, 'appeal_code', s.appeal_code, :message
FROM stage_payment s
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)
  AND s.appeal_code IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM donor_appeal k
    WHERE k.account = :account AND k.appeal_code = s.appeal_code)

-- name: find_missing_appeals
-- New payments without an appeal to an account that requires one. Binds :account, :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'appeal_missing', 'row', s.row, s.line, 'appeal_code', '', :message
FROM stage_payment s
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)
  AND s.appeal_code IS NULL
  AND EXISTS (SELECT 1 FROM gl_account k
    WHERE k.account = :account AND k.gl_account = s.gl_account AND k.requires_appeal = 1)

-- name: find_unknown_pledges
-- New payments for a pledge that their donor has not made. Binds :account, :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'pledge_unknown', 'row', s.row, s.line, 'pledge_number', s.pledge_number, :message
FROM stage_payment s
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)
  AND s.pledge_number IS NOT NULL AND s.donor_number IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM donor_pledge k
    WHERE k.account = :account AND k.donor_number = s.donor_number
      AND k.pledge_number = s.pledge_number)

-- name: number_rows_of_guests
-- What each row that repeats none becomes, in the order of the file: the payment of a new guest,
-- and a charge of the same. Above :payments, :charges and :parties the books have none.
INSERT INTO stage_numbered (row, payment_no, payer_no, charge_no)
SELECT s.row, :payments + ROW_NUMBER() OVER (ORDER BY s.row),
  :parties + ROW_NUMBER() OVER (ORDER BY s.row), :charges + ROW_NUMBER() OVER (ORDER BY s.row)
FROM stage_payment s
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)

-- name: insert_guests
-- Each row's payer as a party of its own; guests are never merged by name.
-- Binds :account, :upload_id, :batch_no.
INSERT INTO party (account, party_no, kind, party_code, batch_no)
SELECT CAST(:account AS TEXT), n.payer_no, 'guest',
  'GUEST-' || CAST(:upload_id AS TEXT) || '-' || CAST(n.row AS TEXT), :batch_no
FROM stage_numbered n
ORDER BY n.row

-- name: insert_names_of_guests
-- How the guests are called. Binds :account, :batch_no.
-- sqlite: joins in this order
INSERT INTO guest (account, party_no, name, address, batch_no)
SELECT CAST(:account AS TEXT), n.payer_no, s.payer_name, s.address, :batch_no
FROM stage_numbered n
  JOIN stage_payment s ON s.row = n.row
ORDER BY n.row
