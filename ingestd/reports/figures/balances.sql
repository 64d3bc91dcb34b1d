-- name: find_balances
-- Where each party stands in an extent, on each credit account that moved in it: its balance now,
-- less what moved it later. Deposits (2310) and advances (2320) only where there is something.
-- Wallets (2000) come behind fees. Where :all_parties is 1, :parties are not asked. Binds :account,
-- :as_of, :known_batch, :postings_within.
-- sqlite: joins in this order
SELECT y.party_code, y.kind, s.credit_account, s.balance
FROM (
    SELECT b.party_no, b.credit_account, b.balance - COALESCE(x.amount, 0) AS balance
    FROM party_balance b
      LEFT JOIN (
        SELECT m.party_no, m.credit_account, COUNT(*) AS postings, SUM(m.amount) AS amount
        FROM balance_move m
        WHERE m.account = :account AND m.posting_no > :postings_within
          AND (m.effective_on > :as_of OR m.batch_no > :known_batch)
        GROUP BY m.party_no, m.credit_account
      ) x ON x.party_no = b.party_no AND x.credit_account = b.credit_account
    WHERE b.account = :account AND b.postings > COALESCE(x.postings, 0)
      AND (:all_parties = 1 OR b.party_no IN (:parties))
  ) s
  JOIN party y ON y.account = :account AND y.party_no = s.party_no
WHERE s.credit_account IN (2000, 2010) OR s.balance <> 0
ORDER BY y.kind, y.party_code, CASE s.credit_account WHEN 2010 THEN 0 WHEN 2000 THEN 1 ELSE 2 END,
  s.credit_account

-- name: find_changes
-- What an extent changed of each party's balances on the days asked for, in the same way. Where
-- :all_parties is 1, :parties are not asked. Binds :account, :as_of, :known_batch, :since, :until.
-- sqlite: joins in this order
SELECT y.party_code, y.kind, s.credit_account, s.balance
FROM (
    SELECT m.party_no, m.credit_account, SUM(m.amount) AS balance
    FROM balance_move m
    WHERE m.account = :account AND m.effective_on <= :as_of AND m.batch_no <= :known_batch
      AND m.effective_on >= :since AND m.effective_on <= :until
      AND (:all_parties = 1 OR m.party_no IN (:parties))
    GROUP BY m.party_no, m.credit_account
  ) s
  JOIN party y ON y.account = :account AND y.party_no = s.party_no
WHERE s.credit_account IN (2000, 2010) OR s.balance <> 0
ORDER BY y.kind, y.party_code, CASE s.credit_account WHEN 2010 THEN 0 WHEN 2000 THEN 1 ELSE 2 END,
  s.credit_account
