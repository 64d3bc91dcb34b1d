-- name: add_up_totals
-- Both sides of I1 to I3 for an extent, by the totals of its batches: what is owed (1100, 1110) and
-- revenue not realised yet (2100); money at hand (1000 bank, 1060 cash) and what it is (4000
-- realised revenue less 4900 discounts, credit on 2000 and 2010, funds held on 2200 to 2330); what
-- clears (1050) and what is pending (2050). Sums without a GROUP BY: one pass, and nothing to sort.
-- Binds :account, :as_of, :known_batch.
SELECT
  COALESCE(SUM(CASE WHEN p.debit_account IN (1100, 1110) THEN p.amount ELSE 0 END
    - CASE WHEN p.credit_account IN (1100, 1110) THEN p.amount ELSE 0 END), 0) AS owed,
  COALESCE(SUM(CASE p.credit_account WHEN 2100 THEN p.amount ELSE 0 END
    - CASE p.debit_account WHEN 2100 THEN p.amount ELSE 0 END), 0) AS deferred,
  COALESCE(SUM(CASE WHEN p.debit_account IN (1000, 1060) THEN p.amount ELSE 0 END
    - CASE WHEN p.credit_account IN (1000, 1060) THEN p.amount ELSE 0 END), 0) AS money,
  COALESCE(SUM(
    CASE WHEN p.credit_account IN (4000, 4900, 2000, 2010, 2200, 2300, 2310, 2320, 2330)
      THEN p.amount ELSE 0 END
    - CASE WHEN p.debit_account IN (4000, 4900, 2000, 2010, 2200, 2300, 2310, 2320, 2330)
      THEN p.amount ELSE 0 END), 0) AS kept,
  COALESCE(SUM(CASE p.debit_account WHEN 1050 THEN p.amount ELSE 0 END
    - CASE p.credit_account WHEN 1050 THEN p.amount ELSE 0 END), 0) AS clearing,
  COALESCE(SUM(CASE p.credit_account WHEN 2050 THEN p.amount ELSE 0 END
    - CASE p.debit_account WHEN 2050 THEN p.amount ELSE 0 END), 0) AS pending
FROM batch_total p
WHERE p.account = :account AND p.effective_on <= :as_of AND p.batch_no <= :known_batch

-- name: add_up_postings
-- The same sums for everything, by the postings themselves. Binds :account.
SELECT
  COALESCE(SUM(CASE WHEN p.debit_account IN (1100, 1110) THEN p.amount ELSE 0 END
    - CASE WHEN p.credit_account IN (1100, 1110) THEN p.amount ELSE 0 END), 0) AS owed,
  COALESCE(SUM(CASE p.credit_account WHEN 2100 THEN p.amount ELSE 0 END
    - CASE p.debit_account WHEN 2100 THEN p.amount ELSE 0 END), 0) AS deferred,
  COALESCE(SUM(CASE WHEN p.debit_account IN (1000, 1060) THEN p.amount ELSE 0 END
    - CASE WHEN p.credit_account IN (1000, 1060) THEN p.amount ELSE 0 END), 0) AS money,
  COALESCE(SUM(
    CASE WHEN p.credit_account IN (4000, 4900, 2000, 2010, 2200, 2300, 2310, 2320, 2330)
      THEN p.amount ELSE 0 END
    - CASE WHEN p.debit_account IN (4000, 4900, 2000, 2010, 2200, 2300, 2310, 2320, 2330)
      THEN p.amount ELSE 0 END), 0) AS kept,
  COALESCE(SUM(CASE p.debit_account WHEN 1050 THEN p.amount ELSE 0 END
    - CASE p.credit_account WHEN 1050 THEN p.amount ELSE 0 END), 0) AS clearing,
  COALESCE(SUM(CASE p.credit_account WHEN 2050 THEN p.amount ELSE 0 END
    - CASE p.debit_account WHEN 2050 THEN p.amount ELSE 0 END), 0) AS pending
FROM posting p
WHERE p.account = :account

-- name: add_up_credit_below_zero
-- I4 for an extent: how far credit lots together are below zero. A lot is what it is now, less
-- what moved it later. Binds :account, :as_of, :known_batch, :postings_within.
SELECT COALESCE(SUM(CASE WHEN l.remaining < 0 THEN -l.remaining ELSE 0 END), 0) AS below_zero
FROM (
  SELECT t.remaining - COALESCE(x.amount, 0) AS remaining
  FROM credit_lot t
    LEFT JOIN (
      SELECT m.payment_no, m.credit_account, m.party_no, SUM(m.amount) AS amount
      FROM lot_move m
      WHERE m.account = :account AND m.posting_no > :postings_within
        AND (m.effective_on > :as_of OR m.batch_no > :known_batch)
      GROUP BY m.payment_no, m.credit_account, m.party_no
    ) x ON x.payment_no = t.payment_no AND x.credit_account = t.credit_account
      AND x.party_no = t.party_no
  WHERE t.account = :account
) l

-- name: add_up_postings_below_zero
-- I4 for everything, by the postings alone. Binds :account.
SELECT COALESCE(SUM(CASE WHEN l.amount < 0 THEN -l.amount ELSE 0 END), 0) AS below_zero
FROM (
  SELECT SUM(m.amount) AS amount
  FROM lot_move m
  WHERE m.account = :account
  GROUP BY m.payment_no, m.credit_account, m.party_no
) l

-- name: add_up_charges_beyond
-- I5 for an extent: how far charges together are paid less than nothing, or paid and voided beyond
-- their amounts. A charge's state is what it is now, less what moved it later. Binds :account,
-- :as_of, :known_batch, :postings_within.
SELECT
  COALESCE(SUM(CASE WHEN s.paid < 0 THEN -s.paid ELSE 0 END
    + CASE WHEN s.paid + s.voided > s.amount THEN s.paid + s.voided - s.amount ELSE 0 END), 0)
    AS beyond
FROM (
  SELECT t.amount, t.allocated - COALESCE(x.paid, 0) AS paid,
    t.voided - COALESCE(x.voided, 0) AS voided
  FROM charge_state t
    LEFT JOIN (
      SELECT m.charge_no, SUM(m.paid) AS paid, SUM(m.voided) AS voided
      FROM charge_move m
      WHERE m.account = :account AND m.posting_no > :postings_within
        AND (m.effective_on > :as_of OR m.batch_no > :known_batch)
      GROUP BY m.charge_no
    ) x ON x.charge_no = t.charge_no
  WHERE t.account = :account
) s

-- name: add_up_postings_beyond
-- I5 for everything, by the postings alone. A LEFT JOIN keeps SQLite from walking all charges for
-- each that has moved. Binds :account.
SELECT
  COALESCE(SUM(CASE WHEN x.paid < 0 THEN -x.paid ELSE 0 END
    + CASE WHEN x.paid + x.voided > c.amount THEN x.paid + x.voided - c.amount ELSE 0 END), 0)
    AS beyond
FROM (
  SELECT m.charge_no, SUM(m.paid) AS paid, SUM(m.voided) AS voided
  FROM charge_move m
  WHERE m.account = :account
  GROUP BY m.charge_no
) x
  LEFT JOIN charge c ON c.account = :account AND c.charge_no = x.charge_no
