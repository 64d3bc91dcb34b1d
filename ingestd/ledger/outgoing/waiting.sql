-- name: sum_waiting
-- What waits of a party's own on an account, of what is there by a day. Binds :account, :party_no,
-- :credit_account, :day.
SELECT COALESCE(SUM(l.remaining), 0)
FROM waiting_lot l
WHERE l.account = :account AND l.party_no = :party_no AND l.credit_account = :credit_account
  AND l.available_on <= :day

-- name: choose_credit
-- A party's own lots up to an amount, the oldest settled first. Binds :account, :party_no,
-- :credit_account, :day, :amount.
INSERT INTO stage_taken (place, payment_no, credit_account, party_no, amount, available_on)
SELECT 1, x.payment_no, x.credit_account, x.party_no,
  LEAST(x.high, CAST(:amount AS BIGINT)) - (x.high - x.remaining), x.available_on
FROM (
  SELECT l.payment_no, l.credit_account, l.party_no, l.remaining, l.available_on,
    SUM(l.remaining) OVER (ORDER BY l.settled_batch_no, l.payment_no) AS high
  FROM waiting_lot l
  WHERE l.account = :account AND l.party_no = :party_no AND l.credit_account = :credit_account
    AND l.available_on <= :day
) x
WHERE x.high - x.remaining < :amount

-- name: post_moved
-- Credit goes from its lot to where it is to be, by way of 2090, which is zero after every batch.
-- Binds :account, :postings, :batch_no, :event, :day, :to_account, :to_party_no.
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, debit_party_no, credit_party_no, payment_no)
SELECT CAST(:account AS TEXT),
  :postings + ROW_NUMBER() OVER (ORDER BY l.payment_no, l.debit_account, l.place), :batch_no,
  CAST(:event AS TEXT), l.effective_on, l.debit_account, l.credit_account, l.amount,
  l.debit_party_no, l.credit_party_no, l.payment_no
FROM (
  SELECT t.payment_no, 1 AS place, GREATEST(t.available_on, CAST(:day AS BIGINT)) AS effective_on,
    t.credit_account AS debit_account, 2090 AS credit_account, t.amount,
    t.party_no AS debit_party_no, CAST(NULL AS BIGINT) AS credit_party_no
  FROM stage_taken t
  UNION ALL
  SELECT t.payment_no, 2, GREATEST(t.available_on, CAST(:day AS BIGINT)), 2090,
    CAST(:to_account AS BIGINT), t.amount, NULL, CAST(:to_party_no AS BIGINT)
  FROM stage_taken t
) l

-- name: take_from_lots
-- The lots have so much less. Binds :account.
-- sqlite: joins in this order
UPDATE credit_lot
SET remaining = remaining - t.amount
FROM stage_taken t
WHERE credit_lot.account = :account AND credit_lot.payment_no = t.payment_no
  AND credit_lot.credit_account = t.credit_account AND credit_lot.party_no = t.party_no

-- name: add_to_lots
-- Where it is to be there is so much more of the same payments. Binds :account, :day, :to_account,
-- :to_party_no.
-- sqlite: joins in this order
INSERT INTO credit_lot (account, payment_no, credit_account, party_no, settled_batch_no,
  available_on, remaining)
SELECT l.account, l.payment_no, CAST(:to_account AS BIGINT), CAST(:to_party_no AS BIGINT),
  l.settled_batch_no, GREATEST(t.available_on, CAST(:day AS BIGINT)), t.amount
FROM stage_taken t
  JOIN credit_lot l ON l.account = :account AND l.payment_no = t.payment_no
    AND l.credit_account = t.credit_account AND l.party_no = t.party_no
WHERE TRUE
ON CONFLICT (account, payment_no, credit_account, party_no)
DO UPDATE SET remaining = credit_lot.remaining + excluded.remaining,
  available_on = GREATEST(credit_lot.available_on, excluded.available_on)

-- name: follow_moved
-- What was taken lies there now. Binds :to_account, :to_party_no, :day.
UPDATE stage_taken
SET credit_account = CAST(:to_account AS BIGINT), party_no = CAST(:to_party_no AS BIGINT),
  available_on = GREATEST(available_on, CAST(:day AS BIGINT))

-- name: stage_given_back
-- What waits of the discounts (2015) of the payments in `stage_taken`. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_given_back (payment_no, party_no, amount, available_on)
SELECT l.payment_no, l.party_no, l.remaining, l.available_on
FROM (SELECT DISTINCT payment_no FROM stage_taken) t
  JOIN credit_lot l ON l.account = :account AND l.payment_no = t.payment_no
    AND l.credit_account = 2015 AND l.remaining > 0

-- name: post_given_back
-- It goes back to where it came from. 2015 unapplied discounts, 4900 discounts. Binds :account,
-- :postings, :batch_no, :event, :day.
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, debit_party_no, payment_no)
SELECT CAST(:account AS TEXT), :postings + ROW_NUMBER() OVER (ORDER BY g.payment_no, g.party_no),
  :batch_no, CAST(:event AS TEXT), GREATEST(g.available_on, CAST(:day AS BIGINT)), 2015, 4900,
  g.amount, g.party_no, g.payment_no
FROM stage_given_back g

-- name: empty_discounts
-- Nothing waits of them. Binds :account.
UPDATE credit_lot
SET remaining = 0
WHERE (account, payment_no, credit_account, party_no) IN (
  SELECT CAST(:account AS TEXT), g.payment_no, 2015, g.party_no
  FROM stage_given_back g)
