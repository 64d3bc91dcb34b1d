-- name: insert_change
-- Keep what was saved of a file. Binds :file, :changed_at, :changed_by, :undoes, :before_text,
-- :after_text.
INSERT INTO console_config_change (
  change_no, file, changed_at, changed_by, undoes, before_text, after_text
)
SELECT COALESCE(MAX(c.change_no), 0) + 1, CAST(:file AS TEXT), CAST(:changed_at AS BIGINT),
  CAST(:changed_by AS TEXT), CAST(:undoes AS BIGINT), :before_text, :after_text
FROM console_config_change c

-- name: last_change
-- The number of the last change.
SELECT MAX(c.change_no)
FROM console_config_change c

-- name: list_changes
-- What was saved of a file, the newest first, before one of them. Binds :file, :before, :limit.
SELECT c.change_no, c.file, c.changed_at, c.changed_by, c.undoes
FROM console_config_change c
WHERE c.file = :file AND c.change_no < :before
ORDER BY c.change_no DESC
LIMIT :limit

-- name: find_change
-- One change of a file, with both texts. Binds :file, :change_no.
SELECT c.change_no, c.file, c.changed_at, c.changed_by, c.undoes, c.before_text, c.after_text
FROM console_config_change c
WHERE c.file = :file AND c.change_no = :change_no
