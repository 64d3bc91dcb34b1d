-- name: find_balances
-- Where each party stands in an extent, on each credit account that moved in it: its balance now,
-- less what moved it later. Wallets (2000) come behind fees. Binds :account, :as_of, :known_batch,
-- :postings_within.
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
  ) s
  JOIN party y ON y.account = :account AND y.party_no = s.party_no
ORDER BY y.kind, y.party_code, CASE s.credit_account WHEN 2000 THEN 1 ELSE 0 END

-- name: find_changes
-- What an extent changed of each party's balances on the days asked for. Wallets (2000) come behind
-- fees. Binds :account, :as_of, :known_batch, :since, :until.
-- sqlite: joins in this order
SELECT y.party_code, y.kind, s.credit_account, s.balance
FROM (
    SELECT m.party_no, m.credit_account, SUM(m.amount) AS balance
    FROM balance_move m
    WHERE m.account = :account AND m.effective_on <= :as_of AND m.batch_no <= :known_batch
      AND m.effective_on >= :since AND m.effective_on <= :until
    GROUP BY m.party_no, m.credit_account
  ) s
  JOIN party y ON y.account = :account AND y.party_no = s.party_no
ORDER BY y.kind, y.party_code, CASE s.credit_account WHEN 2000 THEN 1 ELSE 0 END
