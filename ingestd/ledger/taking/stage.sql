-- name: list_findings
-- What was found until now, in the order of the file.
SELECT code, verdict, row, line, column_name, value, message
FROM stage_finding
ORDER BY COALESCE(row, 0), COALESCE(line, 0), COALESCE(column_name, ''), code, message,
  COALESCE(value, '')
