-- name: find_payment
-- A payment that was known by then, by its id. Binds :account, :payment_id, :known_at.
SELECT m.payment_no, m.payment_id, m.kind, y.party_code AS payer, m.amount, m.received_on,
  m.merchant_id, m.batch_num, m.receipt_num, c.tracking_id AS for_tracking_id, m.batch_no,
  b.upload_id, m.row
FROM payment m
  JOIN seal b ON b.account = m.account AND b.batch_no = m.batch_no
  JOIN party y ON y.account = m.account AND y.party_no = m.party_no
  LEFT JOIN charge c ON c.account = m.account AND c.charge_no = m.for_charge_no
WHERE m.account = :account AND m.payment_id = :payment_id AND b.sealed_at <= :known_at

-- name: find_events
-- What had become of a payment by then, in its order. Binds :account, :payment_no, :known_at.
SELECT e.event, e.effective_on, e.reason, e.batch_no
FROM payment_event e /* sqlite: INDEXED BY sqlite_autoindex_payment_event_1 */
  JOIN seal b ON b.account = e.account AND b.batch_no = e.batch_no
WHERE e.account = :account AND e.payment_no = :payment_no AND b.sealed_at <= :known_at
ORDER BY e.batch_no

-- name: find_parts
-- What each part of a payment is for. Binds :account, :payment_no.
SELECT r.kind, r.amount, y.party_code AS party, r.gl_account, r.tax_code
FROM payment_part r
  LEFT JOIN party y ON y.account = r.account AND y.party_no = r.party_no
WHERE r.account = :account AND r.payment_no = :payment_no
ORDER BY r.part_no

-- name: find_allocations
-- What a payment's credit paid, as known by then, and what undid it, if that was known. Binds
-- :account, :payment_no, :known_at.
SELECT a.amount, a.rule, a.effective_on, a.batch_no, a.credit_account,
  f.party_code AS credit_party, c.tracking_id, x.code AS billing_code, y.party_code AS party,
  u.effective_on AS undone_on, u.rule AS undone_by, u.batch_no AS undone_batch
FROM allocation a /* sqlite: INDEXED BY ix_allocation_payment_no */
  JOIN seal b ON b.account = a.account AND b.batch_no = a.batch_no
  JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no
  JOIN code x ON x.account = c.account AND x.code_no = c.product_no
  JOIN party y ON y.account = c.account AND y.party_no = c.party_no
  JOIN party f ON f.account = a.account AND f.party_no = a.party_no
  LEFT JOIN (
    SELECT r.account, r.reverses_allocation_no, r.effective_on, r.rule, r.batch_no
    FROM allocation r /* sqlite: INDEXED BY ix_allocation_payment_no */
      JOIN seal b ON b.account = r.account AND b.batch_no = r.batch_no
    WHERE r.account = :account AND r.payment_no = :payment_no AND b.sealed_at <= :known_at
  ) u ON u.account = a.account AND u.reverses_allocation_no = a.allocation_no
WHERE a.account = :account AND a.payment_no = :payment_no
  AND a.reverses_allocation_no IS NULL AND b.sealed_at <= :known_at
ORDER BY a.allocation_no

-- name: find_postings
-- A payment's postings as known by then, in their order. Binds :account, :payment_no, :known_at.
SELECT p.posting_no, p.batch_no, p.event, p.effective_on, p.debit_account, p.credit_account,
  p.amount, p.debit_party, p.credit_party, p.tracking_id, p.payment_id, p.billing_code,
  p.reverses_posting_no, p.sealed_at
FROM posting_line p
WHERE p.account = :account AND p.sealed_at <= :known_at
  AND p.posting_no IN (
    SELECT q.posting_no
    FROM posting q /* sqlite: INDEXED BY ix_posting_payment_no */
    WHERE q.account = :account AND q.payment_no = :payment_no
  )
ORDER BY p.posting_no
