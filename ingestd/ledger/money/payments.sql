-- name: find_payment
-- A payment by its id, with the days on which it settled, was returned or was voided.
-- Binds :account, :payment_id.
SELECT p.payment_no, p.payment_id, p.content_hash, p.kind, p.party_no, p.amount, p.received_on,
  s.effective_on AS settled_on, r.effective_on AS returned_on, v.effective_on AS voided_on
FROM payment p
  LEFT JOIN payment_event s
    ON s.account = p.account AND s.payment_no = p.payment_no AND s.event = 'settled'
  LEFT JOIN payment_event r
    ON r.account = p.account AND r.payment_no = p.payment_no AND r.event = 'returned'
  LEFT JOIN payment_event v
    ON v.account = p.account AND v.payment_no = p.payment_no AND v.event = 'voided'
WHERE p.account = :account AND p.payment_id = :payment_id

-- name: insert_payment
-- A payment as it was received. Binds :account, :payment_no, :payment_id, :content_hash, :kind,
-- :party_no, :amount, :submitted_at, :day, :for_charge_no, :batch_no.
INSERT INTO payment (account, payment_no, payment_id, content_hash, kind, party_no, amount,
  submitted_at, received_on, for_charge_no, batch_no)
VALUES (:account, :payment_no, :payment_id, :content_hash, :kind, :party_no, :amount,
  :submitted_at, :day, :for_charge_no, :batch_no)

-- name: insert_part
-- What a part of it is for. Binds :account, :payment_no, :part_no, :kind, :amount, :party_no,
-- :batch_no.
INSERT INTO payment_part (account, payment_no, part_no, kind, amount, party_no, batch_no)
VALUES (:account, :payment_no, :part_no, :kind, :amount, :party_no, :batch_no)

-- name: post_received
-- The payments above a number are pending; cash is not, it settles when it is received.
-- 1050 clearing, 2050 pending receipts. Binds :account, :postings, :batch_no, :payments_before.
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, credit_party_no, payment_no)
SELECT p.account, :postings + ROW_NUMBER() OVER (ORDER BY p.payment_no), :batch_no, 'payment',
  p.received_on, 1050, 2050, p.amount, p.party_no, p.payment_no
FROM payment p
WHERE p.account = :account AND p.payment_no > :payments_before
  AND p.kind NOT IN ('cash', 'cash_sale')

-- name: insert_chosen
-- One payment that something is done to. Binds :payment_no.
INSERT INTO stage_chosen (payment_no)
VALUES (:payment_no)

-- name: insert_events
-- What happened to the chosen payments, never before they came.
-- Binds :account, :event, :day, :reason, :batch_no.
-- sqlite: joins in this order
INSERT INTO payment_event (account, payment_no, event, effective_on, reason, batch_no)
SELECT p.account, p.payment_no, CAST(:event AS TEXT),
  GREATEST(p.received_on, CAST(:day AS BIGINT)), CAST(:reason AS TEXT), :batch_no
FROM stage_chosen s
  JOIN payment p ON p.account = :account AND p.payment_no = s.payment_no

-- name: stage_turned
-- Postings of the chosen payments that were turned around before. They are staged, so that each
-- posting of a payment that paid thousands is asked for once. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_turned (posting_no)
SELECT o.reverses_posting_no
FROM stage_chosen s
  JOIN posting o /* sqlite: INDEXED BY ix_posting_payment_no */
    ON o.account = :account AND o.payment_no = s.payment_no
WHERE o.reverses_posting_no IS NOT NULL

-- name: post_turned
-- Turn around the other postings of the chosen payments, never before the day of what is turned
-- around. What was posted last goes first, as one unwinds a thread.
-- Binds :account, :postings, :batch_no, :event, :day.
-- sqlite: joins in this order
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, debit_party_no, credit_party_no, charge_no, payment_no, product_no,
  reverses_posting_no)
SELECT o.account, :postings + ROW_NUMBER() OVER (ORDER BY o.posting_no DESC), :batch_no,
  CAST(:event AS TEXT), GREATEST(o.effective_on, CAST(:day AS BIGINT)), o.credit_account,
  o.debit_account, o.amount, o.credit_party_no, o.debit_party_no, o.charge_no, o.payment_no,
  o.product_no, o.posting_no
FROM stage_chosen s
  JOIN posting o /* sqlite: INDEXED BY ix_posting_payment_no */
    ON o.account = :account AND o.payment_no = s.payment_no
WHERE o.reverses_posting_no IS NULL
  AND NOT EXISTS (SELECT 1 FROM stage_turned r WHERE r.posting_no = o.posting_no)
