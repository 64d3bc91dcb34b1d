-- name: add_up_open
-- What is open now of the charges that occurred on the days asked for, and of what was paid out and
-- is owed back, by how long ago they did: each sum holds the ones before it. Sums without a GROUP
-- BY: one pass, and no million rows to sort. Where :all_parties is 1, :parties are not asked. Binds
-- :account, :occurred_from, :occurred_before, :after_30, :after_60, :after_90.
SELECT
  COALESCE(SUM(CASE WHEN c.occurred_at >= :after_30 THEN c.amount ELSE 0 END), 0) AS up_to_30,
  COALESCE(SUM(CASE WHEN c.occurred_at >= :after_60 THEN c.amount ELSE 0 END), 0) AS up_to_60,
  COALESCE(SUM(CASE WHEN c.occurred_at >= :after_90 THEN c.amount ELSE 0 END), 0) AS up_to_90,
  COALESCE(SUM(c.amount), 0) AS all_ages
FROM open_charge c
WHERE c.account = :account AND c.occurred_at >= :occurred_from AND c.occurred_at < :occurred_before
  AND (:all_parties = 1 OR c.party_no IN (:parties))

-- name: add_up_later_charges
-- The same sums of the charges that belong to no extent: what was charged later. Where :all_parties
-- is 1, :parties are not asked. Binds :account, :as_of, :known_batch, :occurred_from,
-- :occurred_before, :after_30, :after_60, :after_90.
SELECT
  COALESCE(SUM(CASE WHEN c.occurred_at >= :after_30 THEN c.amount ELSE 0 END), 0) AS up_to_30,
  COALESCE(SUM(CASE WHEN c.occurred_at >= :after_60 THEN c.amount ELSE 0 END), 0) AS up_to_60,
  COALESCE(SUM(CASE WHEN c.occurred_at >= :after_90 THEN c.amount ELSE 0 END), 0) AS up_to_90,
  COALESCE(SUM(c.amount), 0) AS all_ages
FROM charge c
WHERE c.account = :account AND (c.effective_on > :as_of OR c.batch_no > :known_batch)
  AND c.occurred_at >= :occurred_from AND c.occurred_at < :occurred_before
  AND (:all_parties = 1 OR c.party_no IN (:parties))

-- name: add_up_later
-- The same sums of what was paid, taken back or written off later than an extent, of any charge.
-- Where :all_parties is 1, :parties are not asked. Binds :account, :as_of, :known_batch,
-- :postings_within, :occurred_from, :occurred_before, :after_30, :after_60, :after_90.
-- sqlite: joins in this order
SELECT
  COALESCE(SUM(CASE WHEN c.occurred_at >= :after_30 THEN m.moved ELSE 0 END), 0) AS up_to_30,
  COALESCE(SUM(CASE WHEN c.occurred_at >= :after_60 THEN m.moved ELSE 0 END), 0) AS up_to_60,
  COALESCE(SUM(CASE WHEN c.occurred_at >= :after_90 THEN m.moved ELSE 0 END), 0) AS up_to_90,
  COALESCE(SUM(m.moved), 0) AS all_ages
FROM (
    SELECT v.charge_no, v.paid + v.voided + v.written_off AS moved
    FROM charge_move v
    WHERE v.account = :account AND v.posting_no > :postings_within
      AND (v.effective_on > :as_of OR v.batch_no > :known_batch)
  ) m
  JOIN charge c ON c.account = :account AND c.charge_no = m.charge_no
WHERE c.occurred_at >= :occurred_from AND c.occurred_at < :occurred_before
  AND (:all_parties = 1 OR c.party_no IN (:parties))
