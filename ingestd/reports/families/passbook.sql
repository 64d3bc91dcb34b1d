-- name: find_charges
-- Every charge of some parties: those with something open, and those that a payment or a command
-- has touched, since what takes from a receivable names its party. One of nothing moves nothing.
-- Binds :account, :members.
-- sqlite: joins in this order
SELECT c.charge_no, c.tracking_id, c.party_no, c.receivable_account, k.code AS billing_code,
  c.amount, c.note, c.occurred_at, c.effective_on, c.batch_no
FROM (
    SELECT o.charge_no
    FROM open_charge o
    WHERE o.account = :account AND o.party_no IN (:members)
    UNION
    SELECT p.charge_no
    FROM posting p /* sqlite: INDEXED BY ix_posting_credit_party_no */
    WHERE p.account = :account AND p.credit_party_no IN (:members) AND p.charge_no IS NOT NULL
  ) found
  JOIN charge c ON c.account = :account AND c.charge_no = found.charge_no
  JOIN code k ON k.account = c.account AND k.code_no = c.product_no
WHERE c.party_no IN (:members)
ORDER BY c.charge_no

-- name: find_postings
-- Every posting that names some parties, but for those by which files charge: what came to their
-- credit, what left the credit that came to it by the same payment, and what happened to their
-- charges. Binds :account, :members, :charges.
-- sqlite: joins in this order
SELECT p.posting_no, p.batch_no, p.event, p.effective_on, p.debit_account, p.credit_account,
  p.amount, p.debit_party_no, p.credit_party_no, p.charge_no, p.payment_no
FROM (
    SELECT q.posting_no
    FROM posting q /* sqlite: INDEXED BY ix_posting_credit_party_no */
    WHERE q.account = :account AND q.credit_party_no IN (:members)
    UNION
    SELECT d.posting_no
    FROM (
        SELECT DISTINCT q.payment_no
        FROM posting q /* sqlite: INDEXED BY ix_posting_credit_party_no */
        WHERE q.account = :account AND q.credit_party_no IN (:members)
          AND q.payment_no IS NOT NULL
      ) money
      JOIN posting d /* sqlite: INDEXED BY ix_posting_payment_no */ ON d.account = :account
        AND d.payment_no = money.payment_no
    WHERE d.debit_party_no IN (:members)
    UNION
    SELECT e.posting_no
    FROM posting e /* sqlite: INDEXED BY ix_posting_charge_no */
    WHERE e.account = :account AND e.charge_no IN (:charges) AND e.event <> 'charge'
      AND e.debit_party_no IN (:members)
  ) found
  JOIN posting p ON p.account = :account AND p.posting_no = found.posting_no
ORDER BY p.posting_no

-- name: find_balances
-- What some parties have in credit less what they owe, by account, as everything comes to. 2000
-- wallet credit, 2010 unapplied fees. Binds :account, :members.
SELECT b.party_no, b.credit_account, b.balance
FROM party_balance b
WHERE b.account = :account AND b.party_no IN (:members) AND b.credit_account IN (2000, 2010)

-- name: find_payments
-- The payments of some parties, or some others, with what became of them. Binds :account, :members,
-- :payments.
SELECT p.payment_no, p.payment_id, p.party_no, p.kind, p.amount, p.received_on, p.batch_no,
  p.receipt_num, e.event, e.effective_on AS event_on, e.batch_no AS event_batch_no, e.reason
FROM (
    SELECT a.payment_no
    FROM payment a
    WHERE a.account = :account AND a.party_no IN (:members)
    UNION
    SELECT a.payment_no
    FROM payment a
    WHERE a.account = :account AND a.payment_no IN (:payments)
  ) found
  JOIN payment p ON p.account = :account AND p.payment_no = found.payment_no
  LEFT JOIN payment_event e ON e.account = p.account AND e.payment_no = p.payment_no
ORDER BY p.payment_no, e.batch_no
