-- name: count_stored
-- How many rows of each sealed table are a batch's that was just written: those numbered beyond
-- what the account had, whatever batch they say they are of; and what its postings move. Binds
-- :account, :batch_no, :upload_id, :charges_before, :postings_before, :parties_before,
-- :refunds_before, :payments_before, :allocations_before, :codes_before.
SELECT
  (SELECT COUNT(*) FROM file_outcome
    WHERE account = :account AND upload_id = :upload_id) AS file_outcome,
  (SELECT COUNT(*) FROM row_outcome
    WHERE account = :account AND upload_id = :upload_id) AS row_outcome,
  (SELECT COUNT(*) FROM finding
    WHERE account = :account AND upload_id = :upload_id) AS finding,
  (SELECT COUNT(*) FROM entry
    WHERE account = :account AND batch_no = :batch_no) AS entry,
  (SELECT COUNT(*) FROM catalog_fact
    WHERE account = :account AND batch_no = :batch_no) AS catalog_fact,
  (SELECT COUNT(*) FROM family_change
    WHERE account = :account AND batch_no = :batch_no) AS family_change,
  (SELECT COUNT(*) FROM party
    WHERE account = :account AND party_no > :parties_before) AS party,
  (SELECT COUNT(*) FROM code
    WHERE account = :account AND code_no > :codes_before) AS code,
  (SELECT COUNT(*) FROM charge
    WHERE account = :account AND charge_no > :charges_before) AS charge,
  (SELECT COUNT(*) FROM charge_tax
    WHERE account = :account AND charge_no > :charges_before) AS charge_tax,
  (SELECT COUNT(*) FROM refund
    WHERE account = :account AND refund_no > :refunds_before) AS refund,
  (SELECT COUNT(*) FROM write_off
    WHERE account = :account AND batch_no = :batch_no) AS write_off,
  (SELECT COUNT(*) FROM transfer
    WHERE account = :account AND batch_no = :batch_no) AS transfer,
  (SELECT COUNT(*) FROM payout
    WHERE account = :account AND charge_no > :charges_before) AS payout,
  (SELECT COUNT(*) FROM payout_event
    WHERE account = :account AND batch_no = :batch_no) AS payout_event,
  (SELECT COUNT(*) FROM cash_deposit
    WHERE account = :account AND batch_no = :batch_no) AS cash_deposit,
  (SELECT COUNT(*) FROM batch_confirmed
    WHERE account = :account AND batch_no = :batch_no) AS batch_confirmed,
  (SELECT COUNT(*) FROM guest
    WHERE account = :account AND party_no > :parties_before) AS guest,
  (SELECT COUNT(*) FROM payment
    WHERE account = :account AND payment_no > :payments_before) AS payment,
  (SELECT COUNT(*) FROM payment_detail
    WHERE account = :account AND payment_no > :payments_before) AS payment_detail,
  (SELECT COUNT(*) FROM payment_part
    WHERE account = :account AND payment_no > :payments_before) AS payment_part,
  (SELECT COUNT(*) FROM payment_event
    WHERE account = :account AND batch_no = :batch_no) AS payment_event,
  (SELECT COUNT(*) FROM allocation
    WHERE account = :account AND allocation_no > :allocations_before) AS allocation,
  (SELECT COUNT(*) FROM period_close
    WHERE account = :account AND batch_no = :batch_no) AS period_close,
  (SELECT COUNT(*) FROM resumption
    WHERE account = :account AND batch_no = :batch_no) AS resumption,
  (SELECT COUNT(*) FROM posting
    WHERE account = :account AND posting_no > :postings_before) AS posting,
  (SELECT COALESCE(SUM(amount), 0) FROM posting
    WHERE account = :account AND posting_no > :postings_before) AS moved

-- name: add_up_charge
-- What the columns of a batch's charges that were just written add up to, instants in seconds.
-- Binds :account, :batch_no, :charges_before.
SELECT SUM(charge_no) AS charge_no, SUM(party_no) AS party_no,
  SUM(receivable_account) AS receivable_account, SUM(product_no) AS product_no,
  SUM(amount) AS amount, SUM(occurred_at / 1000000) AS occurred_at,
  SUM(effective_on) AS effective_on, SUM(row) AS row
FROM charge
WHERE account = :account AND charge_no > :charges_before AND batch_no = :batch_no

-- name: add_up_posting
-- The same of its postings. Binds :account, :batch_no, :postings_before.
SELECT SUM(posting_no) AS posting_no, SUM(effective_on) AS effective_on,
  SUM(debit_account) AS debit_account, SUM(amount) AS amount,
  SUM(debit_party_no) AS debit_party_no, SUM(charge_no) AS charge_no,
  SUM(product_no) AS product_no
FROM posting
WHERE account = :account AND posting_no > :postings_before AND batch_no = :batch_no

-- name: insert_chunk
-- Keep what a chunk was sealed as. Binds :account, :batch_no, :table_name, :first_row, :row_count,
-- :layout, :digest.
INSERT INTO chunk (account, batch_no, table_name, first_row, row_count, layout, digest)
VALUES (:account, :batch_no, :table_name, :first_row, :row_count, :layout, :digest)

-- name: insert_seal
-- Close a batch. Binds :account, :batch_no, :event, :upload_id, :sealed_at, :rows_sealed,
-- :amount_posted, :previous_hash, :hash, :version.
INSERT INTO seal (account, batch_no, event, upload_id, sealed_at, rows_sealed, amount_posted,
  previous_hash, hash, version)
VALUES (:account, :batch_no, :event, :upload_id, :sealed_at, :rows_sealed, :amount_posted,
  :previous_hash, :hash, :version)
