-- name: find_code_no
-- The number that stands for a billing code; none before it was charged for. Binds :account, :code.
SELECT code_no FROM code WHERE account = :account AND code = :code

-- name: insert_code
-- Number a billing code, as a fact of a batch. Binds :account, :code_no, :code, :batch_no.
INSERT INTO code (account, code_no, code, batch_no)
VALUES (:account, :code_no, :code, :batch_no)
