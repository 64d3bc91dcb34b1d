-- name: tell_ban
-- An address is banned for so long, at the doors of all accounts; the later end counts. Binds
-- :address, :node, :seconds.
INSERT INTO ban (address, node, banned_until)
VALUES (:address, :node,
  CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT) + :seconds * 1000000)
ON CONFLICT (address) DO UPDATE
SET node = excluded.node, banned_until = excluded.banned_until
WHERE ban.banned_until < excluded.banned_until

-- name: list_bans
-- Whom other nodes have banned, at the doors of all accounts, and for how long from now. Binds
-- :node, :limit.
SELECT address,
  banned_until - CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT) AS left_us
FROM ban
WHERE node <> :node
  AND banned_until > CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT)
ORDER BY banned_until DESC
LIMIT :limit

-- name: forget_bans
-- Remove what has ended of all accounts' bans.
DELETE FROM ban
WHERE banned_until < CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT)

-- name: tell_failures
-- How often an address has failed at a node's door, at those of all accounts, and for how long that
-- counts. Binds :address, :node, :failures, :seconds.
INSERT INTO login_failure (address, node, failures, told_at, counts_until)
VALUES (:address, :node, :failures,
  CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT),
  CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT) + :seconds * 1000000)
ON CONFLICT (address, node) DO UPDATE
SET failures = excluded.failures, told_at = excluded.told_at, counts_until = excluded.counts_until

-- name: list_failures
-- How often addresses have failed at other nodes' doors, at those of all accounts, as far as that
-- was told since an instant and counts, and for how long from now. What was told last comes first.
-- Binds :node, :since, :limit.
SELECT address, node, failures, told_at,
  counts_until - CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT) AS left_us
FROM login_failure
WHERE node <> :node AND told_at > :since
  AND counts_until > CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT)
ORDER BY told_at DESC
LIMIT :limit

-- name: forget_failures
-- Remove what counts no more of all accounts' failures, and of a node's own what was told before
-- the last so many. Binds :node, :most.
DELETE FROM login_failure
WHERE counts_until < CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT)
  OR (node = :node AND told_at <= (
    SELECT f.told_at
    FROM login_failure f
    WHERE f.node = :node
    ORDER BY f.told_at DESC
    LIMIT 1 OFFSET :most
  ))
