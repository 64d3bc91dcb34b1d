-- name: reject_found
-- Reject each row that a finding says is bad; what contradicts the ledger is no rejected row.
INSERT INTO stage_rejected (row, line)
SELECT f.row, f.line
FROM stage_finding f
WHERE f.verdict = 'row'
  AND NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = f.row)
ON CONFLICT DO NOTHING

-- name: tell_repeats_in_file
-- Which row of the file each repeats or contradicts; what :duplicate and :conflict say of it has
-- {row} in it. Binds :column too.
INSERT INTO stage_finding (code, verdict, row, line, column_name, value, message)
SELECT CASE r.outcome WHEN 'conflict' THEN 'conflict' ELSE 'duplicate_in_file' END,
  CASE r.outcome WHEN 'conflict' THEN 'row' ELSE 'warning' END,
  r.row, r.line, :column, r.row_key,
  REPLACE(CASE r.outcome WHEN 'conflict' THEN :conflict ELSE :duplicate END,
    '{row}', CAST(r.first_row AS TEXT))
FROM stage_repeat r
WHERE r.first_row IS NOT NULL

-- name: find_bad_row
-- Whether a row of the file was rejected, or contradicts another or the ledger.
SELECT EXISTS (SELECT 1 FROM stage_rejected)
  OR EXISTS (SELECT 1 FROM stage_repeat WHERE outcome = 'conflict')

-- name: tell_good_rows
-- That rows were refused which are good in themselves. Binds :message.
INSERT INTO stage_finding (code, verdict, message)
VALUES ('all_or_nothing', 'file', :message)

-- name: tell_repeats_of_refused
-- Of rows that repeat another row of a refused file: none of them was applied, nor was the first.
-- What :duplicate and :conflict say has {row} in it.
UPDATE stage_finding
SET message = REPLACE(CASE code WHEN 'conflict' THEN :conflict ELSE :duplicate END, '{row}',
  (SELECT CAST(r.first_row AS TEXT) FROM stage_repeat r WHERE r.row = stage_finding.row))
WHERE code IN ('conflict', 'duplicate_in_file')
  AND row IN (SELECT r.row FROM stage_repeat r WHERE r.first_row IS NOT NULL)

-- name: count_verdicts
-- How many rows repeat, contradict, or were rejected; how many findings there are by now, how many
-- records were staged, and of which files.
SELECT
  (SELECT COUNT(*) FROM stage_repeat WHERE outcome = 'duplicate') AS duplicates,
  (SELECT COUNT(*) FROM stage_repeat WHERE outcome = 'conflict') AS conflicts,
  (SELECT COUNT(*) FROM stage_rejected) AS rejected,
  (SELECT COUNT(*) FROM stage_finding) AS findings,
  SUM(f.records) AS records,
  MIN(f.account) AS first_account, MAX(f.account) AS last_account,
  MIN(f.upload_id) AS first_upload, MAX(f.upload_id) AS last_upload
FROM stage_file f
