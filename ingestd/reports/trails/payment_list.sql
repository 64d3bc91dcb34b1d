-- name: find_payments
-- Payments that fit what is asked, the newest first: those numbered below :before, at most :rows.
-- Empty, :status, :method, :merchant_id, :batch_num, :receipt_num, :payer, :donor and :pledge are
-- any. :happened is received, settled or returned: what lies between :since and :until. Binds
-- :account.
-- sqlite: joins in this order
SELECT p.payment_no, p.payment_id, y.party_code AS payer,
  CASE p.kind WHEN 'cash_sale' THEN 'cash' ELSE p.kind END AS kind,
  p.merchant_id, p.batch_num, p.receipt_num, p.received_on, p.amount,
  CASE WHEN v.payment_no IS NOT NULL THEN 'voided' WHEN r.payment_no IS NOT NULL THEN 'returned'
    WHEN s.payment_no IS NOT NULL THEN 'settled' ELSE 'pending' END AS status,
  s.effective_on AS settled_on, r.effective_on AS returned_on
FROM payment p
  JOIN party y ON y.account = p.account AND y.party_no = p.party_no
  LEFT JOIN payment_event s
    ON s.account = p.account AND s.payment_no = p.payment_no AND s.event = 'settled'
  LEFT JOIN payment_event r
    ON r.account = p.account AND r.payment_no = p.payment_no AND r.event = 'returned'
  LEFT JOIN payment_event v
    ON v.account = p.account AND v.payment_no = p.payment_no AND v.event = 'voided'
WHERE p.account = :account AND p.payment_no < :before
  AND (:method = '' OR p.kind = :method OR (:method = 'cash' AND p.kind = 'cash_sale'))
  AND (:merchant_id = '' OR p.merchant_id = :merchant_id)
  AND (:batch_num = '' OR p.batch_num = :batch_num)
  AND (:receipt_num = '' OR p.receipt_num = :receipt_num)
  AND (:payer = '' OR y.party_code = :payer)
  AND CASE :happened WHEN 'settled' THEN s.effective_on WHEN 'returned' THEN r.effective_on
    ELSE p.received_on END BETWEEN :since AND :until
  AND (:status = '' OR :status = CASE WHEN v.payment_no IS NOT NULL THEN 'voided'
    WHEN r.payment_no IS NOT NULL THEN 'returned' WHEN s.payment_no IS NOT NULL THEN 'settled'
    ELSE 'pending' END)
  AND ((:donor = '' AND :pledge = '') OR EXISTS (SELECT 1 FROM payment_detail d
    WHERE d.account = p.account AND d.payment_no = p.payment_no
      AND (:donor = '' OR d.donor_number = :donor) AND (:pledge = '' OR d.pledge_number = :pledge)))
ORDER BY p.payment_no DESC
LIMIT :rows

-- name: add_up_payments
-- How many payments fit, and what they come to; :status, :method, :merchant_id, :batch_num,
-- :receipt_num, :payer, :donor, :pledge, :happened, :since and :until as there. Binds :account.
-- sqlite: joins in this order
SELECT COUNT(*) AS payments, COALESCE(SUM(p.amount), 0) AS amount,
  COALESCE(SUM(CASE WHEN v.payment_no IS NULL AND r.payment_no IS NULL AND s.payment_no IS NULL
    THEN p.amount ELSE 0 END), 0) AS pending
FROM payment p
  JOIN party y ON y.account = p.account AND y.party_no = p.party_no
  LEFT JOIN payment_event s
    ON s.account = p.account AND s.payment_no = p.payment_no AND s.event = 'settled'
  LEFT JOIN payment_event r
    ON r.account = p.account AND r.payment_no = p.payment_no AND r.event = 'returned'
  LEFT JOIN payment_event v
    ON v.account = p.account AND v.payment_no = p.payment_no AND v.event = 'voided'
WHERE p.account = :account
  AND (:method = '' OR p.kind = :method OR (:method = 'cash' AND p.kind = 'cash_sale'))
  AND (:merchant_id = '' OR p.merchant_id = :merchant_id)
  AND (:batch_num = '' OR p.batch_num = :batch_num)
  AND (:receipt_num = '' OR p.receipt_num = :receipt_num)
  AND (:payer = '' OR y.party_code = :payer)
  AND CASE :happened WHEN 'settled' THEN s.effective_on WHEN 'returned' THEN r.effective_on
    ELSE p.received_on END BETWEEN :since AND :until
  AND (:status = '' OR :status = CASE WHEN v.payment_no IS NOT NULL THEN 'voided'
    WHEN r.payment_no IS NOT NULL THEN 'returned' WHEN s.payment_no IS NOT NULL THEN 'settled'
    ELSE 'pending' END)
  AND ((:donor = '' AND :pledge = '') OR EXISTS (SELECT 1 FROM payment_detail d
    WHERE d.account = p.account AND d.payment_no = p.payment_no
      AND (:donor = '' OR d.donor_number = :donor) AND (:pledge = '' OR d.pledge_number = :pledge)))

-- name: find_number
-- The number of a payment, by its id. Binds :account, :payment_id.
SELECT p.payment_no
FROM payment p
WHERE p.account = :account AND p.payment_id = :payment_id

-- name: find_batches
-- The settlement batches of an account: how many payments of each were not voided, what those come
-- to, what of it is pending, when the first was received, and the day on which somebody confirmed
-- it. Where :only_waiting is 1, those alone of which something is pending. Binds :account.
-- sqlite: joins in this order
SELECT COALESCE(p.merchant_id, '') AS merchant_id, p.batch_num,
  SUM(CASE WHEN v.payment_no IS NULL THEN 1 ELSE 0 END) AS payments,
  SUM(CASE WHEN v.payment_no IS NULL THEN p.amount ELSE 0 END) AS amount,
  SUM(CASE WHEN v.payment_no IS NULL AND s.payment_no IS NULL THEN p.amount ELSE 0 END) AS pending,
  MIN(p.received_on) AS first_received_on, MAX(c.effective_on) AS confirmed_on
FROM payment p
  LEFT JOIN payment_event s
    ON s.account = p.account AND s.payment_no = p.payment_no AND s.event = 'settled'
  LEFT JOIN payment_event v
    ON v.account = p.account AND v.payment_no = p.payment_no AND v.event = 'voided'
  LEFT JOIN batch_confirmed c ON c.account = p.account
    AND c.merchant_id = COALESCE(p.merchant_id, '') AND c.batch_num = p.batch_num
WHERE p.account = :account AND p.batch_num IS NOT NULL
GROUP BY COALESCE(p.merchant_id, ''), p.batch_num
HAVING :only_waiting = 0
  OR SUM(CASE WHEN v.payment_no IS NULL AND s.payment_no IS NULL THEN 1 ELSE 0 END) > 0
ORDER BY MIN(p.payment_no) DESC
