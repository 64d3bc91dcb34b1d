-- name: find_received
-- What was received on the days asked for in an extent, by day, method, settlement batch and place
-- where it came in. A sale's cash is cash. Where :all_parties is 1, :parties are not asked; an
-- empty :source is any. Binds :account, :as_of, :known_batch, :since, :until.
-- sqlite: joins in this order
SELECT x.day, x.method, x.merchant_id, x.batch_num, b.source,
  SUM(x.payments) AS payments, SUM(x.amount) AS amount
FROM (
    SELECT p.received_on AS day,
      CASE p.kind WHEN 'cash_sale' THEN 'cash' ELSE p.kind END AS method,
      p.merchant_id, p.batch_num, p.batch_no, COUNT(*) AS payments, SUM(p.amount) AS amount
    FROM payment p
    WHERE p.account = :account AND p.received_on <= :as_of AND p.batch_no <= :known_batch
      AND p.received_on >= :since AND p.received_on <= :until
      AND (:all_parties = 1 OR p.party_no IN (:parties))
    GROUP BY 1, 2, 3, 4, 5
  ) x
  JOIN batch_source b ON b.account = :account AND b.batch_no = x.batch_no
WHERE (:source = '' OR b.source = :source)
GROUP BY 1, 2, 3, 4, 5

-- name: find_events
-- What settled or came back (:event) on the days asked for in an extent, by day, method, settlement
-- batch and the place where it had come in. Where :all_parties is 1, :parties are not asked; an
-- empty :source is any. Binds :account, :as_of, :known_batch, :since, :until.
-- sqlite: joins in this order
SELECT x.day, x.method, x.merchant_id, x.batch_num, b.source,
  SUM(x.payments) AS payments, SUM(x.amount) AS amount
FROM (
    SELECT e.effective_on AS day,
      CASE p.kind WHEN 'cash_sale' THEN 'cash' ELSE p.kind END AS method,
      p.merchant_id, p.batch_num, p.batch_no, COUNT(*) AS payments, SUM(p.amount) AS amount
    FROM payment_event e
      JOIN payment p ON p.account = e.account AND p.payment_no = e.payment_no
    WHERE e.account = :account AND e.event = :event
      AND e.effective_on <= :as_of AND e.batch_no <= :known_batch
      AND e.effective_on >= :since AND e.effective_on <= :until
      AND (:all_parties = 1 OR p.party_no IN (:parties))
    GROUP BY 1, 2, 3, 4, 5
  ) x
  JOIN batch_source b ON b.account = :account AND b.batch_no = x.batch_no
WHERE (:source = '' OR b.source = :source)
GROUP BY 1, 2, 3, 4, 5

-- name: find_paid_out
-- What left the bank or the till on the days asked for in an extent, by day, method and place: cash
-- when it was paid out, all else when it cleared; what was voided after that came back, and counts
-- against it. Where :all_parties is 1, :parties are not asked; an empty :source is any. Binds
-- :account, :as_of, :known_batch, :since, :until.
-- sqlite: joins in this order
SELECT x.day, x.method, NULL AS merchant_id, NULL AS batch_num, x.source,
  SUM(x.payments) AS payments, SUM(x.amount) AS amount
FROM (
    SELECT c.effective_on AS day, o.method, c.batch_no, c.party_no, 1 AS payments, c.amount,
      b.source
    FROM payout o
      JOIN charge c ON c.account = o.account AND c.charge_no = o.charge_no
      JOIN batch_source b ON b.account = c.account AND b.batch_no = c.batch_no
    WHERE o.account = :account AND o.method = 'cash'
    UNION ALL
    SELECT e.effective_on, o.method, e.batch_no, c.party_no,
      CASE e.event WHEN 'cleared' THEN 1 ELSE -1 END,
      CASE e.event WHEN 'cleared' THEN c.amount ELSE -c.amount END,
      b.source
    FROM payout_event e
      JOIN payout o ON o.account = e.account AND o.charge_no = e.charge_no
      JOIN charge c ON c.account = o.account AND c.charge_no = o.charge_no
      JOIN batch_source b ON b.account = c.account AND b.batch_no = c.batch_no
    WHERE e.account = :account AND o.method <> 'cash'
      AND (e.event = 'cleared' OR EXISTS (SELECT 1 FROM payout_event d
        WHERE d.account = e.account AND d.charge_no = e.charge_no AND d.event = 'cleared'
          AND d.batch_no < e.batch_no))
  ) x
WHERE x.day <= :as_of AND x.batch_no <= :known_batch AND x.day >= :since AND x.day <= :until
  AND (:all_parties = 1 OR x.party_no IN (:parties))
  AND (:source = '' OR x.source = :source)
GROUP BY 1, 2, 5

-- name: find_deposited
-- The cash that was brought to the bank on the days asked for in an extent, each deposit by itself,
-- with its reference where a settlement batch stands. It is nobody's: where :all_parties is 0,
-- there is none. An empty :source is any. Binds :account, :as_of, :known_batch, :since, :until.
SELECT d.effective_on AS day, 'cash' AS method, NULL AS merchant_id, d.reference AS batch_num,
  b.source, 1 AS payments, d.amount
FROM cash_deposit d
  JOIN batch_source b ON b.account = d.account AND b.batch_no = d.batch_no
WHERE d.account = :account AND d.effective_on <= :as_of AND d.batch_no <= :known_batch
  AND d.effective_on >= :since AND d.effective_on <= :until
  AND :all_parties = 1 AND (:source = '' OR b.source = :source)
ORDER BY d.batch_no

-- name: add_up_money
-- What came to the bank (1000) and the till (1060) on the days asked for in an extent, less what
-- left them. Binds :account, :as_of, :known_batch, :since, :until.
SELECT COALESCE(SUM(CASE WHEN p.debit_account IN (1000, 1060) THEN p.amount ELSE 0 END
  - CASE WHEN p.credit_account IN (1000, 1060) THEN p.amount ELSE 0 END), 0)
FROM batch_total p
WHERE p.account = :account AND p.effective_on <= :as_of AND p.batch_no <= :known_batch
  AND p.effective_on >= :since AND p.effective_on <= :until
