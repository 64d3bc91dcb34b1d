-- name: add_up_held
-- What is held for others in an extent, or came to be held on the days asked for, less what left:
-- tax (2200) by its code, building funds (2300) and other accounts of the general ledger (2330) by
-- their account, deposits (2310) and advances (2320) by party. A payment has one part for each of
-- these. Where :all_parties is 1, :parties are not asked. Binds :account, :as_of, :known_batch,
-- :since, :until.
-- sqlite: joins in this order
SELECT h.held_account, h.gl_account, h.tax_code, h.party_no, h.held, y.kind, y.party_code,
  st.parent_code
FROM (
  SELECT x.held_account, x.gl_account, x.tax_code, x.party_no, SUM(x.amount) AS held
  FROM (
      SELECT m.held_account, m.amount,
        CASE WHEN m.held_account IN (2300, 2330) THEN (SELECT r.gl_account
          FROM payment_part r
          WHERE r.account = :account AND r.payment_no = m.payment_no
            AND r.kind IN ('building', 'other', 'gl')
            AND (r.kind = 'building') = (m.held_account = 2300)
          ORDER BY r.part_no
          LIMIT 1) END AS gl_account,
        CASE WHEN m.held_account = 2200 THEN COALESCE((SELECT t.tax_code
            FROM charge_tax t
            WHERE t.account = :account AND t.charge_no = m.charge_no),
          (SELECT r.tax_code
            FROM payment_part r
            WHERE r.account = :account AND r.payment_no = m.payment_no AND r.kind = 'tax'
            ORDER BY r.part_no
            LIMIT 1)) END AS tax_code,
        CASE WHEN m.held_account IN (2310, 2320) THEN m.party_no END AS party_no
      FROM (
          SELECT CASE s.sign WHEN 1 THEN p.credit_account ELSE p.debit_account END AS held_account,
            s.sign * p.amount AS amount, p.payment_no, p.charge_no,
            CASE s.sign WHEN 1 THEN p.credit_party_no ELSE p.debit_party_no END AS party_no
          FROM posting p
            CROSS JOIN (SELECT 1 AS sign UNION ALL SELECT -1) s
          WHERE p.account = :account
            AND (p.credit_account BETWEEN 2200 AND 2330 OR p.debit_account BETWEEN 2200 AND 2330)
            AND p.effective_on <= :as_of AND p.batch_no <= :known_batch
            AND p.effective_on >= :since AND p.effective_on <= :until
        ) m
      WHERE m.held_account IN (2200, 2300, 2310, 2320, 2330)
    ) x
  WHERE (:all_parties = 1 OR x.party_no IN (:parties))
  GROUP BY x.held_account, x.gl_account, x.tax_code, x.party_no
) h
  LEFT JOIN party y ON y.account = :account AND y.party_no = h.party_no
  LEFT JOIN student st
    ON y.kind = 'student' AND st.account = y.account AND st.student_id = y.party_code

-- name: add_up_books
-- The same in one sum, by the totals of batches. Binds :account, :as_of, :known_batch, :since,
-- :until.
SELECT COALESCE(SUM(
  CASE WHEN p.credit_account IN (2200, 2300, 2310, 2320, 2330) THEN p.amount ELSE 0 END
  - CASE WHEN p.debit_account IN (2200, 2300, 2310, 2320, 2330) THEN p.amount ELSE 0 END), 0)
FROM batch_total p
WHERE p.account = :account AND p.effective_on <= :as_of AND p.batch_no <= :known_batch
  AND p.effective_on >= :since AND p.effective_on <= :until
