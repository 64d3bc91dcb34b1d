-- name: find_charges_without_posting
-- Charges without a posting that says the same: whose, what, how much, when, and on which
-- receivable: of a charge (1100 fees, 1110 wallet) against deferred revenue (2100) and tax (2110),
-- of a payout (1120, 1130) against what is on its way (2060) or cash (1060). Binds :account.
SELECT batch_no, charge_no, party_no, product_no, amount, effective_on, receivable_account,
  other_account
FROM (
  SELECT c.batch_no, c.charge_no, c.party_no, c.product_no, c.amount - c.tax AS amount,
    c.effective_on, c.receivable_account, 2100 AS other_account
  FROM charge c
  WHERE c.account = :account AND c.amount > c.tax AND c.receivable_account IN (1100, 1110)
  UNION ALL
  SELECT c.batch_no, c.charge_no, c.party_no, c.product_no, c.tax, c.effective_on,
    c.receivable_account, 2110
  FROM charge c
  WHERE c.account = :account AND c.tax > 0 AND c.receivable_account IN (1100, 1110)
  UNION ALL
  SELECT c.batch_no, c.charge_no, c.party_no, c.product_no, c.amount, c.effective_on,
    c.receivable_account, 2060
  FROM charge c
  WHERE c.account = :account AND c.receivable_account IN (1120, 1130)
) x
EXCEPT
SELECT p.batch_no, p.charge_no, p.debit_party_no, p.product_no, p.amount, p.effective_on,
  p.debit_account, CASE p.credit_account WHEN 1060 THEN 2060 ELSE p.credit_account END
FROM posting p
WHERE p.account = :account AND p.debit_account IN (1100, 1110, 1120, 1130)
  AND p.credit_account IN (2100, 2110, 2060, 1060)

-- name: find_postings_without_charge
-- Such postings that no charge or payout says the same as. Binds :account.
SELECT batch_no, charge_no, party_no, product_no, amount, effective_on, receivable_account,
  other_account
FROM (
  SELECT p.batch_no, p.charge_no, p.debit_party_no AS party_no, p.product_no, p.amount,
    p.effective_on,
    p.debit_account AS receivable_account,
    CASE p.credit_account WHEN 1060 THEN 2060 ELSE p.credit_account END AS other_account
  FROM posting p
  WHERE p.account = :account AND p.debit_account IN (1100, 1110, 1120, 1130)
    AND p.credit_account IN (2100, 2110, 2060, 1060)
) x
EXCEPT
SELECT batch_no, charge_no, party_no, product_no, amount, effective_on, receivable_account,
  other_account
FROM (
  SELECT c.batch_no, c.charge_no, c.party_no, c.product_no, c.amount - c.tax AS amount,
    c.effective_on, c.receivable_account, 2100 AS other_account
  FROM charge c
  WHERE c.account = :account AND c.amount > c.tax AND c.receivable_account IN (1100, 1110)
  UNION ALL
  SELECT c.batch_no, c.charge_no, c.party_no, c.product_no, c.tax, c.effective_on,
    c.receivable_account, 2110
  FROM charge c
  WHERE c.account = :account AND c.tax > 0 AND c.receivable_account IN (1100, 1110)
  UNION ALL
  SELECT c.batch_no, c.charge_no, c.party_no, c.product_no, c.amount, c.effective_on,
    c.receivable_account, 2060
  FROM charge c
  WHERE c.account = :account AND c.receivable_account IN (1120, 1130)
) y

-- name: find_charges_posted_twice
-- Charges with more than one such posting against the same account. EXCEPT does not see them. They
-- are looked for only where there are not as many postings as there should be. Binds :account.
-- sqlite: joins in this order
SELECT MAX(p.batch_no) AS batch_no, p.charge_no
FROM (
    SELECT
      (SELECT COUNT(*) FROM posting p
       WHERE p.account = :account AND p.debit_account IN (1100, 1110, 1120, 1130)
         AND p.credit_account IN (2100, 2110, 2060, 1060)) AS postings,
      (SELECT COUNT(*) FROM charge c
       WHERE c.account = :account AND c.amount > c.tax)
      + (SELECT COUNT(*) FROM charge c WHERE c.account = :account AND c.tax > 0) AS charges
  ) n
  JOIN posting p ON p.account = :account
WHERE n.postings <> n.charges AND p.debit_account IN (1100, 1110, 1120, 1130)
  AND p.credit_account IN (2100, 2110, 2060, 1060)
GROUP BY p.charge_no, p.credit_account
HAVING COUNT(*) > 1

-- name: find_paid_otherwise
-- Where allocations and what was posted for them differ: on one side what was allocated of a
-- credit (2000 wallet, 2010 fees, 2015 discounts) to a charge or payout, less what was undone, each
-- at its first line; on the other what moved from that credit to a receivable (1100, 1110, 1120,
-- 1130), less what moved back. Binds :account.
SELECT x.batch_no, x.payment_no, x.charge_no, SUM(x.amount) AS amount
FROM (
  SELECT a.batch_no, a.effective_on, a.payment_no, a.charge_no, a.credit_account, a.party_no,
    a.posting_no, CASE WHEN a.reverses_allocation_no IS NULL THEN a.amount ELSE -a.amount END
      AS amount
  FROM allocation a
  WHERE a.account = :account
  UNION ALL
  SELECT p.batch_no, p.effective_on, p.payment_no, p.charge_no, p.debit_account,
    p.debit_party_no, p.posting_no, -p.amount
  FROM posting p
  WHERE p.account = :account AND p.debit_account IN (2000, 2010, 2015)
    AND p.credit_account IN (1100, 1110, 1120, 1130)
  UNION ALL
  SELECT p.batch_no, p.effective_on, p.payment_no, p.charge_no, p.credit_account,
    p.credit_party_no, p.posting_no, p.amount
  FROM posting p
  WHERE p.account = :account AND p.credit_account IN (2000, 2010, 2015)
    AND p.debit_account IN (1100, 1110, 1120, 1130)
) x
GROUP BY x.batch_no, x.payment_no, x.charge_no, x.effective_on, x.credit_account, x.party_no,
  x.posting_no
HAVING SUM(x.amount) <> 0

-- name: find_realised_otherwise
-- Where allocations and what was posted for them as realised differ: what was allocated to charges
-- without the tax in it, less what was undone, and what moved from deferred (2100) to realised
-- revenue (4000), less what moved back; and likewise the tax (2110, 2200). Of a payout nothing is
-- realised (1120, 1130). Binds :account.
SELECT x.batch_no, x.payment_no, x.charge_no, SUM(x.amount) AS amount
FROM (
  SELECT a.batch_no, a.effective_on, a.payment_no, a.charge_no, 4000 AS realised_account,
    CASE WHEN a.reverses_allocation_no IS NULL THEN a.amount - a.tax ELSE a.tax - a.amount END
      AS amount
  FROM allocation a
  WHERE a.account = :account
    AND NOT EXISTS (SELECT 1 FROM payout o
      WHERE o.account = a.account AND o.charge_no = a.charge_no)
  UNION ALL
  SELECT a.batch_no, a.effective_on, a.payment_no, a.charge_no, 2200,
    CASE WHEN a.reverses_allocation_no IS NULL THEN a.tax ELSE -a.tax END
  FROM allocation a
  WHERE a.account = :account AND a.tax > 0
  UNION ALL
  SELECT p.batch_no, p.effective_on, p.payment_no, p.charge_no, p.credit_account, -p.amount
  FROM posting p
  WHERE p.account = :account
    AND (p.debit_account, p.credit_account) IN ((2100, 4000), (2110, 2200))
  UNION ALL
  SELECT p.batch_no, p.effective_on, p.payment_no, p.charge_no, p.debit_account, p.amount
  FROM posting p
  WHERE p.account = :account
    AND (p.debit_account, p.credit_account) IN ((4000, 2100), (2200, 2110))
) x
GROUP BY x.batch_no, x.payment_no, x.charge_no, x.effective_on, x.realised_account
HAVING SUM(x.amount) <> 0

-- name: find_moved_otherwise
-- Where refunds, write-offs, transfers, cash deposits and what became of payouts differ from what
-- was posted of each in its batch. Binds :account.
SELECT x.batch_no, x.charge_no, x.event, SUM(x.amount) AS amount
FROM (
  SELECT f.batch_no, f.charge_no, 'refund' AS event, f.amount
  FROM refund f
  WHERE f.account = :account
  UNION ALL
  SELECT w.batch_no, w.charge_no, 'write_off', w.amount
  FROM write_off w
  WHERE w.account = :account
  UNION ALL
  SELECT t.batch_no, NULL, 'transfer', t.amount
  FROM transfer t
  WHERE t.account = :account
  UNION ALL
  SELECT d.batch_no, NULL, 'cash_deposit', d.amount
  FROM cash_deposit d
  WHERE d.account = :account
  UNION ALL
  SELECT e.batch_no, e.charge_no, e.event, c.amount
  FROM payout_event e
    JOIN payout o ON o.account = e.account AND o.charge_no = e.charge_no
    JOIN charge c ON c.account = e.account AND c.charge_no = e.charge_no
  WHERE e.account = :account AND (e.event = 'voided' OR o.method <> 'cash')
  UNION ALL
  SELECT p.batch_no, p.charge_no, CASE p.event WHEN 'payout_voided' THEN 'voided' ELSE p.event END,
    -p.amount
  FROM posting p
  WHERE p.account = :account
    AND ((p.event IN ('refund', 'write_off') AND p.debit_account IN (2100, 2110, 4950)
        AND p.credit_account IN (1100, 1110, 1120, 1130))
      OR (p.event = 'transfer' AND p.debit_account = 2090)
      OR (p.event = 'cash_deposit' AND p.debit_account = 1000)
      OR (p.event = 'cleared' AND p.debit_account = 2060)
      OR (p.event = 'payout_voided' AND p.debit_account = 2060
        AND p.credit_account IN (1120, 1130)))
) x
GROUP BY x.batch_no, x.charge_no, x.event
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
-- What hangs on payments, parties and charges, in another batch than what it belongs to. A batch is
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
UNION ALL
SELECT t.batch_no, 'payment_detail'
FROM payment_detail t
  LEFT JOIN payment y
    ON y.account = t.account AND y.payment_no = t.payment_no AND y.batch_no = t.batch_no
WHERE t.account = :account AND y.payment_no IS NULL
UNION ALL
SELECT t.batch_no, 'charge_tax'
FROM charge_tax t
  LEFT JOIN charge y
    ON y.account = t.account AND y.charge_no = t.charge_no AND y.batch_no = t.batch_no
WHERE t.account = :account AND y.charge_no IS NULL
UNION ALL
SELECT t.batch_no, 'payout'
FROM payout t
  LEFT JOIN charge y
    ON y.account = t.account AND y.charge_no = t.charge_no AND y.batch_no = t.batch_no
WHERE t.account = :account AND y.charge_no IS NULL
