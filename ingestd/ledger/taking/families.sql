-- name: stage_moved
-- Students whom the books know and whose family is another in the staged roster. Binds :account.
-- sqlite: joins in this order
INSERT INTO stage_moved_student (party_no, old_parent_code, new_parent_code)
SELECT y.party_no, t.parent_code, s.parent_code
FROM stage_catalog s
  JOIN student t ON t.account = :account AND t.student_id = s.row_key
  JOIN party y ON y.account = :account AND y.kind = 'student' AND y.party_code = s.row_key
WHERE t.parent_code IS DISTINCT FROM s.parent_code

-- name: insert_family_changes
-- Write each move down, with what is open of the student's fees on that day, and what waits of the
-- student's own for them: 2010 unapplied fees, 2015 unapplied discounts. No lot of either is beyond
-- 2300, which is how an index of them is found. Binds :account, :batch_no, :day.
INSERT INTO family_change (account, batch_no, party_no, old_parent_code, new_parent_code,
  effective_on, open_amount, waiting_amount)
SELECT CAST(:account AS TEXT), :batch_no, m.party_no, m.old_parent_code, m.new_parent_code, :day,
  (SELECT COALESCE(SUM(o.amount), 0) FROM open_charge o
    WHERE o.account = :account AND o.party_no = m.party_no AND o.credit_account = 2010),
  (SELECT COALESCE(SUM(l.remaining), 0)
    FROM credit_lot l /* sqlite: INDEXED BY ix_credit_lot_party_no */
    WHERE l.account = :account AND l.party_no = m.party_no AND l.remaining > 0
      AND l.credit_account < 2300 AND l.credit_account IN (2010, 2015))
FROM stage_moved_student m

-- name: stage_payers
-- The students who moved: their families are now the new ones.
INSERT INTO stage_payer (party_no)
SELECT party_no
FROM stage_moved_student
