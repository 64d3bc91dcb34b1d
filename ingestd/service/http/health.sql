-- name: answer
-- Nothing but an answer: it comes where the database can be used.
SELECT 1 AS answered
