-- name: add_up_open
-- What is open now of the charges that occurred on the days asked for, by how long ago they did:
-- each sum holds the ones before it. Sums without a GROUP BY: one pass, and no million rows to
-- sort. Binds :account, :occurred_from, :occurred_before, :after_30, :after_60, :after_90.
SELECT
  COALESCE(SUM(CASE WHEN c.occurred_at >= :after_30 THEN c.amount ELSE 0 END), 0) AS up_to_30,
  COALESCE(SUM(CASE WHEN c.occurred_at >= :after_60 THEN c.amount ELSE 0 END), 0) AS up_to_60,
  COALESCE(SUM(CASE WHEN c.occurred_at >= :after_90 THEN c.amount ELSE 0 END), 0) AS up_to_90,
  COALESCE(SUM(c.amount), 0) AS all_ages
FROM open_charge c
WHERE c.account = :account AND c.occurred_at >= :occurred_from AND c.occurred_at < :occurred_before

-- name: add_up_later
-- The same sums of what came to a receivable (1100, 1110) later than an extent, less what left it.
-- Binds :account, :as_of, :known_batch, :postings_within, :occurred_from, :occurred_before,
-- :after_30, :after_60, :after_90.
-- sqlite: joins in this order
SELECT
  COALESCE(SUM(CASE WHEN c.occurred_at >= :after_30 THEN m.change ELSE 0 END), 0) AS up_to_30,
  COALESCE(SUM(CASE WHEN c.occurred_at >= :after_60 THEN m.change ELSE 0 END), 0) AS up_to_60,
  COALESCE(SUM(CASE WHEN c.occurred_at >= :after_90 THEN m.change ELSE 0 END), 0) AS up_to_90,
  COALESCE(SUM(m.change), 0) AS all_ages
FROM (
    SELECT p.charge_no,
      CASE WHEN p.debit_account IN (1100, 1110) THEN p.amount ELSE -p.amount END AS change
    FROM posting p
    WHERE p.account = :account AND p.posting_no > :postings_within
      AND (p.effective_on > :as_of OR p.batch_no > :known_batch)
      AND (p.debit_account IN (1100, 1110) OR p.credit_account IN (1100, 1110))
  ) m
  JOIN charge c ON c.account = :account AND c.charge_no = m.charge_no
WHERE c.occurred_at >= :occurred_from AND c.occurred_at < :occurred_before
