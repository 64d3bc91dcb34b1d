-- name: read_leaves
-- The leaves of an account's tree, in order. Binds :account.
SELECT batch_no, hash FROM leaf WHERE account = :account ORDER BY batch_no

-- name: read_checkpoints
-- All that was signed of an account's tree, in the order in which it was. Binds :account.
SELECT origin_no, size, note, continues FROM checkpoint
WHERE account = :account ORDER BY origin_no, size

-- name: read_tree_head
-- What an account's head says of its tree. Binds :account.
SELECT batch_no, frontier, origin_name, origin_no, signed_size, told_size, receipt_size,
  receipt_frontier
FROM seal_head WHERE account = :account

-- name: read_outgoing
-- Checkpoints that wait for the witness, and were never made. Binds :account.
SELECT o.origin_no, o.size FROM witness_outbox o
WHERE o.account = :account AND NOT EXISTS (SELECT 1 FROM checkpoint c
  WHERE c.account = o.account AND c.origin_no = o.origin_no AND c.size = o.size)
