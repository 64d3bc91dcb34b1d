-- name: add_head
-- Give an account its row at the beginning of its books; nothing when it has one. Binds :account,
-- :hash.
INSERT INTO seal_head (account, hash)
VALUES (:account, :hash)
ON CONFLICT DO NOTHING

-- name: lock_head
-- Where an account's books end, for one writer at a time: on SQLite BEGIN IMMEDIATE took the only
-- writer's place already. With it comes what the schema is by now: an upgrade locks this table
-- against writers before it changes anything. Binds :account.
SELECT batch_no, hash, sealed_at, charges, postings, parties, refunds, payments, allocations,
  codes, frontier, origin_name, origin_no, signed_size, told_size, receipt_size, receipt_frontier,
  (SELECT v.version_num FROM alembic_version v) AS revision,
  (SELECT f.oldest FROM schema_floor f) AS oldest
FROM seal_head
WHERE account = :account
FOR UPDATE

-- name: find_head
-- Where an account's books end, for who only looks; nothing before their beginning. Binds :account.
SELECT batch_no, hash, sealed_at, charges, postings, parties, refunds, payments, allocations,
  codes, frontier, origin_name, origin_no, signed_size, told_size, receipt_size, receipt_frontier
FROM seal_head
WHERE account = :account

-- name: list_heads
-- Where the books of all accounts end.
SELECT account, batch_no, hash
FROM seal_head
ORDER BY account

-- name: store_head
-- Where an account's books end from now on. Binds :account, :batch_no, :hash, :sealed_at, :charges,
-- :postings, :parties, :refunds, :payments, :allocations, :codes, :frontier, :origin_name,
-- :origin_no, :signed_size, :told_size, :receipt_size, :receipt_frontier.
UPDATE seal_head
SET batch_no = :batch_no, hash = :hash, sealed_at = :sealed_at, charges = :charges,
  postings = :postings, parties = :parties, refunds = :refunds, payments = :payments,
  allocations = :allocations, codes = :codes, frontier = :frontier, origin_name = :origin_name,
  origin_no = :origin_no, signed_size = :signed_size, told_size = :told_size,
  receipt_size = :receipt_size, receipt_frontier = :receipt_frontier
WHERE account = :account

-- name: has_batches
-- A row when the books of all accounts together hold a batch.
SELECT 1 AS found
FROM seal_head
WHERE batch_no > 0
LIMIT 1

-- name: find_head_hash
-- The hash of the last batch that was known at an instant. Binds :account, :known_at.
SELECT hash
FROM seal
WHERE account = :account AND sealed_at <= :known_at
ORDER BY batch_no DESC
LIMIT 1

-- name: find_known_at
-- When an account's last batch was sealed; nothing before the first. Binds :account.
SELECT sealed_at
FROM seal_head
WHERE account = :account AND batch_no > 0
