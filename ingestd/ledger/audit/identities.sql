-- name: add_up_totals
-- Both sides of I1 to I3 for an extent, by the totals of its batches: what is owed (1100, 1110),
-- and revenue and tax that are not realised yet (2100, 2110); money at hand and what is owed back
-- of money paid out (1000 bank, 1060 cash, 1120, 1130), and what it is: 4000 realised revenue less
-- 4900 discounts and 4950 bad debts, funds held (2200, 2300, 2330), payouts on their way (2060),
-- and credit (2000, 2010, 2015, deposits 2310, advances 2320); what clears (1050), and what is
-- pending (2050) or between two lots (2090). Sums without a GROUP BY: one pass, and nothing to
-- sort. Binds :account, :as_of, :known_batch.
SELECT
  COALESCE(SUM(CASE WHEN p.debit_account IN (1100, 1110) THEN p.amount ELSE 0 END
    - CASE WHEN p.credit_account IN (1100, 1110) THEN p.amount ELSE 0 END), 0) AS owed,
  COALESCE(SUM(CASE WHEN p.credit_account IN (2100, 2110) THEN p.amount ELSE 0 END
    - CASE WHEN p.debit_account IN (2100, 2110) THEN p.amount ELSE 0 END), 0) AS deferred,
  COALESCE(SUM(
    CASE WHEN p.debit_account IN (1000, 1060, 1120, 1130) THEN p.amount ELSE 0 END
    - CASE WHEN p.credit_account IN (1000, 1060, 1120, 1130) THEN p.amount ELSE 0 END), 0)
    AS money,
  COALESCE(SUM(
    CASE WHEN p.credit_account IN (4000, 4900, 4950, 2060, 2200, 2300, 2330)
      THEN p.amount ELSE 0 END
    - CASE WHEN p.debit_account IN (4000, 4900, 4950, 2060, 2200, 2300, 2330)
      THEN p.amount ELSE 0 END), 0) AS kept,
  COALESCE(SUM(
    CASE WHEN p.credit_account IN (2000, 2010, 2015, 2310, 2320) THEN p.amount ELSE 0 END
    - CASE WHEN p.debit_account IN (2000, 2010, 2015, 2310, 2320) THEN p.amount ELSE 0 END), 0)
    AS credit,
  COALESCE(SUM(CASE p.debit_account WHEN 1050 THEN p.amount ELSE 0 END
    - CASE p.credit_account WHEN 1050 THEN p.amount ELSE 0 END), 0) AS clearing,
  COALESCE(SUM(CASE WHEN p.credit_account IN (2050, 2090) THEN p.amount ELSE 0 END
    - CASE WHEN p.debit_account IN (2050, 2090) THEN p.amount ELSE 0 END), 0) AS pending
FROM batch_total p
WHERE p.account = :account AND p.effective_on <= :as_of AND p.batch_no <= :known_batch

-- name: add_up_postings
-- The same sums for everything, by the postings themselves. Binds :account.
SELECT
  COALESCE(SUM(CASE WHEN p.debit_account IN (1100, 1110) THEN p.amount ELSE 0 END
    - CASE WHEN p.credit_account IN (1100, 1110) THEN p.amount ELSE 0 END), 0) AS owed,
  COALESCE(SUM(CASE WHEN p.credit_account IN (2100, 2110) THEN p.amount ELSE 0 END
    - CASE WHEN p.debit_account IN (2100, 2110) THEN p.amount ELSE 0 END), 0) AS deferred,
  COALESCE(SUM(
    CASE WHEN p.debit_account IN (1000, 1060, 1120, 1130) THEN p.amount ELSE 0 END
    - CASE WHEN p.credit_account IN (1000, 1060, 1120, 1130) THEN p.amount ELSE 0 END), 0)
    AS money,
  COALESCE(SUM(
    CASE WHEN p.credit_account IN (4000, 4900, 4950, 2060, 2200, 2300, 2330)
      THEN p.amount ELSE 0 END
    - CASE WHEN p.debit_account IN (4000, 4900, 4950, 2060, 2200, 2300, 2330)
      THEN p.amount ELSE 0 END), 0) AS kept,
  COALESCE(SUM(
    CASE WHEN p.credit_account IN (2000, 2010, 2015, 2310, 2320) THEN p.amount ELSE 0 END
    - CASE WHEN p.debit_account IN (2000, 2010, 2015, 2310, 2320) THEN p.amount ELSE 0 END), 0)
    AS credit,
  COALESCE(SUM(CASE p.debit_account WHEN 1050 THEN p.amount ELSE 0 END
    - CASE p.credit_account WHEN 1050 THEN p.amount ELSE 0 END), 0) AS clearing,
  COALESCE(SUM(CASE WHEN p.credit_account IN (2050, 2090) THEN p.amount ELSE 0 END
    - CASE WHEN p.debit_account IN (2050, 2090) THEN p.amount ELSE 0 END), 0) AS pending
FROM posting p
WHERE p.account = :account

-- name: add_up_credit_below_zero
-- I4 and I6 for an extent: how far credit lots together are below zero, and what all come to. A lot
-- is what it is now, less what moved it later. Binds :account, :as_of, :known_batch,
-- :postings_within.
SELECT COALESCE(SUM(CASE WHEN l.remaining < 0 THEN -l.remaining ELSE 0 END), 0) AS below_zero,
  COALESCE(SUM(l.remaining), 0) AS remaining
FROM (
  SELECT SUM(x.amount) AS remaining
  FROM (
    SELECT t.payment_no, t.credit_account, t.party_no, t.remaining AS amount
    FROM credit_lot t
    WHERE t.account = :account
    UNION ALL
    SELECT m.payment_no, m.credit_account, m.party_no, -m.amount
    FROM lot_move m
    WHERE m.account = :account AND m.posting_no > :postings_within
      AND (m.effective_on > :as_of OR m.batch_no > :known_batch)
  ) x
  GROUP BY x.payment_no, x.credit_account, x.party_no
) l

-- name: add_up_postings_below_zero
-- I4 and I6 for everything: lots by the postings alone, each payment's and party's. Binds :account.
SELECT COALESCE(SUM(CASE WHEN l.amount < 0 THEN -l.amount ELSE 0 END), 0) AS below_zero,
  COALESCE(SUM(l.amount), 0) AS remaining
FROM (
  SELECT SUM(m.amount) AS amount
  FROM lot_move m
  WHERE m.account = :account
  GROUP BY m.payment_no, m.credit_account, m.party_no
) l

-- name: add_up_charges_beyond
-- I5 for an extent: how far charges together are paid less than nothing, or paid, voided and
-- written off beyond their amounts. A charge's state is what it is now, less what moved it later.
-- Binds :account, :as_of, :known_batch, :postings_within.
SELECT
  COALESCE(SUM(CASE WHEN s.paid < 0 THEN -s.paid ELSE 0 END
    + CASE WHEN s.paid + s.ended > s.amount THEN s.paid + s.ended - s.amount ELSE 0 END), 0)
    AS beyond
FROM (
  SELECT SUM(x.amount) AS amount, SUM(x.paid) AS paid, SUM(x.ended) AS ended
  FROM (
    SELECT t.charge_no, t.amount, t.allocated AS paid, t.voided + t.written_off AS ended
    FROM charge_state t
    WHERE t.account = :account
    UNION ALL
    SELECT m.charge_no, 0, -m.paid, -(m.voided + m.written_off)
    FROM charge_move m
    WHERE m.account = :account AND m.posting_no > :postings_within
      AND (m.effective_on > :as_of OR m.batch_no > :known_batch)
  ) x
  GROUP BY x.charge_no
) s

-- name: add_up_postings_beyond
-- I5 for everything, by the postings alone, of amounts and of the tax in them (2110). A LEFT JOIN
-- keeps SQLite from walking all charges for each that has moved. Binds :account.
SELECT
  COALESCE(SUM(CASE WHEN x.paid < 0 THEN -x.paid ELSE 0 END
    + CASE WHEN x.paid + x.ended > x.amount THEN x.paid + x.ended - x.amount ELSE 0 END), 0)
    AS beyond
FROM (
  SELECT c.amount, y.paid, y.ended
  FROM (
    SELECT m.charge_no, SUM(m.paid) AS paid, SUM(m.voided + m.written_off) AS ended
    FROM charge_move m
    WHERE m.account = :account
    GROUP BY m.charge_no
  ) y
    LEFT JOIN charge c ON c.account = :account AND c.charge_no = y.charge_no
  UNION ALL
  SELECT c.tax, y.paid, y.ended
  FROM (
    SELECT t.charge_no, SUM(CASE t.other_account WHEN 2200 THEN t.amount ELSE 0 END) AS paid,
      SUM(CASE t.other_account WHEN 2200 THEN 0 ELSE t.amount END) AS ended
    FROM (
      SELECT p.charge_no, p.credit_account AS other_account, p.amount
      FROM posting p
      WHERE p.account = :account AND p.debit_account = 2110
      UNION ALL
      SELECT p.charge_no, p.debit_account, -p.amount
      FROM posting p
      WHERE p.account = :account AND p.credit_account = 2110 AND p.debit_account = 2200
    ) t
    GROUP BY t.charge_no
  ) y
    LEFT JOIN charge c ON c.account = :account AND c.charge_no = y.charge_no
) x
