-- name: find_batch
-- A batch: what it was, when it was sealed, the file that it came from, or who made it, how and
-- why. Binds :account, :batch_no.
SELECT b.batch_no, b.event, b.sealed_at, b.upload_id, f.filename, f.status, n.command,
  n.entered_by, n.reason, COALESCE(n.source, f.location) AS location, b.rows_sealed,
  b.amount_posted, b.hash
FROM seal b
  LEFT JOIN file_outcome f ON f.account = b.account AND f.upload_id = b.upload_id
  LEFT JOIN entry n ON n.account = b.account AND n.batch_no = b.batch_no
WHERE b.account = :account AND b.batch_no = :batch_no

-- name: add_up_batch
-- What a batch moves, by day and the accounts between which it does. Binds :account, :batch_no.
SELECT p.effective_on, p.debit_account, p.credit_account, SUM(p.postings) AS lines,
  SUM(p.amount) AS amount
FROM batch_total p
WHERE p.account = :account AND p.batch_no = :batch_no
GROUP BY p.effective_on, p.debit_account, p.credit_account
ORDER BY p.effective_on, p.debit_account, p.credit_account

-- name: find_extent
-- Between which numbers a batch's lines lie. Binds :account, :batch_no.
SELECT MIN(k.first_row) AS first_posting, MAX(k.first_row + k.row_count) AS end_posting
FROM chunk k
WHERE k.account = :account AND k.batch_no = :batch_no AND k.table_name = 'posting'

-- name: find_lines
-- A batch's lines from :first up to, and without, :end, at most :rows. Binds :account, :batch_no.
SELECT p.posting_no, p.batch_no, p.event, p.effective_on, p.debit_account, p.credit_account,
  p.amount, p.debit_party, p.credit_party, p.tracking_id, p.payment_id, p.billing_code,
  p.reverses_posting_no, p.sealed_at
FROM posting_line p
WHERE p.account = :account AND p.posting_no >= :first AND p.posting_no < :end
  AND p.batch_no = :batch_no
ORDER BY p.posting_no
LIMIT :rows

-- name: find_last
-- The last batches of an account, those before :before, at most :rows. Binds :account.
SELECT b.batch_no, b.sealed_at, b.event, f.filename, n.entered_by, n.reason, b.amount_posted
FROM seal b
  LEFT JOIN file_outcome f ON f.account = b.account AND f.upload_id = b.upload_id
  LEFT JOIN entry n ON n.account = b.account AND n.batch_no = b.batch_no
WHERE b.account = :account AND b.batch_no < :before
ORDER BY b.batch_no DESC
LIMIT :rows
