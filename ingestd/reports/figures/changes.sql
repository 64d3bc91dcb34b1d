-- name: find_changes
-- The batches above :since_batch, who made each and why, and what they add on the days asked for.
-- Charged and voided: what came from deferred revenue (2100) and deferred tax (2110) to receivables
-- (1100, 1110), and went back without being written off, which is a batch of its own. Realised:
-- what came to revenue (4000). Payments count as they were received, settled and returned.
-- Binds :account, :as_of, :known_batch, :since, :until.
SELECT b.batch_no, b.sealed_at, b.event, COALESCE(n.entered_by, r.resumed_by) AS entered_by,
  COALESCE(n.reason, r.reason) AS reason, b.upload_id, t.first_on, t.last_on, b.amount_posted,
  COALESCE(t.charged, 0) AS charged, COALESCE(t.voided, 0) AS voided,
  COALESCE(y.received, 0) AS received, COALESCE(e.settled, 0) AS settled,
  COALESCE(e.returned, 0) AS returned, COALESCE(t.realised, 0) AS realised
FROM seal b
  LEFT JOIN entry n ON n.account = b.account AND n.batch_no = b.batch_no
  LEFT JOIN resumption r ON r.account = b.account AND r.batch_no = b.batch_no
  LEFT JOIN (
    SELECT p.batch_no, MIN(p.effective_on) AS first_on, MAX(p.effective_on) AS last_on,
      SUM(CASE WHEN p.credit_account IN (2100, 2110) AND p.debit_account IN (1100, 1110)
        THEN p.amount ELSE 0 END) AS charged,
      SUM(CASE WHEN p.debit_account IN (2100, 2110) AND p.credit_account IN (1100, 1110)
          AND w.batch_no IS NULL
        THEN p.amount ELSE 0 END) AS voided,
      SUM(CASE WHEN p.credit_account = 4000 THEN p.amount
               WHEN p.debit_account = 4000 THEN -p.amount ELSE 0 END) AS realised
    FROM batch_total p
      LEFT JOIN write_off w ON w.account = p.account AND w.batch_no = p.batch_no
    WHERE p.account = :account AND p.batch_no > :since_batch AND p.batch_no <= :known_batch
      AND p.effective_on <= :as_of AND p.effective_on >= :since AND p.effective_on <= :until
    GROUP BY p.batch_no
  ) t ON t.batch_no = b.batch_no
  LEFT JOIN (
    SELECT m.batch_no, SUM(m.amount) AS received
    FROM payment m
    WHERE m.account = :account AND m.batch_no > :since_batch AND m.batch_no <= :known_batch
      AND m.received_on <= :as_of AND m.received_on >= :since AND m.received_on <= :until
    GROUP BY m.batch_no
  ) y ON y.batch_no = b.batch_no
  LEFT JOIN (
    SELECT v.batch_no,
      SUM(CASE v.event WHEN 'settled' THEN m.amount ELSE 0 END) AS settled,
      SUM(CASE v.event WHEN 'returned' THEN m.amount ELSE 0 END) AS returned
    FROM payment_event v
      JOIN payment m ON m.account = v.account AND m.payment_no = v.payment_no
    WHERE v.account = :account AND v.batch_no > :since_batch AND v.batch_no <= :known_batch
      AND v.effective_on <= :as_of AND v.effective_on >= :since AND v.effective_on <= :until
    GROUP BY v.batch_no
  ) e ON e.batch_no = b.batch_no
WHERE b.account = :account AND b.batch_no > :since_batch AND b.batch_no <= :known_batch
ORDER BY b.batch_no
