-- name: find_deposit
-- A cash deposit by its id. Binds :account, :deposit_id.
SELECT amount, content_hash
FROM cash_deposit
WHERE account = :account AND deposit_id = :deposit_id

-- name: insert_deposit
-- A cash deposit as a fact. Binds :account, :batch_no, :deposit_id, :content_hash, :amount,
-- :reference, :day.
INSERT INTO cash_deposit (account, batch_no, deposit_id, content_hash, amount, reference,
  effective_on)
VALUES (:account, :batch_no, :deposit_id, :content_hash, :amount, :reference, :day)

-- name: post_deposit
-- From the till (1060) to the bank (1000). Binds :account, :postings, :batch_no, :day, :amount.
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount)
VALUES (:account, :postings + 1, :batch_no, 'cash_deposit', :day, 1000, 1060, :amount)
