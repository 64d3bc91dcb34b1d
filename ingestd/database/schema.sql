-- name: find_standing
-- The schema's revision and the oldest programs that may write, one of all accounts together.
SELECT v.version_num AS revision, f.oldest
FROM alembic_version v
LEFT JOIN schema_floor f ON f.floor_no = 1

-- name: store_oldest
-- Which programs may write from now on, into the books of all accounts. Binds :oldest.
INSERT INTO schema_floor (floor_no, oldest)
VALUES (1, :oldest)
ON CONFLICT (floor_no) DO UPDATE SET oldest = excluded.oldest

-- name: find_live_before
-- The live nodes, of all accounts together, whose program was made for an earlier revision; one
-- that was not heard of for a while is not live. Binds :oldest, :silent_us.
SELECT node, host, program, revision
FROM node
WHERE is_serving = 1 AND revision < :oldest
  AND heard_at > CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT) - :silent_us
ORDER BY node
