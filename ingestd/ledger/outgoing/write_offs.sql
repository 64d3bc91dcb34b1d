-- name: find_write_off
-- The write-off of a key. Binds :account, :write_off_key.
SELECT w.charge_no, w.amount, w.tax, w.content_hash
FROM write_off w
WHERE w.account = :account AND w.write_off_key = :write_off_key

-- name: sum_taxes
-- What of a charge's tax was paid, taken back and written off. Binds :account, :charge_no.
SELECT
  (SELECT COALESCE(SUM(CASE WHEN a.reverses_allocation_no IS NULL THEN a.tax ELSE -a.tax END), 0)
    FROM allocation a /* sqlite: INDEXED BY ix_allocation_charge_no */
    WHERE a.account = :account AND a.charge_no = :charge_no) AS allocated_tax,
  (SELECT COALESCE(SUM(f.tax), 0) FROM refund f /* sqlite: INDEXED BY ix_refund_charge_no */
    WHERE f.account = :account AND f.charge_no = :charge_no) AS refunded_tax,
  (SELECT COALESCE(SUM(w.tax), 0) FROM write_off w /* sqlite: INDEXED BY ix_write_off_charge_no */
    WHERE w.account = :account AND w.charge_no = :charge_no) AS written_off_tax

-- name: insert_write_off
-- A write-off as a fact. Binds :account, :batch_no, :charge_no, :amount, :tax, :write_off_key,
-- :content_hash, :day.
INSERT INTO write_off (account, batch_no, charge_no, amount, tax, write_off_key, content_hash,
  effective_on)
VALUES (:account, :batch_no, :charge_no, :amount, :tax, :write_off_key, :content_hash, :day)

-- name: post_written_off
-- So much is owed no more, and nothing is deferred of it. 2100 deferred revenue, 2110 deferred tax.
-- Binds :account, :postings, :batch_no, :charge_no, :amount, :tax, :day.
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, credit_party_no, charge_no, product_no)
SELECT CAST(:account AS TEXT), :postings + ROW_NUMBER() OVER (ORDER BY l.debit_account), :batch_no,
  'write_off', CAST(:day AS BIGINT), l.debit_account, l.receivable_account, l.amount, l.party_no,
  l.charge_no, l.product_no
FROM (
  SELECT 2100 AS debit_account, c.receivable_account,
    CAST(:amount AS BIGINT) - CAST(:tax AS BIGINT) AS amount, c.party_no, c.charge_no, c.product_no
  FROM charge c
  WHERE c.account = :account AND c.charge_no = :charge_no
  UNION ALL
  SELECT 2110, c.receivable_account, CAST(:tax AS BIGINT), c.party_no, c.charge_no, c.product_no
  FROM charge c
  WHERE c.account = :account AND c.charge_no = :charge_no
) l
WHERE l.amount > 0

-- name: post_payout_written_off
-- What was paid out is not expected back: it is a loss. 4950 bad debts. Binds :account, :postings,
-- :batch_no, :charge_no, :amount, :day.
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, credit_party_no, charge_no, product_no)
SELECT c.account, :postings + 1, :batch_no, 'write_off', CAST(:day AS BIGINT), 4950,
  c.receivable_account, CAST(:amount AS BIGINT), c.party_no, c.charge_no, c.product_no
FROM charge c
WHERE c.account = :account AND c.charge_no = :charge_no

-- name: add_to_state
-- So much of the charge is written off. Binds :account, :charge_no, :amount.
INSERT INTO charge_state (account, charge_no, amount, allocated, voided, written_off)
SELECT c.account, c.charge_no, c.amount, 0, 0, CAST(:amount AS BIGINT)
FROM charge c
WHERE c.account = :account AND c.charge_no = :charge_no
ON CONFLICT (account, charge_no)
DO UPDATE SET written_off = charge_state.written_off + excluded.written_off

-- name: stage_written_off
-- The charge. Binds :charge_no.
INSERT INTO stage_changed (charge_no)
VALUES (:charge_no)
