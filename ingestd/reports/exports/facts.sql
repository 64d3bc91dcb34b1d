-- name: find_authors
-- Who made batches by command, and why. Binds :account, :batches.
SELECT n.batch_no, n.command, n.entered_by, n.reason, n.source
FROM entry n
WHERE n.account = :account AND n.batch_no IN (:batches)

-- name: find_details
-- What files said of payments beside what stands with the payments themselves.
-- Binds :account, :payments, their ids.
-- sqlite: joins in this order
SELECT p.payment_id, d.received_from, d.address_1, d.address_2, d.address_3, d.town, d.state,
  d.postcode, d.country, d.comment, d.gl_account, d.tax_code, d.nett, d.tax, d.donor_number,
  d.appeal_code, d.pledge_number, d.par_code, d.student_code, d.receipt_type
FROM payment p
  JOIN payment_detail d ON d.account = p.account AND d.payment_no = p.payment_no
WHERE p.account = :account AND p.payment_id IN (:payments)
