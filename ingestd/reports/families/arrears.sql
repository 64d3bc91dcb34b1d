-- name: add_up_open
-- What each party has open now, by how long ago it occurred: fees in four buckets, which
-- only money for fees (2010) pays, and what its wallet (2000) owes. The place of a family on the
-- roster stands beside. Binds :account, :after_30, :after_60, :after_90.
-- sqlite: joins in this order
SELECT s.party_no, y.kind, y.party_code, st.parent_code,
  s.up_to_30, s.up_to_60, s.up_to_90, s.older, s.wallet
FROM (
    SELECT o.party_no,
      SUM(CASE WHEN o.credit_account = 2010 AND o.occurred_at >= :after_30
        THEN o.amount ELSE 0 END) AS up_to_30,
      SUM(CASE WHEN o.credit_account = 2010 AND o.occurred_at < :after_30
        AND o.occurred_at >= :after_60 THEN o.amount ELSE 0 END) AS up_to_60,
      SUM(CASE WHEN o.credit_account = 2010 AND o.occurred_at < :after_60
        AND o.occurred_at >= :after_90 THEN o.amount ELSE 0 END) AS up_to_90,
      SUM(CASE WHEN o.credit_account = 2010 AND o.occurred_at < :after_90
        THEN o.amount ELSE 0 END) AS older,
      SUM(CASE o.credit_account WHEN 2000 THEN o.amount ELSE 0 END) AS wallet
    FROM open_charge o
    WHERE o.account = :account
    GROUP BY o.party_no
  ) s
  JOIN party y ON y.account = :account AND y.party_no = s.party_no
  LEFT JOIN student st
    ON y.kind = 'student' AND st.account = y.account AND st.student_id = y.party_code

-- name: add_up_later
-- The same sums of what is to be taken from that, because an extent does not know it: what was
-- charged later, less what was paid, taken back or written off later. 1110 receivable wallet, 1130
-- paid out of a wallet and owed back. Binds :account, :as_of, :known_batch, :postings_within,
-- :after_30, :after_60, :after_90.
-- sqlite: joins in this order
SELECT s.party_no, y.kind, y.party_code, st.parent_code,
  s.up_to_30, s.up_to_60, s.up_to_90, s.older, s.wallet
FROM (
    SELECT l.party_no,
      SUM(CASE WHEN l.is_wallet = 0 AND l.occurred_at >= :after_30
        THEN l.amount ELSE 0 END) AS up_to_30,
      SUM(CASE WHEN l.is_wallet = 0 AND l.occurred_at < :after_30
        AND l.occurred_at >= :after_60 THEN l.amount ELSE 0 END) AS up_to_60,
      SUM(CASE WHEN l.is_wallet = 0 AND l.occurred_at < :after_60
        AND l.occurred_at >= :after_90 THEN l.amount ELSE 0 END) AS up_to_90,
      SUM(CASE WHEN l.is_wallet = 0 AND l.occurred_at < :after_90
        THEN l.amount ELSE 0 END) AS older,
      SUM(CASE l.is_wallet WHEN 1 THEN l.amount ELSE 0 END) AS wallet
    FROM (
        SELECT c.party_no, c.occurred_at, c.amount,
          CASE WHEN c.receivable_account IN (1110, 1130) THEN 1 ELSE 0 END AS is_wallet
        FROM charge c
        WHERE c.account = :account AND (c.effective_on > :as_of OR c.batch_no > :known_batch)
        UNION ALL
        SELECT c.party_no, c.occurred_at, -m.moved,
          CASE WHEN c.receivable_account IN (1110, 1130) THEN 1 ELSE 0 END
        FROM (
            SELECT v.charge_no, v.paid + v.voided + v.written_off AS moved
            FROM charge_move v
            WHERE v.account = :account AND v.posting_no > :postings_within
              AND (v.effective_on > :as_of OR v.batch_no > :known_batch)
          ) m
          JOIN charge c ON c.account = :account AND c.charge_no = m.charge_no
      ) l
    GROUP BY l.party_no
  ) s
  JOIN party y ON y.account = :account AND y.party_no = s.party_no
  LEFT JOIN student st
    ON y.kind = 'student' AND st.account = y.account AND st.student_id = y.party_code

-- name: find_payers
-- Of each party that paid: what of it is pending in an extent, and the last day on which it gave
-- money that settled and did not come back. Binds :account, :as_of, :known_batch.
-- sqlite: joins in this order
SELECT s.party_no, y.kind, y.party_code, st.parent_code, s.pending, s.last_paid_on
FROM (
    SELECT x.party_no, SUM(CASE x.events WHEN 0 THEN x.amount ELSE 0 END) AS pending,
      MAX(CASE x.events WHEN 1 THEN x.received_on END) AS last_paid_on
    FROM (
        SELECT p.party_no, p.amount, p.received_on, COALESCE(e.events, 0) AS events
        FROM payment p
          LEFT JOIN (
            SELECT v.payment_no, SUM(CASE v.event WHEN 'settled' THEN 1 ELSE 2 END) AS events
            FROM payment_event v
            WHERE v.account = :account AND v.effective_on <= :as_of AND v.batch_no <= :known_batch
            GROUP BY v.payment_no
          ) e ON e.payment_no = p.payment_no
        WHERE p.account = :account AND p.received_on <= :as_of AND p.batch_no <= :known_batch
      ) x
    GROUP BY x.party_no
  ) s
  JOIN party y ON y.account = :account AND y.party_no = s.party_no
  LEFT JOIN student st
    ON y.kind = 'student' AND st.account = y.account AND st.student_id = y.party_code

-- name: add_up_receivables
-- What is owed in fees (1100, and 1120 which was paid out), and by wallets (1110, 1130), by the
-- totals of an extent's batches. Binds :account, :as_of, :known_batch.
SELECT
  COALESCE(SUM(CASE WHEN p.debit_account IN (1100, 1120) THEN p.amount ELSE 0 END
    - CASE WHEN p.credit_account IN (1100, 1120) THEN p.amount ELSE 0 END), 0) AS fees,
  COALESCE(SUM(CASE WHEN p.debit_account IN (1110, 1130) THEN p.amount ELSE 0 END
    - CASE WHEN p.credit_account IN (1110, 1130) THEN p.amount ELSE 0 END), 0) AS wallets
FROM batch_total p
WHERE p.account = :account AND p.effective_on <= :as_of AND p.batch_no <= :known_batch
