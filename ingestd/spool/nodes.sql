-- name: find_node
-- What is known of a node, whose uploads are of all accounts together. Binds :node.
SELECT instance, program, host, heard_at, is_serving,
  CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT) - heard_at AS silent_us
FROM node
WHERE node = :node

-- name: join_ledger
-- Serve under a node's name, in the queue of all accounts; nothing when another instance has said
-- something since it was seen. Binds :node, :instance, :program, :revision, :host, :host_keys, and
-- what was seen: :seen_instance, :seen_heard_at.
INSERT INTO node (node, instance, program, revision, host, host_keys, started_at, heard_at,
  is_serving)
VALUES (:node, :instance, :program, :revision, :host, :host_keys,
  CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT),
  CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT), 1)
ON CONFLICT (node) DO UPDATE
SET instance = excluded.instance, program = excluded.program, revision = excluded.revision,
  host = excluded.host, host_keys = excluded.host_keys,
  started_at = excluded.started_at, heard_at = excluded.heard_at,
  is_serving = 1
WHERE node.instance = :seen_instance AND node.heard_at = :seen_heard_at

-- name: say_alive
-- Let a node, in the queue of all accounts, be heard of; nothing when another instance has its
-- name. Binds :node, :instance.
UPDATE node
SET heard_at = CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT)
WHERE node = :node AND instance = :instance

-- name: say_goodbye
-- A node, in the queue of all accounts, has stopped by itself. Binds :node, :instance.
UPDATE node
SET is_serving = 0
WHERE node = :node AND instance = :instance

-- name: list_nodes
-- Every node that ever served, and how many of its uploads, of all accounts together, have no
-- outcome yet and no copy elsewhere.
SELECT n.node, n.program, n.revision, n.host, n.host_keys, n.heard_at, n.is_serving,
  CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT) - n.heard_at AS silent_us,
  (SELECT COUNT(*) FROM upload u
   WHERE u.node = n.node AND u.archived = 0
     AND u.state IN ('waiting', 'working', 'failed')) AS uploads
FROM node n
ORDER BY n.node
