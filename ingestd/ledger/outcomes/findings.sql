-- name: insert_findings
-- The findings of a file, numbered in its order, and by what people find the row of each. Nothing
-- in the order is NULL and nothing ties, so that both databases number alike; that good rows were
-- refused, too, is told after what was wrong with the others. Binds :account, :upload_id.
INSERT INTO finding (account, upload_id, finding_no, code, verdict, row, line, column_name, value,
  message, row_key, party_code)
SELECT CAST(:account AS TEXT), CAST(:upload_id AS TEXT),
  ROW_NUMBER() OVER (ORDER BY CASE f.code WHEN 'all_or_nothing' THEN 1 ELSE 0 END,
    COALESCE(f.row, 0), COALESCE(f.line, 0), COALESCE(f.column_name, ''), f.code, f.message,
    COALESCE(f.value, ''), f.verdict),
  f.code, f.verdict, f.row, f.line, f.column_name, f.value, f.message, n.row_key, n.party_code
FROM stage_finding f
  LEFT JOIN stage_named n ON n.row = f.row

-- name: find_staged_findings
-- The most important findings of a file that is only tried, numbered as they would be. Binds
-- :limit.
SELECT n.finding_no, n.code, n.verdict, n.row, n.line, n.column_name, n.value, n.message
FROM (SELECT ROW_NUMBER() OVER (ORDER BY CASE f.code WHEN 'all_or_nothing' THEN 1 ELSE 0 END,
      COALESCE(f.row, 0), COALESCE(f.line, 0), COALESCE(f.column_name, ''), f.code, f.message,
      COALESCE(f.value, ''), f.verdict) AS finding_no,
    f.code, f.verdict, f.row, f.line, f.column_name, f.value, f.message
  FROM stage_finding f) n
ORDER BY CASE WHEN n.code = 'all_or_nothing' THEN 0 WHEN n.verdict = 'warning' THEN 2 ELSE 1 END,
  n.finding_no
LIMIT :limit

-- name: count_staged_codes
-- How many findings of each code are staged.
SELECT code, COUNT(*) AS findings
FROM stage_finding
GROUP BY code
ORDER BY code

-- name: find_findings
-- A file's most important findings: why good rows were refused, then what cost a row or the file,
-- then warnings. Binds :account, :upload_id, :limit.
SELECT finding_no, code, verdict, row, line, column_name, value, message
FROM finding
WHERE account = :account AND upload_id = :upload_id
ORDER BY CASE WHEN code = 'all_or_nothing' THEN 0 WHEN verdict = 'warning' THEN 2 ELSE 1 END,
  finding_no
LIMIT :limit

-- name: find_problems
-- All that kept a file or rows of it from being applied, and what bears on it: findings about a row
-- that was not taken, about the file as a whole, and rows that came twice. What was not applied
-- comes first, then what is only worth a word; rows that came twice, of which one was taken, are
-- last. :header_row is 1, or 0 for a file without a header. Binds :account, :upload_id too.
SELECT f.row, f.line, f.row_key, f.party_code,
  CASE
    WHEN f.row > :header_row AND o.status = 'rejected' THEN 'rejected'
    WHEN f.row > :header_row AND f.is_conflict = 1 THEN 'conflict'
    WHEN f.row > :header_row AND f.is_bad = 1 THEN 'rejected'
    WHEN f.code = 'duplicate_in_file' THEN 'duplicate'
    WHEN f.verdict = 'warning' THEN 'warning'
    ELSE 'rejected'
  END,
  f.column_name, f.code, f.value, f.message
FROM (SELECT account, upload_id, finding_no, code, verdict, row, line, column_name, value, message,
    row_key, party_code,
    MAX(CASE verdict WHEN 'warning' THEN 0 ELSE 1 END) OVER (PARTITION BY row) AS is_bad,
    MAX(CASE code WHEN 'conflict' THEN 1 ELSE 0 END) OVER (PARTITION BY row) AS is_conflict
  FROM finding
  WHERE account = :account AND upload_id = :upload_id) f
  JOIN file_outcome o ON o.account = f.account AND o.upload_id = f.upload_id
WHERE f.verdict <> 'warning'
  OR (f.row IS NOT NULL AND f.is_bad = 1)
  OR f.code = 'duplicate_in_file'
  OR (COALESCE(f.row, :header_row) = :header_row AND f.code <> 'student_disappeared')
ORDER BY CASE
    WHEN f.code = 'conflict' THEN 2
    WHEN f.code = 'all_or_nothing' THEN 3
    WHEN f.code = 'duplicate_in_file' THEN 5
    WHEN f.verdict = 'warning' THEN 4
    ELSE 1
  END, f.finding_no

-- name: count_codes
-- How many findings of each code a file has. Binds :account, :upload_id.
SELECT code, COUNT(*) AS findings
FROM finding
WHERE account = :account AND upload_id = :upload_id
GROUP BY code
ORDER BY code

-- name: find_codes
-- The codes of what cost a file or its rows, each once. Binds :account, :upload_id, :limit.
SELECT DISTINCT code
FROM finding
WHERE account = :account AND upload_id = :upload_id AND verdict <> 'warning'
ORDER BY code
LIMIT :limit
