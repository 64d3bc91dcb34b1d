-- name: find_pledges
-- What was promised with each pledge, and what of an extent came of it: settled and not returned,
-- or pending still; what was refunded of a payment's sale came back to the donor. Pledges are those
-- of the donors' lists, and those that payments name. Numbers are in their order as numbers. Binds
-- :account, :as_of, :known_batch, :since, :until.
WITH given AS (
  SELECT d.donor_number, d.pledge_number,
    CASE WHEN s.payment_no IS NULL THEN 0 ELSE 1 END AS is_settled,
    CASE WHEN EXISTS (SELECT 1 FROM payment_event e
          WHERE e.account = p.account AND e.payment_no = p.payment_no
            AND e.event IN ('returned', 'voided')
            AND e.effective_on <= :as_of AND e.batch_no <= :known_batch) THEN 0
      ELSE p.amount - (SELECT COALESCE(SUM(m.voided), 0)
        FROM charge_move m
        WHERE m.account = p.account AND m.charge_no = p.for_charge_no
          AND m.effective_on <= :as_of AND m.batch_no <= :known_batch) END AS amount
  FROM payment_detail d
    JOIN payment p ON p.account = d.account AND p.payment_no = d.payment_no
    LEFT JOIN payment_event s
      ON s.account = p.account AND s.payment_no = p.payment_no AND s.event = 'settled'
      AND s.effective_on <= :as_of AND s.batch_no <= :known_batch
  WHERE d.account = :account AND d.pledge_number IS NOT NULL
    AND p.batch_no <= :known_batch AND p.received_on <= :as_of
    AND p.received_on >= :since AND p.received_on <= :until
), pledged AS (
  SELECT t.donor_number, t.pledge_number, t.promised
  FROM donor_pledge /* as known */ t
  WHERE t.account = :account
  UNION ALL
  SELECT g.donor_number, g.pledge_number, CAST(NULL AS BIGINT)
  FROM given g
)
SELECT k.donor_number, COALESCE(n.name, '') AS name, k.pledge_number, k.promised,
  COALESCE(x.received, 0) AS received, COALESCE(x.pending, 0) AS pending
FROM (
    SELECT u.donor_number, u.pledge_number, MAX(u.promised) AS promised
    FROM pledged u
    GROUP BY u.donor_number, u.pledge_number
  ) k
  LEFT JOIN donor /* as known */ n ON n.account = :account AND n.donor_number = k.donor_number
  LEFT JOIN (
    SELECT g.donor_number, g.pledge_number,
      SUM(CASE g.is_settled WHEN 1 THEN g.amount ELSE 0 END) AS received,
      SUM(CASE g.is_settled WHEN 0 THEN g.amount ELSE 0 END) AS pending
    FROM given g
    GROUP BY g.donor_number, g.pledge_number
  ) x ON x.donor_number = k.donor_number AND x.pledge_number = k.pledge_number
ORDER BY LENGTH(k.donor_number), k.donor_number, LENGTH(k.pledge_number), k.pledge_number
