-- name: find_payments_before
-- The payments before a number, the highest first, with what became of each; an empty :status and
-- a :payer_no of 0 are any. Binds :account, :before, :limit.
SELECT y.payment_no, y.payment_id, q.party_code, y.kind, y.merchant_id, y.batch_num,
  y.receipt_num, y.received_on, y.amount, s.effective_on AS settled_on,
  r.effective_on AS returned_on,
  CASE WHEN v.event IS NOT NULL THEN 'voided' WHEN r.event IS NOT NULL THEN 'returned'
       WHEN s.event IS NOT NULL THEN 'settled' ELSE 'pending' END AS status
FROM payment y
  JOIN party q ON q.account = y.account AND q.party_no = y.party_no
  LEFT JOIN payment_event s
    ON s.account = y.account AND s.payment_no = y.payment_no AND s.event = 'settled'
  LEFT JOIN payment_event r
    ON r.account = y.account AND r.payment_no = y.payment_no AND r.event = 'returned'
  LEFT JOIN payment_event v
    ON v.account = y.account AND v.payment_no = y.payment_no AND v.event = 'voided'
WHERE y.account = :account AND y.payment_no < :before
  AND (:payer_no = 0 OR y.party_no = :payer_no)
  AND (:status = '' OR :status = CASE WHEN v.event IS NOT NULL THEN 'voided'
    WHEN r.event IS NOT NULL THEN 'returned' WHEN s.event IS NOT NULL THEN 'settled'
    ELSE 'pending' END)
ORDER BY y.payment_no DESC
LIMIT :limit
