-- name: insert_resumption
-- Say what was lost when the tree began anew. Binds :account, :origin_no, :batch_no, :lost_origin,
-- :lost_size, :lost_root, :resumed_by, :reason.
INSERT INTO resumption (account, origin_no, batch_no, lost_origin, lost_size, lost_root,
  resumed_by, reason)
VALUES (:account, :origin_no, :batch_no, :lost_origin, :lost_size, :lost_root, :resumed_by,
  :reason)
