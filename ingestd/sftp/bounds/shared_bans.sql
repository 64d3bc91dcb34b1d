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
