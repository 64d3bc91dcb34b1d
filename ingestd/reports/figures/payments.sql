-- name: find_payments
-- The payments of an extent that were received on the days asked for, and when each settled, came
-- back or was voided. Where :all_parties is 1, :parties are not asked; an empty :source, the place
-- where they came in, is any. Only payments numbered above :after. Binds :account, :as_of,
-- :known_batch, :since, :until.
SELECT y.payment_id, q.party_code, y.kind, y.merchant_id, y.batch_num, y.receipt_num,
  y.received_on, y.amount, settled.effective_on AS settled_on,
  returned.effective_on AS returned_on, voided.effective_on AS voided_on
FROM payment y
  JOIN party q ON q.account = y.account AND q.party_no = y.party_no
  LEFT JOIN payment_event settled
    ON settled.account = y.account AND settled.payment_no = y.payment_no
    AND settled.event = 'settled'
    AND settled.effective_on <= :as_of AND settled.batch_no <= :known_batch
  LEFT JOIN payment_event returned
    ON returned.account = y.account AND returned.payment_no = y.payment_no
    AND returned.event = 'returned'
    AND returned.effective_on <= :as_of AND returned.batch_no <= :known_batch
  LEFT JOIN payment_event voided
    ON voided.account = y.account AND voided.payment_no = y.payment_no
    AND voided.event = 'voided'
    AND voided.effective_on <= :as_of AND voided.batch_no <= :known_batch
WHERE y.account = :account AND y.batch_no <= :known_batch AND y.received_on <= :as_of
  AND y.received_on >= :since AND y.received_on <= :until
  AND y.payment_no > :after
  AND (:all_parties = 1 OR y.party_no IN (:parties))
  AND (:source = '' OR y.batch_no IN (SELECT z.batch_no FROM batch_source z
    WHERE z.account = :account AND z.source = :source))
ORDER BY y.payment_no

-- name: find_number
-- The number of a payment, by its id. Binds :account, :after.
SELECT y.payment_no
FROM payment y
WHERE y.account = :account AND y.payment_id = :after
