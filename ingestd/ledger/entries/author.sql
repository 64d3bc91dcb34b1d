-- name: insert_entry
-- Who made a batch by command, and why. Binds :account, :batch_no, :command, :entered_by, :reason,
-- :source.
INSERT INTO entry (account, batch_no, command, entered_by, reason, source)
VALUES (:account, :batch_no, :command, :entered_by, :reason, :source)
