-- name: warn_of_missing_accounts
-- New payments with an other amount whose merchant has no account of the general ledger for it.
-- Binds :account, :message.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT 'other_gl_account_missing', 'warning', s.row, s.line, 'other_amt', '', :message
FROM stage_payment s
  LEFT JOIN merchant m ON m.account = :account AND m.merchant_id = s.merchant_id
WHERE s.other > 0 AND m.other_gl_account IS NULL
  AND NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)

-- name: insert_parts_of_fees
-- What each payment of fees is for: the fee, what was discounted, the building fund, and other,
-- which goes to the account that its merchant has for it. Parts of nothing are left out. Payment by
-- payment, as the table is appended to. Binds :account, :batch_no.
-- sqlite: joins in this order
INSERT INTO payment_part (account, payment_no, part_no, kind, amount, party_no, gl_account,
  batch_no)
SELECT CAST(:account AS TEXT), p.payment_no, p.part_no, p.kind, p.amount, p.payer_no,
  p.gl_account, :batch_no
FROM (SELECT n.row, n.payment_no, n.payer_no, k.part_no,
    CASE k.part_no WHEN 1 THEN 'fee' WHEN 2 THEN 'discount' WHEN 3 THEN 'building'
      ELSE 'other' END AS kind,
    CASE k.part_no WHEN 1 THEN s.fee - s.discount WHEN 2 THEN s.discount WHEN 3 THEN s.building
      ELSE s.other END AS amount,
    CASE k.part_no WHEN 4 THEN (SELECT m.other_gl_account FROM merchant m
      WHERE m.account = :account AND m.merchant_id = s.merchant_id) END AS gl_account
  FROM stage_numbered n
    JOIN stage_payment s ON s.row = n.row
    JOIN (SELECT 1 AS part_no UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) k
      ON TRUE) p
WHERE p.amount > 0
ORDER BY p.row
