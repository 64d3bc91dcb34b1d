-- name: find_head
-- Where an account's books say that they end. Binds :account.
SELECT batch_no, hash, sealed_at, charges, postings, parties, refunds, payments, allocations, codes
FROM seal_head
WHERE account = :account
