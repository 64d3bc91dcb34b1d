-- name: find_family
-- The code of the parent that a student's family goes by; NULL where the roster names none. Binds
-- :account, :code.
SELECT parent_code
FROM student
WHERE account = :account AND student_id = :code

-- name: find_parent
-- How a parent is called, and where mail reaches them. Binds :account, :code.
SELECT name, email
FROM parent
WHERE account = :account AND parent_code = :code

-- name: find_guest
-- How a guest is called, and where mail reaches them. Binds :account, :code.
SELECT g.name, g.email
FROM guest g
  JOIN party y ON y.account = g.account AND y.party_no = g.party_no
WHERE y.account = :account AND y.kind = 'guest' AND y.party_code = :code

-- name: find_student
-- How a student is called who has no family; no mail reaches one. Binds :account, :code.
SELECT name, NULL AS email
FROM student
WHERE account = :account AND student_id = :code

-- name: find_members
-- A party, its family's parent and students, and how they are called. Binds :account, :party_no,
-- :family.
SELECT y.party_no, y.kind, y.party_code, COALESCE(st.name, pa.name, g.name, '') AS name
FROM party y
  LEFT JOIN student st
    ON y.kind = 'student' AND st.account = y.account AND st.student_id = y.party_code
  LEFT JOIN parent pa
    ON y.kind = 'parent' AND pa.account = y.account AND pa.parent_code = y.party_code
  LEFT JOIN guest g ON g.account = y.account AND g.party_no = y.party_no
WHERE y.account = :account AND y.party_no IN (
    SELECT CAST(:party_no AS BIGINT)
    UNION
    SELECT p.party_no
    FROM party p
    WHERE p.account = :account AND p.kind = 'parent' AND p.party_code = :family
    UNION
    SELECT p.party_no
    FROM student s
      JOIN party p ON p.account = s.account AND p.kind = 'student' AND p.party_code = s.student_id
    WHERE s.account = :account AND s.parent_code = :family
  )

-- name: find_open_items
-- What is open of some parties' charges, and of what they were paid and owe back, in the order in
-- which money pays it. 1100 receivable fees, 1120 fees paid out and owed back. Binds :account,
-- :members.
SELECT c.party_no,
  CASE WHEN c.receivable_account IN (1100, 1120) THEN 'LIABILITY' ELSE 'WALLET' END
    AS account_type,
  k.code AS billing_code, COALESCE(r.name, '') AS product,
  COALESCE(c.note, '') AS note, c.tracking_id, c.occurred_at, c.amount,
  c.amount - o.amount AS paid
FROM open_charge o
  JOIN charge c ON c.account = o.account AND c.charge_no = o.charge_no
  JOIN code k ON k.account = c.account AND k.code_no = c.product_no
  LEFT JOIN product r ON r.account = k.account AND r.billing_code = k.code
WHERE o.account = :account AND o.party_no IN (:members)
ORDER BY o.occurred_at, o.sort, o.charge_no

-- name: find_pending
-- Some parties' payments that nothing has become of yet. Binds :account, :members.
SELECT p.party_no, p.payment_id, p.kind, p.received_on, p.amount
FROM payment p
WHERE p.account = :account AND p.party_no IN (:members)
  AND NOT EXISTS (
    SELECT 1
    FROM payment_event e
    WHERE e.account = p.account AND e.payment_no = p.payment_no
  )
ORDER BY p.received_on, p.payment_no

-- name: find_credits
-- What waits in some parties' credit lots for the next charge: deposits and advances pay nothing by
-- themselves. Binds :account, :members.
SELECT l.party_no, l.credit_account, l.remaining
FROM credit_lot l
WHERE l.account = :account AND l.party_no IN (:members) AND l.remaining > 0
  AND l.credit_account < 2300
