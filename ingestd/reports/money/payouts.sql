-- name: find_payouts
-- The payouts of an extent that were made on the days asked for, when each cleared or was voided,
-- and what is owed back of it: what is open of its charge, which is what its state says now, less
-- what moved it later. Where :all_parties is 1, :parties are not asked; an empty :source is any.
-- Binds :account, :as_of, :known_batch, :postings_within, :since, :until.
-- sqlite: joins in this order
SELECT c.tracking_id AS payout_id, y.party_code, o.payee, o.method, o.reference,
  c.effective_on AS day, c.amount, cleared.effective_on AS cleared_on,
  voided.effective_on AS voided_on,
  c.amount - COALESCE(t.allocated, 0) - COALESCE(t.voided, 0) - COALESCE(t.written_off, 0)
    + COALESCE(x.moved, 0) AS owed_back
FROM payout o
  JOIN charge c ON c.account = o.account AND c.charge_no = o.charge_no
  JOIN party y ON y.account = c.account AND y.party_no = c.party_no
  JOIN batch_source b ON b.account = c.account AND b.batch_no = c.batch_no
  LEFT JOIN payout_event cleared
    ON cleared.account = o.account AND cleared.charge_no = o.charge_no
    AND cleared.event = 'cleared'
    AND cleared.effective_on <= :as_of AND cleared.batch_no <= :known_batch
  LEFT JOIN payout_event voided
    ON voided.account = o.account AND voided.charge_no = o.charge_no AND voided.event = 'voided'
    AND voided.effective_on <= :as_of AND voided.batch_no <= :known_batch
  LEFT JOIN charge_state t ON t.account = o.account AND t.charge_no = o.charge_no
  LEFT JOIN (
    SELECT m.charge_no, SUM(m.paid + m.voided + m.written_off) AS moved
    FROM charge_move m
    WHERE m.account = :account AND m.posting_no > :postings_within
      AND (m.effective_on > :as_of OR m.batch_no > :known_batch)
    GROUP BY m.charge_no
  ) x ON x.charge_no = o.charge_no
WHERE o.account = :account AND c.effective_on <= :as_of AND c.batch_no <= :known_batch
  AND c.effective_on >= :since AND c.effective_on <= :until
  AND (:all_parties = 1 OR c.party_no IN (:parties))
  AND (:source = '' OR b.source = :source)
ORDER BY o.charge_no

-- name: add_up_paid_out
-- What is on its way out (2060), and what was paid out and is owed back (1120, 1130), by the totals
-- of an extent's batches. Binds :account, :as_of, :known_batch.
SELECT
  COALESCE(SUM(CASE p.credit_account WHEN 2060 THEN p.amount ELSE 0 END
    - CASE p.debit_account WHEN 2060 THEN p.amount ELSE 0 END), 0) AS on_its_way,
  COALESCE(SUM(CASE WHEN p.debit_account IN (1120, 1130) THEN p.amount ELSE 0 END
    - CASE WHEN p.credit_account IN (1120, 1130) THEN p.amount ELSE 0 END), 0) AS owed_back
FROM batch_total p
WHERE p.account = :account AND p.effective_on <= :as_of AND p.batch_no <= :known_batch
