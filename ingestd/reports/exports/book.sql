-- name: find_lines
-- Every posting that was known by then, by day and then as they were written, with the party, file
-- and row of what it is about: the refund, the payment or the charge. The last batch known decides:
-- every later one was sealed later. Binds :account, :known_at.
SELECT p.posting_no, p.batch_no, p.event, p.effective_on, p.debit_account, p.credit_account,
  p.amount, x.code AS billing_code, p.reverses_posting_no, d.kind AS debit_kind,
  d.party_code AS debit_party, k.kind AS credit_kind, k.party_code AS credit_party,
  y.party_code AS party, c.tracking_id, m.payment_id,
  CASE WHEN p.event = 'refund' THEN f.note
       WHEN p.event IN ('allocation', 'payment', 'settled', 'voided', 'returned') THEN NULL
       ELSE c.note END AS note,
  CASE WHEN p.event = 'refund' THEN fb.upload_id
       WHEN p.event IN ('payment', 'settled', 'voided', 'returned') THEN mb.upload_id
       ELSE cb.upload_id END AS upload_id,
  CASE WHEN p.event = 'refund' THEN f.row
       WHEN p.event IN ('payment', 'settled', 'voided', 'returned') THEN m.row
       ELSE c.row END AS row
FROM posting p
  LEFT JOIN party d ON d.account = p.account AND d.party_no = p.debit_party_no
  LEFT JOIN party k ON k.account = p.account AND k.party_no = p.credit_party_no
  LEFT JOIN charge c ON c.account = p.account AND c.charge_no = p.charge_no
  LEFT JOIN seal cb ON cb.account = c.account AND cb.batch_no = c.batch_no
  LEFT JOIN code x ON x.account = p.account AND x.code_no = p.product_no
  LEFT JOIN payment m ON m.account = p.account AND m.payment_no = p.payment_no
  LEFT JOIN seal mb ON mb.account = m.account AND mb.batch_no = m.batch_no
  LEFT JOIN refund f
    ON p.event = 'refund' AND f.account = p.account AND f.charge_no = p.charge_no
    AND f.batch_no = p.batch_no
  LEFT JOIN seal fb ON fb.account = f.account AND fb.batch_no = f.batch_no
  LEFT JOIN party y ON y.account = p.account AND y.party_no =
    CASE WHEN p.event IN ('payment', 'settled', 'voided', 'returned') THEN m.party_no
         ELSE COALESCE(c.party_no, m.party_no) END
WHERE p.account = :account AND p.batch_no <= (
    SELECT COALESCE(MAX(b.batch_no), 0)
    FROM seal b
    WHERE b.account = :account AND b.sealed_at <= :known_at
  )
ORDER BY p.effective_on, p.posting_no

-- name: find_closings
-- Where every account that was ever posted to ends, as known by then, in the chart's order.
-- Receivables (1100, 1110), what was paid out (1120, 1130), credits (2000, 2010, 2015), deposits
-- (2310) and advances (2320) are kept by party; revenue, deferred (2100) and realised (4000), by
-- product. Binds :account, :known_at.
WITH known AS (
  SELECT COALESCE(MAX(b.batch_no), 0) AS batch_no
  FROM seal b
  WHERE b.account = :account AND b.sealed_at <= :known_at
), side AS (
  SELECT p.debit_account AS number, p.debit_party_no AS party_no, p.product_no,
    p.amount, p.effective_on
  FROM posting p
  WHERE p.account = :account AND p.batch_no <= (SELECT k.batch_no FROM known k)
  UNION ALL
  SELECT p.credit_account, p.credit_party_no, p.product_no, -p.amount, p.effective_on
  FROM posting p
  WHERE p.account = :account AND p.batch_no <= (SELECT k.batch_no FROM known k)
), summed AS (
  SELECT s.number,
    CASE WHEN s.number IN (1100, 1110, 1120, 1130, 2000, 2010, 2015, 2310, 2320)
      THEN s.party_no END AS party_no,
    CASE WHEN s.number IN (2100, 4000) THEN s.product_no END AS product_no,
    SUM(s.amount) AS balance, MIN(s.effective_on) AS first_on, MAX(s.effective_on) AS last_on
  FROM side s
  GROUP BY 1, 2, 3
)
SELECT s.number, y.kind, y.party_code, x.code AS billing_code, s.balance, s.first_on, s.last_on
FROM summed s
  LEFT JOIN party y ON y.account = :account AND y.party_no = s.party_no
  LEFT JOIN code x ON x.account = :account AND x.code_no = s.product_no
ORDER BY s.number, COALESCE(y.kind, ''), COALESCE(y.party_code, ''), COALESCE(x.code, '')

-- name: find_days
-- The first and the last day of what was posted, as known by then. Binds :account, :known_at.
SELECT MIN(p.effective_on) AS first_on, MAX(p.effective_on) AS last_on
FROM posting p
WHERE p.account = :account AND p.batch_no <= (
    SELECT COALESCE(MAX(b.batch_no), 0)
    FROM seal b
    WHERE b.account = :account AND b.sealed_at <= :known_at
  )

-- name: find_origin
-- The file of an upload. Binds :account, :upload_id.
SELECT filename, sha256, location
FROM file_outcome
WHERE account = :account AND upload_id = :upload_id
