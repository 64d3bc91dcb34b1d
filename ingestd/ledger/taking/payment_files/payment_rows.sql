-- name: find_unknown_merchants
-- The first hundred merchants that the file names and nobody has imported; the file is refused for
-- them. Binds :account, :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'merchant_unknown', 'file', u.row, u.line, 'merchant_id', u.merchant_id, :message
FROM (SELECT s.merchant_id, MIN(s.row) AS row, MIN(s.line) AS line
  FROM stage_payment s
  WHERE s.merchant_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM merchant k
      WHERE k.account = :account AND k.merchant_id = s.merchant_id)
  GROUP BY s.merchant_id
  ORDER BY 2
  LIMIT 100) u

-- name: forget_other_findings
-- Of a file that is refused for its merchants nothing else is said.
DELETE FROM stage_finding WHERE code <> 'merchant_unknown'

-- name: number_identical_rows
-- Without a receipt number two rows may say the same and be two payments: what tells them apart is
-- the how-manieth such row of its batch each is. All of them come as the first.
UPDATE stage_payment
SET row_key = SUBSTR(stage_payment.row_key, 1, LENGTH(stage_payment.row_key) - 1)
  || CAST(n.number AS TEXT)
FROM (SELECT s.row, ROW_NUMBER() OVER (PARTITION BY s.row_key ORDER BY s.row) AS number
  FROM stage_payment s
  WHERE s.has_receipt = 0) n
WHERE stage_payment.row = n.row AND n.number > 1

-- name: find_repeats_of_ledger
-- Payments that came before, with the same content or with other. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_repeat (row, line, row_key, outcome, earlier_no, earlier_batch_no)
SELECT s.row, s.line, s.row_key,
  CASE WHEN p.content_hash = s.content_hash THEN 'duplicate' ELSE 'conflict' END, p.payment_no,
  p.batch_no
FROM stage_payment s
  JOIN payment p ON p.account = :account AND p.payment_id = s.row_key
ORDER BY s.row

-- name: find_conflicts_with_ledger
-- Where the earlier payment came from that a row contradicts; {upload} and {row} in the message.
-- The key is told as the provider knows it. Binds :account, :message.
-- sqlite: joins in this order
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'conflict', 'row', s.row, s.line, 'receipt_num', s.receipt_num,
  REPLACE(REPLACE(:message, '{upload}', COALESCE(b.upload_id, '-')),
    '{row}', COALESCE(CAST(p.row AS TEXT), '-'))
FROM stage_repeat r
  JOIN stage_payment s ON s.row = r.row
  JOIN payment p ON p.account = :account AND p.payment_no = r.earlier_no
  JOIN seal b ON b.account = p.account AND b.batch_no = p.batch_no
WHERE r.outcome = 'conflict'

-- name: find_unknown_parents
-- New payments of a parent whom neither the parents nor the roster know.
-- Binds :account, :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'parent_unknown', 'row', s.row, s.line, 'par_code', s.parent_code, :message
FROM stage_payment s
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)
  AND NOT EXISTS (SELECT 1 FROM parent k
    WHERE k.account = :account AND k.parent_code = s.parent_code)
  AND NOT EXISTS (SELECT 1 FROM student k
    WHERE k.account = :account AND k.parent_code = s.parent_code)

-- name: find_unknown_gl_accounts
-- New payments to an account that the general ledger does not have. Binds :account, :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'gl_account_unknown', 'row', s.row, s.line, 'gl_account', s.gl_account, :message
FROM stage_payment s
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)
  AND NOT EXISTS (SELECT 1 FROM gl_account k
    WHERE k.account = :account AND k.gl_account = s.gl_account)

-- name: find_closed_gl_accounts
-- New payments to a closed account of the general ledger. Binds :account, :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'gl_account_closed', 'row', s.row, s.line, 'gl_account', s.gl_account, :message
FROM stage_payment s
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)
  AND EXISTS (SELECT 1 FROM gl_account k
    WHERE k.account = :account AND k.gl_account = s.gl_account AND k.status = 'closed')

-- name: find_unknown_tax_codes
-- New payments with a tax code that does not exist. Binds :account, :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'tax_code_unknown', 'row', s.row, s.line, 'tax_code', s.tax_code, :message
FROM stage_payment s
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)
  AND NOT EXISTS (SELECT 1 FROM tax_code k
    WHERE k.account = :account AND k.tax_code = s.tax_code)

-- name: find_keys_of_charges
-- New payments whose key is a charge's already: the sale that comes with each goes by it, too.
-- Binds :account, :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'conflict', 'row', s.row, s.line, 'receipt_num', s.receipt_num, :message
FROM stage_payment s
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)
  AND EXISTS (SELECT 1 FROM charge_key k
    WHERE k.account = :account AND k.tracking_id = s.row_key)
  AND NOT EXISTS (SELECT 1 FROM payment k
    WHERE k.account = :account AND k.payment_id = s.row_key)

-- name: find_settled_batches
-- New payments of a batch that was confirmed: it is closed. Each batch is looked at once, however
-- many rows it has. Binds :account, :message.
-- sqlite: joins in this order
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'batch_settled', 'row', s.row, s.line, 'batch_num', s.batch_num, :message
FROM (SELECT DISTINCT batch_num, COALESCE(merchant_id, '') AS merchant FROM stage_payment) b
  JOIN stage_payment s ON s.batch_num = b.batch_num AND COALESCE(s.merchant_id, '') = b.merchant
WHERE EXISTS (SELECT 1
    FROM batch_confirmed c
    WHERE c.account = :account AND c.batch_num = b.batch_num AND c.merchant_id = b.merchant)
  AND NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)

-- name: find_repeats_in_file
-- Rows that have the key of an earlier row of the file; the first counts, unless the ledger has it
-- already.
-- sqlite: joins in this order
INSERT INTO stage_repeat (row, line, row_key, outcome, first_row)
SELECT s.row, s.line, s.row_key,
  CASE WHEN f.content_hash = s.content_hash THEN 'duplicate' ELSE 'conflict' END, f.row
FROM (SELECT row, MIN(row) OVER (PARTITION BY row_key) AS first_row
  FROM stage_payment
  WHERE row_key IN (SELECT row_key FROM stage_payment GROUP BY row_key HAVING COUNT(*) > 1)) e
  JOIN stage_payment f ON f.row = e.first_row
  JOIN stage_payment s ON s.row = e.row
WHERE e.row > e.first_row
  AND NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = e.first_row)

-- name: tell_repeats_in_file
-- Which row of the file each repeats or contradicts; {row} in the message.
-- Binds :duplicate and :conflict, what is said of each.
-- sqlite: joins in this order
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT CASE r.outcome WHEN 'conflict' THEN 'conflict' ELSE 'duplicate_in_file' END,
  CASE r.outcome WHEN 'conflict' THEN 'row' ELSE 'warning' END,
  s.row, s.line, 'receipt_num', s.receipt_num,
  REPLACE(CASE r.outcome WHEN 'conflict' THEN :conflict ELSE :duplicate END,
    '{row}', CAST(r.first_row AS TEXT))
FROM stage_repeat r
  JOIN stage_payment s ON s.row = r.row
WHERE r.first_row IS NOT NULL

-- name: name_rows
-- The payments that a finding says are not applied, by their receipt number, and by student, parent
-- or donor: each format has one of them.
-- sqlite: joins in this order
INSERT INTO stage_named (row, row_key, party_code)
SELECT s.row, s.receipt_num, COALESCE(s.student_id, s.parent_code, s.donor_number)
FROM (SELECT DISTINCT row FROM stage_finding
    WHERE verdict <> 'warning' OR code = 'duplicate_in_file') f
  JOIN stage_payment s ON s.row = f.row
WHERE TRUE
ON CONFLICT DO NOTHING

-- name: forget_rejected
-- Rejected rows leave the stage.
DELETE FROM stage_payment WHERE row IN (SELECT row FROM stage_rejected)

-- name: weigh_payments
-- How many payments are staged to be applied, and what they come to.
SELECT COUNT(*) AS payments, COALESCE(SUM(s.amount), 0) AS amount
FROM stage_payment s
WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)
