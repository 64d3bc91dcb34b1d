-- name: find_charges_without_posting
-- Charges without a posting that says the same: whose, what, how much, when, and on which
-- receivable (1100 fees, 1110 wallet) against deferred revenue (2100). Binds :account.
SELECT c.batch_no, c.charge_no, c.party_no, c.product_no, c.amount, c.effective_on,
  c.receivable_account
FROM charge c
WHERE c.account = :account AND c.amount > 0
EXCEPT
SELECT p.batch_no, p.charge_no, p.debit_party_no, p.product_no, p.amount, p.effective_on,
  p.debit_account
FROM posting p
WHERE p.account = :account AND p.credit_account = 2100 AND p.debit_account IN (1100, 1110)

-- name: find_postings_without_charge
-- Postings of charges (1100 fees or 1110 wallet against 2100 deferred revenue) that no charge says
-- the same as. Binds :account.
SELECT p.batch_no, p.charge_no, p.debit_party_no, p.product_no, p.amount, p.effective_on,
  p.debit_account
FROM posting p
WHERE p.account = :account AND p.credit_account = 2100 AND p.debit_account IN (1100, 1110)
EXCEPT
SELECT c.batch_no, c.charge_no, c.party_no, c.product_no, c.amount, c.effective_on,
  c.receivable_account
FROM charge c
WHERE c.account = :account AND c.amount > 0

-- name: find_charges_posted_twice
-- Charges with more than one posting (1100 fees or 1110 wallet against 2100 deferred revenue).
-- EXCEPT does not see them. They are looked for only where there are not as many postings as
-- charges. Binds :account.
-- sqlite: joins in this order
SELECT MAX(p.batch_no) AS batch_no, p.charge_no
FROM (
    SELECT
      (SELECT COUNT(*) FROM posting p
       WHERE p.account = :account AND p.credit_account = 2100 AND p.debit_account IN (1100, 1110))
        AS postings,
      (SELECT COUNT(*) FROM charge c WHERE c.account = :account AND c.amount > 0) AS charges
  ) n
  JOIN posting p ON p.account = :account
WHERE n.postings <> n.charges AND p.credit_account = 2100 AND p.debit_account IN (1100, 1110)
GROUP BY p.charge_no
HAVING COUNT(*) > 1

-- name: find_paid_otherwise
-- Where allocations and what was posted for them differ: on one side what was allocated of a
-- credit (2000 wallet, 2010 fees) to a charge, less what was undone; on the other what moved from
-- that credit to a receivable (1100, 1110), less what moved back. Binds :account.
SELECT x.batch_no, x.payment_no, x.charge_no, SUM(x.amount) AS amount
FROM (
  SELECT a.batch_no, a.effective_on, a.payment_no, a.charge_no, a.credit_account, a.party_no,
    CASE WHEN a.reverses_allocation_no IS NULL THEN a.amount ELSE -a.amount END AS amount
  FROM allocation a
  WHERE a.account = :account
  UNION ALL
  SELECT p.batch_no, p.effective_on, p.payment_no, p.charge_no, p.debit_account,
    p.debit_party_no, -p.amount
  FROM posting p
  WHERE p.account = :account AND p.debit_account IN (2000, 2010)
    AND p.credit_account IN (1100, 1110)
  UNION ALL
  SELECT p.batch_no, p.effective_on, p.payment_no, p.charge_no, p.credit_account,
    p.credit_party_no, p.amount
  FROM posting p
  WHERE p.account = :account AND p.credit_account IN (2000, 2010)
    AND p.debit_account IN (1100, 1110)
) x
GROUP BY x.batch_no, x.payment_no, x.charge_no, x.effective_on, x.credit_account, x.party_no
HAVING SUM(x.amount) <> 0

-- name: find_realised_otherwise
-- Where allocations and the revenue posted for them differ: what was allocated, less what was
-- undone; and what moved from deferred (2100) to realised revenue (4000), less what moved back.
-- Binds :account.
SELECT x.batch_no, x.payment_no, x.charge_no, SUM(x.amount) AS amount
FROM (
  SELECT a.batch_no, a.effective_on, a.payment_no, a.charge_no,
    CASE WHEN a.reverses_allocation_no IS NULL THEN a.amount ELSE -a.amount END AS amount
  FROM allocation a
  WHERE a.account = :account
  UNION ALL
  SELECT p.batch_no, p.effective_on, p.payment_no, p.charge_no,
    CASE p.credit_account WHEN 4000 THEN -p.amount ELSE p.amount END
  FROM posting p
  WHERE p.account = :account
    AND ((p.debit_account = 2100 AND p.credit_account = 4000)
      OR (p.debit_account = 4000 AND p.credit_account = 2100))
) x
GROUP BY x.batch_no, x.payment_no, x.charge_no, x.effective_on
HAVING SUM(x.amount) <> 0

-- name: find_wrong_reversals
-- Postings that are not the mirror of an earlier one that they say they reverse. A LEFT JOIN keeps
-- the order: each looks the other one up. Binds :account.
SELECT r.batch_no, r.posting_no
FROM posting r
  LEFT JOIN posting o ON o.account = r.account AND o.posting_no = r.reverses_posting_no
    AND o.debit_account = r.credit_account AND o.credit_account = r.debit_account
    AND o.amount = r.amount AND o.posting_no < r.posting_no
WHERE r.account = :account AND r.reverses_posting_no IS NOT NULL AND o.posting_no IS NULL

-- name: find_reversed_twice
-- Postings that more than one other reverses. Binds :account.
SELECT MAX(r.batch_no) AS batch_no, r.reverses_posting_no AS posting_no
FROM posting r
WHERE r.account = :account AND r.reverses_posting_no IS NOT NULL
GROUP BY r.reverses_posting_no
HAVING COUNT(*) > 1

-- name: find_stray_parts
-- Parts of payments, and guests, that are in another batch than what they belong to. A batch is
-- read by the numbers of its payments and parties: what hangs on them has to be there. Binds
-- :account.
SELECT t.batch_no, 'payment_part' AS part
FROM payment_part t
  LEFT JOIN payment y
    ON y.account = t.account AND y.payment_no = t.payment_no AND y.batch_no = t.batch_no
WHERE t.account = :account AND y.payment_no IS NULL
UNION ALL
SELECT g.batch_no, 'guest'
FROM guest g
  LEFT JOIN party q
    ON q.account = g.account AND q.party_no = g.party_no AND q.batch_no = g.batch_no
WHERE g.account = :account AND q.party_no IS NULL
