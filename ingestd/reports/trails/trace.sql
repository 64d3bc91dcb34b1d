-- name: find_charge
-- A charge that was known by then, by its key. 1100 receivable fees. Binds :account,
-- :tracking_id, :known_at.
SELECT c.charge_no, c.tracking_id, y.party_code AS party, y.kind,
  CASE c.receivable_account WHEN 1100 THEN 'LIABILITY' ELSE 'WALLET' END AS account_type,
  k.code AS billing_code,
  c.amount, c.tax, c.note, c.occurred_at, c.effective_on, c.batch_no, b.event, b.sealed_at,
  b.upload_id, c.row
FROM charge_key e
  JOIN charge c ON c.account = e.account AND c.charge_no = e.charge_no
  JOIN seal b ON b.account = c.account AND b.batch_no = c.batch_no
  JOIN code k ON k.account = c.account AND k.code_no = c.product_no
  JOIN party y ON y.account = c.account AND y.party_no = c.party_no
WHERE e.account = :account AND e.tracking_id = :tracking_id AND b.sealed_at <= :known_at

-- name: find_refund
-- How a charge was taken back, if that was known by then. Binds :account, :charge_no, :known_at.
SELECT f.effective_on, f.note, f.tx_item_rowid, f.batch_no, b.sealed_at, b.upload_id, f.row
FROM refund f
  JOIN seal b ON b.account = f.account AND b.batch_no = f.batch_no
WHERE f.account = :account AND f.charge_no = :charge_no AND b.sealed_at <= :known_at

-- name: find_payments
-- The payments that ever paid a charge, as known by then. Binds :account, :charge_no, :known_at.
SELECT m.payment_id, y.party_code AS payer, m.received_on, s.upload_id, m.row
FROM payment m
  JOIN seal s ON s.account = m.account AND s.batch_no = m.batch_no
  JOIN party y ON y.account = m.account AND y.party_no = m.party_no
WHERE m.account = :account AND m.payment_no IN (
    SELECT a.payment_no
    FROM allocation a /* sqlite: INDEXED BY ix_allocation_charge_no */
      JOIN seal b ON b.account = a.account AND b.batch_no = a.batch_no
    WHERE a.account = :account AND a.charge_no = :charge_no AND b.sealed_at <= :known_at
  )
ORDER BY m.payment_no

-- name: find_batch_extent
-- Between which numbers a batch's postings lie, and where its charges begin, by the chunks that it
-- was sealed in. Binds :account, :batch_no.
SELECT MIN(CASE k.table_name WHEN 'charge' THEN k.first_row END) AS first_charge,
  MIN(CASE k.table_name WHEN 'posting' THEN k.first_row END) AS first_posting,
  MAX(CASE k.table_name WHEN 'posting' THEN k.first_row + k.row_count END) AS end_posting
FROM chunk k
WHERE k.account = :account AND k.batch_no = :batch_no AND k.table_name IN ('charge', 'posting')

-- name: find_charge_posting
-- The posting of a charge itself, which stands in no index, if its number lies from :first up to,
-- and without, :end. Binds :account, :charge_no, :batch_no, :known_at.
SELECT p.posting_no, p.batch_no, p.event, p.effective_on, p.debit_account, p.credit_account,
  p.amount, p.debit_party, p.credit_party, p.tracking_id, p.payment_id, p.billing_code,
  p.reverses_posting_no, p.sealed_at
FROM posting_line p
WHERE p.account = :account AND p.sealed_at <= :known_at
  AND p.posting_no IN (
    SELECT q.posting_no
    FROM posting q
    WHERE q.account = :account AND q.posting_no >= :first AND q.posting_no < :end
      AND q.event = 'charge' AND q.batch_no = :batch_no AND q.charge_no = :charge_no
  )
ORDER BY p.posting_no

-- name: find_other_postings
-- All other postings of a charge as known by then, in their order. Binds :account, :charge_no,
-- :known_at.
SELECT p.posting_no, p.batch_no, p.event, p.effective_on, p.debit_account, p.credit_account,
  p.amount, p.debit_party, p.credit_party, p.tracking_id, p.payment_id, p.billing_code,
  p.reverses_posting_no, p.sealed_at
FROM posting_line p
WHERE p.account = :account AND p.sealed_at <= :known_at
  AND p.posting_no IN (
    SELECT q.posting_no
    FROM posting q /* sqlite: INDEXED BY ix_posting_charge_no */
    WHERE q.account = :account AND q.charge_no = :charge_no AND q.event <> 'charge'
  )
ORDER BY p.posting_no
