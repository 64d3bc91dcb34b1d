-- name: read_outbox
-- Checkpoints that wait for the witness, of all accounts; :limit at a time.
SELECT o.account, o.origin_no, o.size, c.note
FROM witness_outbox o
  JOIN checkpoint c ON c.account = o.account AND c.origin_no = o.origin_no AND c.size = o.size
ORDER BY o.account, o.origin_no, o.size LIMIT :limit

-- name: count_outbox
-- How many checkpoints wait for the witness, of all accounts.
SELECT COUNT(*) FROM witness_outbox

-- name: forget_sent
-- The witness has it. Binds :account, :origin_no, :size.
DELETE FROM witness_outbox WHERE account = :account AND origin_no = :origin_no AND size = :size
