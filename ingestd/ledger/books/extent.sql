-- name: find_known_batch
-- The last batch that was known at an instant; 0 before the first. Binds :account, :known_at.
SELECT COALESCE(MAX(batch_no), 0)
FROM seal
WHERE account = :account AND sealed_at <= :known_at

-- name: find_postings_within
-- The last posting before the first batch that holds anything later than a day or a batch: all of
-- them where there is no such batch. Postings are numbered without a gap, so that a posting's
-- number is how many there were by then. Binds :account, :as_of, :known_batch.
SELECT COALESCE(SUM(b.postings), 0)
FROM batch_total b
WHERE b.account = :account
  AND b.batch_no < (
    SELECT COALESCE(MIN(l.batch_no), 9223372036854775807)
    FROM batch_total l
    WHERE l.account = :account
      AND (l.effective_on > :as_of OR l.batch_no > :known_batch))

-- name: find_last_posting
-- The number of the last posting; 0 before the first. Binds :account.
SELECT COALESCE(MAX(p.posting_no), 0)
FROM posting p
WHERE p.account = :account
