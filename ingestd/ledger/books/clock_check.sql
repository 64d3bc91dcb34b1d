-- name: find_clock_doubts
-- The accounts whose last batch is later than :undoubted, farthest first: all accounts, or the one
-- that :account names. An acceptance counts for the lead that it was given for, give or take :most:
-- not for a batch that a clock, once more ahead, has dated later still, nor for a clock that is set
-- back further.
SELECT h.account, h.sealed_at
FROM seal_head h
WHERE h.sealed_at > :undoubted
  AND :account IN ('', h.account)
  AND NOT EXISTS (
    SELECT 1 FROM clock_acceptance a
    WHERE a.account = h.account
      AND a.sealed_at >= h.sealed_at - :most
      AND a.clock_at <= :undoubted)
ORDER BY h.sealed_at DESC, h.account

-- name: accept_clock
-- Write down that a clock is right that is behind an account's last batch, who says so, and why.
-- Binds :account, :sealed_at, :clock_at, :accepted_by, :reason.
INSERT INTO clock_acceptance (account, sealed_at, clock_at, accepted_by, reason)
VALUES (:account, :sealed_at, :clock_at, :accepted_by, :reason)
