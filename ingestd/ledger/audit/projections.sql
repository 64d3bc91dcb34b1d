-- name: find_charges_without_key
-- Charges that do not hold their key. Binds :account.
SELECT c.batch_no, c.charge_no
FROM charge c
  LEFT JOIN charge_key e ON e.account = c.account AND e.tracking_id = c.tracking_id
WHERE c.account = :account AND e.charge_no IS DISTINCT FROM c.charge_no

-- name: find_stray_keys
-- Keys that their charge does not have. They are looked for only where there are more keys than
-- charges: where each charge holds its own there are as many, or strays beside them. Binds
-- :account.
-- sqlite: joins in this order
SELECT c.batch_no, e.charge_no
FROM (
    SELECT (SELECT COUNT(*) FROM charge_key e WHERE e.account = :account) AS keys,
      (SELECT COUNT(*) FROM charge c WHERE c.account = :account) AS charges
  ) n
  JOIN charge_key e ON e.account = :account
  LEFT JOIN charge c ON c.account = e.account AND c.charge_no = e.charge_no
WHERE n.keys > n.charges AND c.tracking_id IS DISTINCT FROM e.tracking_id

-- name: find_wrong_states
-- Charges whose state is not what allocations, refunds, write-offs and voided payouts make of it:
-- how much too much it has, how many states there are, and whether it is open since another day
-- than the last on which something was undone. Binds :account.
SELECT c.batch_no, x.charge_no, x.allocated, x.voided, x.written_off, x.states,
  x.open_on - x.undone_on AS open_on
FROM (
  SELECT y.charge_no, SUM(y.allocated) AS allocated, SUM(y.voided) AS voided,
    SUM(y.written_off) AS written_off, SUM(y.states) AS states, MAX(y.open_on) AS open_on,
    MAX(y.undone_on) AS undone_on
  FROM (
    SELECT s.charge_no, s.allocated, s.voided, s.written_off, 1 AS states, s.open_on,
      0 AS undone_on
    FROM charge_state s
    WHERE s.account = :account
    UNION ALL
    SELECT a.charge_no,
      CASE WHEN a.reverses_allocation_no IS NULL THEN -a.amount ELSE a.amount END, 0, 0, 0, 0,
      CASE WHEN a.reverses_allocation_no IS NULL THEN 0 ELSE a.effective_on END
    FROM allocation a
    WHERE a.account = :account
    UNION ALL
    SELECT f.charge_no, 0, -f.amount, 0, 0, 0, 0
    FROM refund f
    WHERE f.account = :account
    UNION ALL
    SELECT w.charge_no, 0, 0, -w.amount, 0, 0, 0
    FROM write_off w
    WHERE w.account = :account
      AND NOT EXISTS (SELECT 1 FROM payout_event e
        WHERE e.account = w.account AND e.charge_no = w.charge_no AND e.event = 'voided')
    UNION ALL
    SELECT e.charge_no, 0, -c.amount, 0, 0, 0, 0
    FROM payout_event e
      LEFT JOIN charge c ON c.account = e.account AND c.charge_no = e.charge_no
    WHERE e.account = :account AND e.event = 'voided'
  ) y
  GROUP BY y.charge_no
  HAVING SUM(y.allocated) <> 0 OR SUM(y.voided) <> 0 OR SUM(y.written_off) <> 0
    OR SUM(y.states) = 0 OR MAX(y.open_on) <> MAX(y.undone_on)
) x
  LEFT JOIN charge c ON c.account = :account AND c.charge_no = x.charge_no

-- name: find_wrong_state_amounts
-- States with another amount than their charge has. Binds :account.
SELECT c.batch_no, s.charge_no
FROM charge_state s
  LEFT JOIN charge c ON c.account = s.account AND c.charge_no = s.charge_no
WHERE s.account = :account AND (c.charge_no IS NULL OR c.amount <> s.amount)

-- name: find_wrong_lots
-- Credit lots that are not what postings leave of them: how much too much they have, how many there
-- are, and whether they are there since another day than the last on which something came.
-- Binds :account.
SELECT y.batch_no, x.payment_no, x.credit_account, x.remaining, x.lots,
  x.available_on - x.came_on AS available_on
FROM (
  SELECT l.payment_no, l.credit_account, l.party_no, SUM(l.amount) AS remaining,
    SUM(l.lots) AS lots, MAX(l.available_on) AS available_on, MAX(l.came_on) AS came_on
  FROM (
    SELECT t.payment_no, t.credit_account, t.party_no, t.remaining AS amount, 1 AS lots,
      t.available_on, 0 AS came_on
    FROM credit_lot t
    WHERE t.account = :account
    UNION ALL
    SELECT m.payment_no, m.credit_account, m.party_no, -m.amount, 0, 0,
      CASE WHEN m.amount > 0 THEN m.effective_on ELSE 0 END
    FROM lot_move m
    WHERE m.account = :account
  ) l
  GROUP BY l.payment_no, l.credit_account, l.party_no
  HAVING SUM(l.amount) <> 0 OR SUM(l.lots) <> 1 OR MAX(l.available_on) <> MAX(l.came_on)
) x
  LEFT JOIN payment y ON y.account = :account AND y.payment_no = x.payment_no

-- name: find_lots_settled_elsewhere
-- Credit lots that name a batch that their payment did not settle in. Binds :account.
SELECT y.batch_no, t.payment_no
FROM credit_lot t
  LEFT JOIN payment y ON y.account = t.account AND y.payment_no = t.payment_no
  LEFT JOIN payment_event e ON e.account = t.account AND e.payment_no = t.payment_no
    AND e.event = 'settled' AND e.batch_no = t.settled_batch_no
WHERE t.account = :account AND e.payment_no IS NULL

-- name: find_wrong_open_charges
-- Open charges that are not what charges, their states and products make of them. Both sides once
-- each: what is left over stands on one side only, or differs. Binds :account.
SELECT MAX(x.batch_no) AS batch_no, x.charge_no, SUM(x.side) AS side
FROM (
  SELECT o.charge_no, o.party_no, o.credit_account, o.occurred_at, o.sort, c.batch_no,
    o.amount, 1 AS side
  FROM open_charge o
    LEFT JOIN charge c ON c.account = o.account AND c.charge_no = o.charge_no
  WHERE o.account = :account
  UNION ALL
  SELECT c.charge_no, c.party_no, c.credit_account, c.occurred_at, c.sort, c.batch_no,
    c.open_amount, -1
  FROM charge_standing c
  WHERE c.account = :account AND c.open_amount > 0
) x
GROUP BY x.charge_no, x.party_no, x.credit_account, x.occurred_at, x.sort, x.amount
HAVING SUM(x.side) <> 0
ORDER BY x.charge_no, 3

-- name: find_wrong_totals
-- Totals of batches that are not what their postings come to. Binds :account.
SELECT x.batch_no, x.effective_on, x.debit_account, x.credit_account, SUM(x.amount) AS amount
FROM (
  SELECT b.batch_no, b.effective_on, b.debit_account, b.credit_account, b.product_no,
    b.postings, b.amount
  FROM batch_total b
  WHERE b.account = :account
  UNION ALL
  SELECT p.batch_no, p.effective_on, p.debit_account, p.credit_account,
    COALESCE(p.product_no, 0), -COUNT(*), -SUM(p.amount)
  FROM posting p
  WHERE p.account = :account
  GROUP BY 1, 2, 3, 4, 5
) x
GROUP BY x.batch_no, x.effective_on, x.debit_account, x.credit_account, x.product_no
HAVING SUM(x.amount) <> 0 OR SUM(x.postings) <> 0

-- name: find_wrong_balances
-- Balances of parties that are not what postings come to. Binds :account.
SELECT y.batch_no, x.party_no, x.credit_account, x.amount
FROM (
  SELECT s.party_no, s.credit_account, SUM(s.amount) AS amount
  FROM (
    SELECT b.party_no, b.credit_account, b.postings, b.balance AS amount
    FROM party_balance b
    WHERE b.account = :account
    UNION ALL
    SELECT m.party_no, m.credit_account, -COUNT(*), -SUM(m.amount)
    FROM balance_move m
    WHERE m.account = :account
    GROUP BY m.party_no, m.credit_account
  ) s
  GROUP BY s.party_no, s.credit_account
  HAVING SUM(s.amount) <> 0 OR SUM(s.postings) <> 0
) x
  LEFT JOIN party y ON y.account = :account AND y.party_no = x.party_no
