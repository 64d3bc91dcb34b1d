-- name: find_spans
-- How many rows each batch has in each table whose rows are numbered, by the head's counter of it,
-- and the first and the last of their numbers. Binds :account.
SELECT 'parties' AS counter, batch_no, COUNT(*) AS row_count, MIN(party_no) AS first,
  MAX(party_no) AS last
FROM party
WHERE account = :account
GROUP BY batch_no
UNION ALL
SELECT 'charges', batch_no, COUNT(*), MIN(charge_no), MAX(charge_no)
FROM charge
WHERE account = :account
GROUP BY batch_no
UNION ALL
SELECT 'refunds', batch_no, COUNT(*), MIN(refund_no), MAX(refund_no)
FROM refund
WHERE account = :account
GROUP BY batch_no
UNION ALL
SELECT 'payments', batch_no, COUNT(*), MIN(payment_no), MAX(payment_no)
FROM payment
WHERE account = :account
GROUP BY batch_no
UNION ALL
SELECT 'allocations', batch_no, COUNT(*), MIN(allocation_no), MAX(allocation_no)
FROM allocation
WHERE account = :account
GROUP BY batch_no
UNION ALL
SELECT 'postings', batch_no, COUNT(*), MIN(posting_no), MAX(posting_no)
FROM posting
WHERE account = :account
GROUP BY batch_no

-- name: find_seals
-- Every seal of an account, in the order of its chain. Binds :account.
SELECT batch_no, event, upload_id, sealed_at, rows_sealed, amount_posted, previous_hash, hash,
  version
FROM seal
WHERE account = :account
ORDER BY batch_no

-- name: add_up_batch
-- What a batch's postings move, where their first and last numbers are known. Binds :account,
-- :batch_no, :first, :last.
SELECT COALESCE(SUM(amount), 0) AS amount
FROM posting
WHERE account = :account AND batch_no = :batch_no AND posting_no >= :first AND posting_no <= :last

-- name: find_head
-- Where an account's books say that they end. Binds :account.
SELECT batch_no, hash, sealed_at, charges, postings, parties, refunds, payments, allocations
FROM seal_head
WHERE account = :account

-- name: find_unsealed
-- Rows without numbers that no seal covers: of a batch that was never sealed or, where a row says
-- only which upload it is of, of an upload that no batch was sealed for. Binds :account.
SELECT t.table_name, t.batch_no, t.upload_id
FROM (
  SELECT DISTINCT 1 AS place, 'file_outcome' AS table_name, f.batch_no,
    CAST(NULL AS TEXT) AS upload_id
  FROM file_outcome f
  WHERE f.account = :account
  UNION ALL
  SELECT DISTINCT 2, 'row_outcome', CAST(NULL AS BIGINT), r.upload_id
  FROM row_outcome r
  WHERE r.account = :account
  UNION ALL
  SELECT DISTINCT 3, 'finding', CAST(NULL AS BIGINT), f.upload_id
  FROM finding f
  WHERE f.account = :account
  UNION ALL
  SELECT DISTINCT 4, 'guest', g.batch_no, NULL
  FROM guest g
  WHERE g.account = :account
  UNION ALL
  SELECT DISTINCT 5, 'payment_part', r.batch_no, NULL
  FROM payment_part r
  WHERE r.account = :account
  UNION ALL
  SELECT DISTINCT 6, 'payment_event', e.batch_no, NULL
  FROM payment_event e
  WHERE e.account = :account
  UNION ALL
  SELECT DISTINCT 7, 'period_close', c.batch_no, NULL
  FROM period_close c
  WHERE c.account = :account
) t
WHERE NOT EXISTS (
    SELECT 1 FROM seal b WHERE b.account = :account AND b.batch_no = t.batch_no
  )
  AND NOT EXISTS (
    SELECT 1 FROM seal b WHERE b.account = :account AND b.upload_id = t.upload_id
  )
ORDER BY t.place, t.batch_no, t.upload_id
