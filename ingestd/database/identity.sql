-- name: find_revision
-- The revision of the schema, one of all accounts together.
SELECT version_num
FROM alembic_version

-- name: find_ledger_id
-- The ledger's own id, one of all accounts together.
SELECT ledger_id
FROM ledger

-- name: read_ledger
-- All that the ledger says of itself, one of all accounts together.
SELECT ledger_id, made_at
FROM ledger
