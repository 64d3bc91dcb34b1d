-- name: read_seals
-- Every seal of an account, in order. Binds :account.
SELECT batch_no, event, upload_id, sealed_at, rows_sealed, amount_posted, previous_hash, hash,
  version
FROM seal WHERE account = :account ORDER BY batch_no

-- name: read_sealed_chunks
-- What the chunks of an account's batches were sealed as, batch by batch. Binds :account.
SELECT batch_no, table_name, first_row, row_count, layout, digest
FROM chunk WHERE account = :account ORDER BY batch_no, table_name, first_row

-- name: read_stored_leaves
-- The leaves of an account's tree as they are stored. Binds :account.
SELECT batch_no, hash FROM leaf WHERE account = :account ORDER BY batch_no

-- name: sum_posted
-- What a batch's postings move; they are numbered :first to :last. Binds :account, :batch_no.
SELECT COALESCE(SUM(amount), 0) FROM posting
WHERE account = :account AND batch_no = :batch_no AND posting_no >= :first AND posting_no <= :last
