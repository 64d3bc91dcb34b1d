-- name: find_sorts
-- The products that have a place of their own among debts of one day, by the number that the books
-- have for them, as long as it is below :codes. Binds :account.
SELECT k.code_no, r.sort
FROM code k
  JOIN product r ON r.account = k.account AND r.billing_code = k.code
WHERE k.account = :account AND k.code_no BETWEEN 0 AND :codes - 1 AND r.sort <> 0

-- name: count_at_start
-- How many projected rows lie where no page begins: numbers start at 1, and no key is empty. Binds
-- :account.
SELECT (SELECT COUNT(*) FROM charge_key WHERE account = :account AND tracking_id <= '')
  + (SELECT COUNT(*) FROM charge_state WHERE account = :account AND charge_no < 0)
  + (SELECT COUNT(*) FROM open_charge WHERE account = :account AND party_no < 0)
  + (SELECT COUNT(*) FROM batch_total WHERE account = :account AND batch_no < 0)
  + (SELECT COUNT(*) FROM party_balance WHERE account = :account AND party_no < 0)

-- name: page_of_keys
-- The next keys of charges behind one, a column in a text. Binds :account, :tracking_id, :rows.
SELECT COUNT(*) AS rows, MAX(t.tracking_id) AS last_key,
  STRING_AGG(CAST(OCTET_LENGTH(t.tracking_id) AS TEXT), ',') AS lengths,
  STRING_AGG(t.tracking_id, '') AS tracking_id,
  STRING_AGG(CAST(t.charge_no AS TEXT), ',') AS charge_no
FROM (
  SELECT e.tracking_id, e.charge_no
  FROM charge_key e
  WHERE e.account = :account AND e.tracking_id > :tracking_id
  ORDER BY e.tracking_id
  LIMIT :rows
) t

-- name: find_payouts
-- The charges that are payouts, of which nothing is realised. Binds :account.
SELECT charge_no
FROM payout
WHERE account = :account

-- name: page_of_states
-- The next charges behind one that something happened to, a column in a text: the charge itself,
-- and what was paid, taken back or written off of it. Binds :account, :charge_no, :rows.
SELECT COUNT(*) AS rows,
  STRING_AGG(CAST(t.charge_no AS TEXT), ',') AS charge_no,
  STRING_AGG(CAST(t.party_no AS TEXT), ',') AS party_no,
  STRING_AGG(CAST(t.receivable_account AS TEXT), ',') AS receivable_account,
  STRING_AGG(CAST(t.product_no AS TEXT), ',') AS product_no,
  STRING_AGG(CAST(t.amount AS TEXT), ',') AS amount,
  STRING_AGG(CAST(t.occurred_at AS TEXT), ',') AS occurred_at,
  STRING_AGG(CAST(t.effective_on AS TEXT), ',') AS effective_on,
  STRING_AGG(CAST(t.allocated AS TEXT), ',') AS allocated,
  STRING_AGG(CAST(t.voided AS TEXT), ',') AS voided,
  STRING_AGG(CAST(t.written_off AS TEXT), ',') AS written_off
FROM (
  SELECT s.charge_no, c.party_no, c.receivable_account, c.product_no, c.amount, c.occurred_at,
    c.effective_on, s.allocated, s.voided, s.written_off
  FROM charge_state s
    JOIN charge c ON c.account = s.account AND c.charge_no = s.charge_no
  WHERE s.account = :account AND s.charge_no > :charge_no
  ORDER BY s.charge_no
  LIMIT :rows
) t

-- name: page_of_open_charges
-- The next open charges behind one, a column in a text. Binds :account, :party_no,
-- :credit_account, :occurred_at, :sort, :charge_no, :rows.
SELECT COUNT(*) AS rows,
  STRING_AGG(CAST(t.party_no AS TEXT), ',') AS party_no,
  STRING_AGG(CAST(t.credit_account AS TEXT), ',') AS credit_account,
  STRING_AGG(CAST(t.occurred_at AS TEXT), ',') AS occurred_at,
  STRING_AGG(CAST(t.sort AS TEXT), ',') AS sort,
  STRING_AGG(CAST(t.charge_no AS TEXT), ',') AS charge_no,
  STRING_AGG(CAST(t.amount AS TEXT), ',') AS amount
FROM (
  SELECT o.party_no, o.credit_account, o.occurred_at, o.sort, o.charge_no, o.amount
  FROM open_charge o
  WHERE o.account = :account
    AND (o.party_no, o.credit_account, o.occurred_at, o.sort, o.charge_no)
      > (:party_no, :credit_account, :occurred_at, :sort, :charge_no)
  ORDER BY o.party_no, o.credit_account, o.occurred_at, o.sort, o.charge_no
  LIMIT :rows
) t

-- name: page_of_totals
-- The next totals of batches behind one, a column in a text. Binds :account, :batch_no,
-- :effective_on, :debit_account, :credit_account, :product_no, :rows.
SELECT COUNT(*) AS rows,
  STRING_AGG(CAST(t.batch_no AS TEXT), ',') AS batch_no,
  STRING_AGG(CAST(t.effective_on AS TEXT), ',') AS effective_on,
  STRING_AGG(CAST(t.debit_account AS TEXT), ',') AS debit_account,
  STRING_AGG(CAST(t.credit_account AS TEXT), ',') AS credit_account,
  STRING_AGG(CAST(t.product_no AS TEXT), ',') AS product_no,
  STRING_AGG(CAST(t.postings AS TEXT), ',') AS postings,
  STRING_AGG(CAST(t.amount AS TEXT), ',') AS amount
FROM (
  SELECT b.batch_no, b.effective_on, b.debit_account, b.credit_account, b.product_no, b.postings,
    b.amount
  FROM batch_total b
  WHERE b.account = :account
    AND (b.batch_no, b.effective_on, b.debit_account, b.credit_account, b.product_no)
      > (:batch_no, :effective_on, :debit_account, :credit_account, :product_no)
  ORDER BY b.batch_no, b.effective_on, b.debit_account, b.credit_account, b.product_no
  LIMIT :rows
) t

-- name: page_of_balances
-- The next balances of parties behind one, a column in a text. Binds :account, :party_no,
-- :credit_account, :rows.
SELECT COUNT(*) AS rows,
  STRING_AGG(CAST(t.party_no AS TEXT), ',') AS party_no,
  STRING_AGG(CAST(t.credit_account AS TEXT), ',') AS credit_account,
  STRING_AGG(CAST(t.postings AS TEXT), ',') AS postings,
  STRING_AGG(CAST(t.balance AS TEXT), ',') AS balance
FROM (
  SELECT b.party_no, b.credit_account, b.postings, b.balance
  FROM party_balance b
  WHERE b.account = :account AND (b.party_no, b.credit_account) > (:party_no, :credit_account)
  ORDER BY b.party_no, b.credit_account
  LIMIT :rows
) t
