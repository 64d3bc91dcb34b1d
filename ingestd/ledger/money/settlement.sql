-- name: find_batch
-- How many payments a merchant's batch has that were not voided, with which sum, which sum of them
-- settles now, or did when the batch was confirmed, and the day of that. Who names no merchant has
-- batches, too: those of the merchant that is called nothing. Binds :account, :batch_num,
-- :merchant_id.
SELECT COUNT(*) AS payments, COALESCE(SUM(x.amount), 0) AS total,
  COALESCE(SUM(x.settles_now * x.amount), 0) AS settled_now,
  (SELECT c.effective_on
    FROM batch_confirmed c
    WHERE c.account = :account AND c.batch_num = :batch_num AND c.merchant_id = :merchant_id)
    AS confirmed_on
FROM (
  SELECT p.amount,
    CASE WHEN EXISTS (SELECT 1 FROM payment_event e
      WHERE e.account = p.account AND e.payment_no = p.payment_no
        AND e.batch_no NOT IN (SELECT c.batch_no
          FROM batch_confirmed c
          WHERE c.account = :account AND c.batch_num = :batch_num
            AND c.merchant_id = :merchant_id)
        AND e.event = 'settled') THEN 0 ELSE 1 END AS settles_now
  FROM payment p /* sqlite: INDEXED BY ix_payment_batch_num */
  WHERE p.account = :account AND p.batch_num = :batch_num
    AND COALESCE(p.merchant_id, '') = :merchant_id
    AND NOT EXISTS (SELECT 1 FROM payment_event v
      WHERE v.account = p.account AND v.payment_no = p.payment_no AND v.event = 'voided')
) x

-- name: insert_confirmed
-- A batch is closed, with what it came to. Binds :account, :batch_num, :merchant_id, :total, :day,
-- :batch_no.
INSERT INTO batch_confirmed (account, batch_num, merchant_id, total, effective_on, batch_no)
VALUES (:account, :batch_num, :merchant_id, :total, :day, :batch_no)

-- name: stage_pending_of_batch
-- The pending payments of a merchant's batch. Binds :account, :batch_num, :merchant_id.
INSERT INTO stage_chosen (payment_no)
SELECT p.payment_no
FROM payment p
WHERE p.account = :account AND p.batch_num = :batch_num
  AND COALESCE(p.merchant_id, '') = :merchant_id
  AND NOT EXISTS (SELECT 1 FROM payment_event e
    WHERE e.account = p.account AND e.payment_no = p.payment_no)

-- name: post_settled
-- What was pending of the chosen payments is in the bank, and each part goes where its kind says;
-- cash goes straight there, and a discount is given, as credit of its own. 1000 bank, 1050
-- clearing, 1060 cash, 2000 wallet credit, 2010 unapplied fees, 2015 unapplied discounts, 2050
-- pending receipts, 2200 tax, 2300 building fund, 2310 deposits, 2320 advances, 2330 other accounts
-- of the general ledger, 4900 discounts. Binds :account, :postings, :batch_no, :day.
-- sqlite: joins in this order
INSERT INTO posting (account, posting_no, batch_no, event, effective_on, debit_account,
  credit_account, amount, debit_party_no, credit_party_no, payment_no)
SELECT CAST(:account AS TEXT), :postings + ROW_NUMBER() OVER (ORDER BY l.payment_no, l.part_no),
  :batch_no, 'settled', GREATEST(l.received_on, CAST(:day AS BIGINT)), l.debit_account,
  l.credit_account, l.amount, l.debit_party_no, l.credit_party_no, l.payment_no
FROM (
  SELECT p.payment_no, 0 AS part_no, p.received_on, 1000 AS debit_account,
    1050 AS credit_account, p.amount, CAST(NULL AS BIGINT) AS debit_party_no,
    CAST(NULL AS BIGINT) AS credit_party_no
  FROM stage_chosen s
    JOIN payment p ON p.account = :account AND p.payment_no = s.payment_no
  WHERE p.kind NOT IN ('cash', 'cash_sale')
  UNION ALL
  SELECT p.payment_no, r.part_no, p.received_on,
    CASE WHEN r.kind = 'discount' THEN 4900
      WHEN p.kind IN ('cash', 'cash_sale') THEN 1060
      ELSE 2050 END,
    CASE r.kind WHEN 'fee' THEN 2010 WHEN 'discount' THEN 2015 WHEN 'wallet' THEN 2000
      WHEN 'building' THEN 2300 WHEN 'other' THEN 2330 WHEN 'tax' THEN 2200
      WHEN 'gl' THEN 2330 WHEN 'deposit' THEN 2310 WHEN 'advance' THEN 2320 END,
    r.amount,
    CASE WHEN r.kind <> 'discount' AND p.kind NOT IN ('cash', 'cash_sale') THEN p.party_no END,
    r.party_no
  FROM stage_chosen s
    JOIN payment p ON p.account = :account AND p.payment_no = s.payment_no
    JOIN payment_part r ON r.account = p.account AND r.payment_no = p.payment_no
) l

-- name: insert_lots
-- The credit that the chosen payments became, by account and party. 2000 wallet credit, 2010
-- unapplied fees, 2015 unapplied discounts, 2310 deposits, 2320 advances. Binds :account,
-- :batch_no, :day.
-- sqlite: joins in this order
INSERT INTO credit_lot (account, payment_no, credit_account, party_no, settled_batch_no,
  available_on, remaining)
SELECT p.account, p.payment_no,
  CASE r.kind WHEN 'wallet' THEN 2000 WHEN 'discount' THEN 2015 WHEN 'deposit' THEN 2310
    WHEN 'advance' THEN 2320 ELSE 2010 END AS credit_to,
  r.party_no, :batch_no, GREATEST(p.received_on, CAST(:day AS BIGINT)), SUM(r.amount)
FROM stage_chosen s
  JOIN payment p ON p.account = :account AND p.payment_no = s.payment_no
  JOIN payment_part r ON r.account = p.account AND r.payment_no = p.payment_no
    AND r.kind IN ('fee', 'discount', 'wallet', 'deposit', 'advance')
GROUP BY p.account, p.payment_no, p.received_on, credit_to, r.party_no

-- name: stage_payers
-- Whose credit that is, which pays at once; deposits (2310) and advances (2320) wait to be used.
-- Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_payer (party_no)
SELECT DISTINCT l.party_no
FROM stage_chosen s
  JOIN credit_lot l ON l.account = :account AND l.payment_no = s.payment_no
    AND l.credit_account < 2300
