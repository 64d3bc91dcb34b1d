-- name: find_batches
-- The batches that a figure is made in, each with where its lines begin and end, how many of them
-- count and what those come to. Lines count where they move value from :debits to :credits; where
-- :both_ways is 1 also against that, as less. Where :write_offs is 0, those that write off do not
-- count, where it is 1 they alone do; 2 is all: each write-off is a batch of its own. Where
-- :all_products is 1, :products are not asked; where :all_origins is 1, the batch's own place, its
-- :source. Binds :account, :as_of, :known_batch, :since, :until.
SELECT p.batch_no, SUM(p.postings) AS lines,
  SUM(CASE WHEN p.credit_account IN (:credits) AND p.debit_account IN (:debits)
    THEN p.amount ELSE -p.amount END) AS amount,
  (SELECT MIN(h.first_row) FROM chunk h WHERE h.account = p.account AND h.batch_no = p.batch_no
    AND h.table_name = 'posting') AS first_posting,
  (SELECT MAX(h.first_row + h.row_count) FROM chunk h
    WHERE h.account = p.account AND h.batch_no = p.batch_no AND h.table_name = 'posting')
    AS end_posting
FROM batch_total p
  LEFT JOIN write_off w ON w.account = p.account AND w.batch_no = p.batch_no
WHERE p.account = :account AND p.batch_no <= :known_batch
  AND ((p.credit_account IN (:credits) AND p.debit_account IN (:debits))
    OR (:both_ways = 1 AND p.debit_account IN (:credits) AND p.credit_account IN (:debits)))
  AND p.effective_on <= :as_of AND p.effective_on >= :since AND p.effective_on <= :until
  AND (:write_offs = 2 OR (w.batch_no IS NOT NULL) = (:write_offs = 1))
  AND (:all_products = 1 OR p.product_no IN (:products))
  AND (:all_origins = 1 OR EXISTS (SELECT 1 FROM batch_source z
    WHERE z.account = p.account AND z.batch_no = p.batch_no AND z.source = :source))
GROUP BY p.account, p.batch_no
ORDER BY p.batch_no

-- name: find_lines
-- The lines of one batch that count, numbered from :first up to, and without, :end; at most :rows.
-- :credits, :debits, :both_ways, :write_offs, :all_products and :products as for its batches. Where
-- :all_sources is 1, :source, the place where a charge was made, is not asked; an empty :party,
-- whose credit it is, :tax_code and :gl_account are any. Binds :account, :as_of, :since, :until.
-- sqlite: joins in this order
SELECT p.posting_no, p.batch_no, p.event, p.effective_on, p.debit_account, p.credit_account,
  CASE WHEN p.credit_account IN (:credits) AND p.debit_account IN (:debits)
    THEN p.amount ELSE -p.amount END AS amount,
  x.code AS billing_code, d.party_code AS debit_party, k.party_code AS credit_party,
  c.tracking_id, m.payment_id, b.upload_id, c.row
FROM posting p
  LEFT JOIN code x ON x.account = p.account AND x.code_no = p.product_no
  LEFT JOIN party d ON d.account = p.account AND d.party_no = p.debit_party_no
  LEFT JOIN party k ON k.account = p.account AND k.party_no = p.credit_party_no
  LEFT JOIN charge c ON c.account = p.account AND c.charge_no = p.charge_no
  LEFT JOIN seal b ON b.account = c.account AND b.batch_no = c.batch_no
  LEFT JOIN payment m ON m.account = p.account AND m.payment_no = p.payment_no
WHERE p.account = :account AND p.posting_no >= :first AND p.posting_no < :end
  AND ((p.credit_account IN (:credits) AND p.debit_account IN (:debits))
    OR (:both_ways = 1 AND p.debit_account IN (:credits) AND p.credit_account IN (:debits)))
  AND p.effective_on <= :as_of AND p.effective_on >= :since AND p.effective_on <= :until
  AND (:write_offs = 2 OR (p.event = 'write_off') = (:write_offs = 1))
  AND (:all_products = 1 OR COALESCE(p.product_no, 0) IN (:products))
  AND (:all_sources = 1 OR EXISTS (SELECT 1 FROM charge s
      JOIN batch_source z ON z.account = s.account AND z.batch_no = s.batch_no
    WHERE s.account = p.account AND s.charge_no = p.charge_no AND z.source = :source))
  AND (:party = '' OR EXISTS (SELECT 1 FROM party y
    WHERE y.account = p.account AND y.party_code = :party
      AND ((y.party_no = p.debit_party_no AND p.debit_account IN (:credits))
        OR (y.party_no = p.credit_party_no AND p.credit_account IN (:credits)))))
  AND (:tax_code = '' OR COALESCE(
    (SELECT t.tax_code FROM charge_tax t
      WHERE t.account = p.account AND t.charge_no = p.charge_no),
    (SELECT r.tax_code FROM payment_part r
      WHERE r.account = p.account AND r.payment_no = p.payment_no AND r.kind = 'tax'
      ORDER BY r.part_no LIMIT 1)) = :tax_code)
  AND (:gl_account = '' OR (SELECT r.gl_account FROM payment_part r
      WHERE r.account = p.account AND r.payment_no = p.payment_no
        AND r.kind IN ('building', 'other', 'gl')
        AND (r.kind = 'building') = (p.credit_account = 2300 OR p.debit_account = 2300)
      ORDER BY r.part_no LIMIT 1) = :gl_account)
ORDER BY p.posting_no
LIMIT :rows

-- name: add_up_lines
-- What those lines come to, and how many there are: from :first up to, and without, :end; :credits,
-- :debits, :both_ways, :write_offs, :all_products, :products, :all_sources, :source, :party,
-- :tax_code and :gl_account as there. Binds :account, :as_of, :since, :until.
SELECT COUNT(*) AS lines,
  COALESCE(SUM(CASE WHEN p.credit_account IN (:credits) AND p.debit_account IN (:debits)
    THEN p.amount ELSE -p.amount END), 0) AS amount
FROM posting p
WHERE p.account = :account AND p.posting_no >= :first AND p.posting_no < :end
  AND ((p.credit_account IN (:credits) AND p.debit_account IN (:debits))
    OR (:both_ways = 1 AND p.debit_account IN (:credits) AND p.credit_account IN (:debits)))
  AND p.effective_on <= :as_of AND p.effective_on >= :since AND p.effective_on <= :until
  AND (:write_offs = 2 OR (p.event = 'write_off') = (:write_offs = 1))
  AND (:all_products = 1 OR COALESCE(p.product_no, 0) IN (:products))
  AND (:all_sources = 1 OR EXISTS (SELECT 1 FROM charge s
      JOIN batch_source z ON z.account = s.account AND z.batch_no = s.batch_no
    WHERE s.account = p.account AND s.charge_no = p.charge_no AND z.source = :source))
  AND (:party = '' OR EXISTS (SELECT 1 FROM party y
    WHERE y.account = p.account AND y.party_code = :party
      AND ((y.party_no = p.debit_party_no AND p.debit_account IN (:credits))
        OR (y.party_no = p.credit_party_no AND p.credit_account IN (:credits)))))
  AND (:tax_code = '' OR COALESCE(
    (SELECT t.tax_code FROM charge_tax t
      WHERE t.account = p.account AND t.charge_no = p.charge_no),
    (SELECT r.tax_code FROM payment_part r
      WHERE r.account = p.account AND r.payment_no = p.payment_no AND r.kind = 'tax'
      ORDER BY r.part_no LIMIT 1)) = :tax_code)
  AND (:gl_account = '' OR (SELECT r.gl_account FROM payment_part r
      WHERE r.account = p.account AND r.payment_no = p.payment_no
        AND r.kind IN ('building', 'other', 'gl')
        AND (r.kind = 'building') = (p.credit_account = 2300 OR p.debit_account = 2300)
      ORDER BY r.part_no LIMIT 1) = :gl_account)

-- name: find_codes
-- The billing codes that the books know, with their numbers. Binds :account.
SELECT k.code_no, k.code
FROM code k
WHERE k.account = :account
