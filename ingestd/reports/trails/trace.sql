-- name: find_charge
-- A charge that was known by then, by its key. 1110 receivable wallet, 1130 paid out of wallets.
-- Binds :account, :tracking_id, :known_at.
SELECT c.charge_no, c.tracking_id, y.party_code AS party, y.kind,
  CASE WHEN c.receivable_account IN (1110, 1130) THEN 'WALLET' ELSE 'LIABILITY' END
    AS account_type,
  k.code AS billing_code,
  c.amount, c.tax, x.tax_code, c.note, c.occurred_at, c.effective_on, c.batch_no, b.event,
  b.sealed_at,
  b.upload_id, c.row
FROM charge_key e
  JOIN charge c ON c.account = e.account AND c.charge_no = e.charge_no
  JOIN seal b ON b.account = c.account AND b.batch_no = c.batch_no
  JOIN code k ON k.account = c.account AND k.code_no = c.product_no
  JOIN party y ON y.account = c.account AND y.party_no = c.party_no
  LEFT JOIN charge_tax x ON x.account = c.account AND x.charge_no = c.charge_no
WHERE e.account = :account AND e.tracking_id = :tracking_id AND b.sealed_at <= :known_at

-- name: find_refunds
-- How a charge was taken back, as known by then. Binds :account, :charge_no, :known_at.
SELECT f.amount, f.tax, f.paid_to, f.effective_on, f.note, f.tx_item_rowid, f.batch_no, b.sealed_at,
  b.upload_id, f.row
FROM refund f /* sqlite: INDEXED BY ix_refund_charge_no */
  JOIN seal b ON b.account = f.account AND b.batch_no = f.batch_no
WHERE f.account = :account AND f.charge_no = :charge_no AND b.sealed_at <= :known_at
ORDER BY f.refund_no

-- name: find_write_offs
-- What of a charge nobody expects any more, as known by then. Binds :account, :charge_no,
-- :known_at.
SELECT w.amount, w.tax, w.effective_on, w.batch_no
FROM write_off w /* sqlite: INDEXED BY ix_write_off_charge_no */
  JOIN seal b ON b.account = w.account AND b.batch_no = w.batch_no
WHERE w.account = :account AND w.charge_no = :charge_no AND b.sealed_at <= :known_at
ORDER BY w.batch_no

-- name: find_payout
-- How a payout went, and what had become of it by then; no row for a charge that is none.
-- Binds :account, :charge_no, :known_at.
SELECT o.from_account, o.method, o.payee, o.reference,
  MAX(CASE e.event WHEN 'cleared' THEN e.effective_on END) AS cleared_on,
  MAX(CASE e.event WHEN 'voided' THEN e.effective_on END) AS voided_on
FROM payout o
  LEFT JOIN payout_event e ON e.account = o.account AND e.charge_no = o.charge_no
    AND EXISTS (SELECT 1 FROM seal b
      WHERE b.account = e.account AND b.batch_no = e.batch_no AND b.sealed_at <= :known_at)
WHERE o.account = :account AND o.charge_no = :charge_no
GROUP BY o.from_account, o.method, o.payee, o.reference

-- name: find_payments
-- The payments that ever paid a charge, as known by then. Binds :account, :charge_no, :known_at.
SELECT m.payment_id, y.party_code AS payer, m.received_on, m.batch_no, s.upload_id, m.row
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
