-- name: insert_leaf
-- Add a batch to its account's tree. Binds :account, :batch_no, :hash.
INSERT INTO leaf (account, batch_no, hash) VALUES (:account, :batch_no, :hash)

-- name: read_leaves
-- The leaves of the batches above :after and up to :until, in their order. Binds :account.
SELECT hash FROM leaf
WHERE account = :account AND batch_no > :after AND batch_no <= :until ORDER BY batch_no

-- name: insert_checkpoint
-- Keep a note as it leaves the house. Binds :account, :origin_no, :size, :note, :continues.
INSERT INTO checkpoint (account, origin_no, size, note, continues)
VALUES (:account, :origin_no, :size, :note, :continues)

-- name: insert_outgoing
-- Have a checkpoint sent to the witness. Binds :account, :origin_no, :size.
INSERT INTO witness_outbox (account, origin_no, size) VALUES (:account, :origin_no, :size)

-- name: find_signed
-- Up to where an account's tree was signed, and its frontier. Binds :account.
SELECT batch_no, frontier, origin_name, origin_no, signed_size FROM seal_head
WHERE account = :account AND signed_size > 0 AND origin_name IS NOT NULL

-- name: read_unsigned
-- The batches of an account above :signed_size, with their leaves. Binds :account.
SELECT s.batch_no, s.upload_id, s.hash, s.rows_sealed, f.hash AS leaf
FROM seal s JOIN leaf f ON f.account = s.account AND f.batch_no = s.batch_no
WHERE s.account = :account AND s.batch_no > :signed_size ORDER BY s.batch_no

-- name: read_untold
-- The batches of an account above :told_size, with what was signed of them. Binds :account.
SELECT s.batch_no, s.upload_id, s.hash, s.rows_sealed, c.note
FROM seal s JOIN checkpoint c ON c.account = s.account AND c.size = s.batch_no
WHERE s.account = :account AND s.batch_no > :told_size ORDER BY s.batch_no

-- name: find_behind
-- Accounts with batches that were not signed, or not told of, of all accounts.
SELECT account FROM seal_head WHERE signed_size < batch_no OR told_size < batch_no ORDER BY account

-- name: find_ledger_name
-- The name that the books are signed under; it is of all accounts.
SELECT MIN(origin_name) FROM seal_head WHERE origin_name IS NOT NULL

-- name: find_origin
-- Under what an account is signed. Binds :account.
SELECT origin_name, origin_no FROM seal_head WHERE account = :account
