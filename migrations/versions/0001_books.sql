-- The books of ingestd: every table, and the views that several statements share.
--
-- Written as PostgreSQL reads it. SQLite's tables are STRICT and lie in the order of their keys;
-- PostgreSQL's texts sort by bytes, as SQLite's do. A comment above a table is its description in
-- docs/schema.md; a table that is append-only refuses every other change.
-- Days are whole numbers, 20260301 for the first of March 2026: they sort and compare as days do.
-- Instants are microseconds since 1970 in UTC, amounts minor units of the account's currency.

-- The queue: every file that was claimed, and how far it is. `sent_by` is the user or token that
-- sent it by HTTP. `node` has its bytes, or works on it; any node may where they are `archived` in
-- what all nodes share. Such a file stands here before its CLOSE is answered, with its place in the
-- account's order: not due, and under the claim token 0, until it is claimed.
CREATE TABLE upload (
  account TEXT NOT NULL,
  upload_id TEXT NOT NULL,
  filename TEXT NOT NULL,
  format TEXT,
  source TEXT NOT NULL,
  size_bytes BIGINT NOT NULL,
  sha256 TEXT,
  received_at BIGINT NOT NULL,
  peer TEXT,
  session_id TEXT,
  key_fingerprint TEXT,
  client_version TEXT,
  sent_by TEXT,
  node TEXT NOT NULL,
  state TEXT NOT NULL,
  status TEXT,
  owner TEXT,
  claim_token BIGINT DEFAULT 0 NOT NULL,
  lease_expires_at BIGINT DEFAULT 0 NOT NULL,
  attempts BIGINT DEFAULT 0 NOT NULL,
  waits BIGINT DEFAULT 0 NOT NULL,
  deaths BIGINT DEFAULT 0 NOT NULL,
  next_try_at BIGINT DEFAULT 0 NOT NULL,
  last_error TEXT,
  verdict TEXT,
  records_done BIGINT DEFAULT 0 NOT NULL,
  archived BIGINT DEFAULT 0 NOT NULL,
  arrival_no BIGINT DEFAULT 0 NOT NULL,
  delivered BIGINT DEFAULT 0 NOT NULL,
  CONSTRAINT pk_upload PRIMARY KEY (account, upload_id),
  CONSTRAINT ck_upload_state CHECK (state IN ('waiting', 'working', 'failed', 'done')),
  CONSTRAINT ck_upload_archived CHECK (archived IN (0, 1)),
  CONSTRAINT ck_upload_source CHECK (source IN ('sftp', 'folder', 'console', 'api'))
);
CREATE INDEX ix_upload_open ON upload (account, arrival_no)
  WHERE state IN ('waiting', 'working');
CREATE INDEX ix_upload_delivered ON upload (delivered, state);
CREATE INDEX ix_upload_state_received_at ON upload (state, received_at);

-- The nodes: each data folder whose daemon works on this ledger through a server, and when it was
-- last heard of, on the database's clock. An instance is one start of a daemon. `host_keys` are the
-- fingerprints that its clients see.
CREATE TABLE node (
  node TEXT NOT NULL,
  instance TEXT NOT NULL,
  program TEXT NOT NULL,
  revision TEXT NOT NULL,
  host TEXT NOT NULL,
  host_keys TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  heard_at BIGINT NOT NULL,
  is_serving BIGINT NOT NULL,
  CONSTRAINT pk_node PRIMARY KEY (node),
  CONSTRAINT ck_node_is_serving CHECK (is_serving IN (0, 1))
);

-- Addresses that a node's door has banned, until when on the database's clock; those of IPv6 stand
-- for their /64. All nodes turn them away.
CREATE TABLE ban (
  address TEXT NOT NULL,
  node TEXT NOT NULL,
  banned_until BIGINT NOT NULL,
  CONSTRAINT pk_ban PRIMARY KEY (address)
);

-- How often an address has failed to log in at a node lately, until when that counts, and when the
-- node said so, on the database's clock. All nodes count together, and ban it.
CREATE TABLE login_failure (
  address TEXT NOT NULL,
  node TEXT NOT NULL,
  failures BIGINT NOT NULL,
  told_at BIGINT NOT NULL,
  counts_until BIGINT NOT NULL,
  CONSTRAINT pk_login_failure PRIMARY KEY (address, node),
  CONSTRAINT ck_login_failure_failures CHECK (failures >= 0)
);

-- The schema: programs that were made for a revision before the oldest write nothing into it. A
-- ledger that was moved elsewhere, or is a copy that was not finished, says so there: none writes.
CREATE TABLE schema_floor (
  floor_no BIGINT NOT NULL,
  oldest TEXT NOT NULL,
  CONSTRAINT pk_schema_floor PRIMARY KEY (floor_no),
  CONSTRAINT ck_schema_floor_floor_no CHECK (floor_no = 1)
);

-- Console: who may sign in. A disabled user may not; the hash is argon2id's.
CREATE TABLE console_user (
  user_no BIGINT NOT NULL,
  name TEXT NOT NULL,
  email TEXT,
  password_hash TEXT,
  is_disabled BIGINT DEFAULT 0 NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  signed_in_at BIGINT,
  CONSTRAINT pk_console_user PRIMARY KEY (user_no),
  CONSTRAINT uq_console_user_name UNIQUE (name),
  CONSTRAINT ck_console_user_is_disabled CHECK (is_disabled IN (0, 1))
);

-- Console: what each user may do, in an account; an empty account is the whole installation.
CREATE TABLE console_role (
  user_no BIGINT NOT NULL,
  role TEXT NOT NULL,
  account TEXT NOT NULL,
  CONSTRAINT pk_console_role PRIMARY KEY (user_no, role, account),
  CONSTRAINT ck_console_role_role
    CHECK (role IN ('office', 'reader', 'contacts', 'operator', 'admin'))
);

-- Console: links by which a user chooses a password, once; kept as the hash of their secret.
CREATE TABLE console_link (
  token_hash BYTEA NOT NULL,
  user_no BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  CONSTRAINT pk_console_link PRIMARY KEY (token_hash)
);

-- Console: who is signed in, and from which address; kept as the hash of the cookie's secret.
CREATE TABLE console_session (
  token_hash BYTEA NOT NULL,
  user_no BIGINT NOT NULL,
  begun_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  peer TEXT NOT NULL,
  CONSTRAINT pk_console_session PRIMARY KEY (token_hash)
);

-- Console: who has given a password and still owes a code; opens no page. `tries` are codes that
-- were tried.
CREATE TABLE console_half_session (
  token_hash BYTEA NOT NULL,
  user_no BIGINT NOT NULL,
  begun_at BIGINT NOT NULL,
  tries BIGINT DEFAULT 0 NOT NULL,
  CONSTRAINT pk_console_half_session PRIMARY KEY (token_hash)
);

-- Console: what a user's codes are made from, encrypted with `console_key` of the data folder.
-- `last_step` is the half minute of the last code that counted: it and all before count no more.
CREATE TABLE console_totp (
  user_no BIGINT NOT NULL,
  secret BYTEA NOT NULL,
  is_on BIGINT DEFAULT 0 NOT NULL,
  last_step BIGINT DEFAULT 0 NOT NULL,
  CONSTRAINT pk_console_totp PRIMARY KEY (user_no),
  CONSTRAINT ck_console_totp_is_on CHECK (is_on IN (0, 1))
);

-- Console: codes that each count once instead of one from a telephone; kept as their hashes.
CREATE TABLE console_recovery_code (
  user_no BIGINT NOT NULL,
  code_hash BYTEA NOT NULL,
  CONSTRAINT pk_console_recovery_code PRIMARY KEY (user_no, code_hash)
);

-- Console: who a user is for whom somebody else says who signs in. An issuer calls each by a
-- `subject` for ever, whatever becomes of the address.
CREATE TABLE console_identity (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  user_no BIGINT NOT NULL,
  bound_at BIGINT NOT NULL,
  CONSTRAINT pk_console_identity PRIMARY KEY (issuer, subject),
  CONSTRAINT uq_console_identity_user_no UNIQUE (issuer, user_no)
);

-- Console: browsers that were sent to an issuer and have not come back; each comes back once.
-- The state and the browser's cookie are kept as hashes.
CREATE TABLE console_oidc_request (
  state_hash BYTEA NOT NULL,
  browser_hash BYTEA NOT NULL,
  nonce TEXT NOT NULL,
  verifier TEXT NOT NULL,
  way TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  CONSTRAINT pk_console_oidc_request PRIMARY KEY (state_hash)
);

-- Console: tokens of programs; kept as the hash of their secret. `scopes` and `accounts` are words
-- with spaces between; what was revoked stays, for whoever reads the audit.
CREATE TABLE console_token (
  token_id TEXT NOT NULL,
  name TEXT NOT NULL,
  token_hash BYTEA NOT NULL,
  scopes TEXT NOT NULL,
  accounts TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT,
  revoked_at BIGINT,
  revoked_by TEXT,
  CONSTRAINT pk_console_token PRIMARY KEY (token_id)
);

-- Console: what people did that moves no money, and so stands in no `entry`. `via` is the way in
-- that was used: console, api or command; `detail` is JSON.
CREATE TABLE console_audit (
  audit_id TEXT NOT NULL,
  occurred_at BIGINT NOT NULL,
  done_by TEXT NOT NULL,
  via TEXT NOT NULL,
  deed TEXT NOT NULL,
  account TEXT,
  subject TEXT NOT NULL,
  detail TEXT,
  CONSTRAINT pk_console_audit PRIMARY KEY (audit_id),
  CONSTRAINT ck_console_audit_via CHECK (via IN ('console', 'api', 'command'))
);

-- Console: what was saved of accounts.toml and allowlist.toml, before and after, encrypted with
-- `console_key` of the data folder since it may hold password hashes.
CREATE TABLE console_config_change (
  change_no BIGINT NOT NULL,
  file TEXT NOT NULL,
  changed_at BIGINT NOT NULL,
  changed_by TEXT NOT NULL,
  undoes BIGINT,
  before_text BYTEA NOT NULL,
  after_text BYTEA NOT NULL,
  CONSTRAINT pk_console_config_change PRIMARY KEY (change_no),
  CONSTRAINT ck_console_config_change_file CHECK (file IN ('accounts.toml', 'allowlist.toml'))
);

-- Catalog: what is sold. `sort` is its place among debts of one day; `repayment` says whether a
-- payment for it pays it first, or the oldest debt; `first_instalment` is what must be paid of it
-- to buy it in installments, its whole price by default.
CREATE TABLE product (
  account TEXT NOT NULL,
  billing_code TEXT NOT NULL,
  name TEXT NOT NULL,
  repayment TEXT DEFAULT 'chronological' NOT NULL,
  sort BIGINT DEFAULT 0 NOT NULL,
  installments BIGINT DEFAULT 0 NOT NULL,
  gl_account TEXT,
  vendor TEXT,
  first_instalment BIGINT,
  CONSTRAINT pk_product PRIMARY KEY (account, billing_code),
  CONSTRAINT ck_product_first_instalment CHECK (first_instalment >= 0),
  CONSTRAINT ck_product_repayment CHECK (repayment IN ('chronological', 'direct')),
  CONSTRAINT ck_product_installments CHECK (installments IN (0, 1))
);

-- Catalog: what a product costs from a day on, in minor units.
CREATE TABLE product_price (
  account TEXT NOT NULL,
  billing_code TEXT NOT NULL,
  valid_from BIGINT NOT NULL,
  price BIGINT NOT NULL,
  CONSTRAINT pk_product_price PRIMARY KEY (account, billing_code, valid_from),
  CONSTRAINT ck_product_price_price CHECK (price >= 0)
);

-- Catalog: the roster.
CREATE TABLE student (
  account TEXT NOT NULL,
  student_id TEXT NOT NULL,
  name TEXT NOT NULL,
  parent_code TEXT,
  status TEXT DEFAULT 'enrolled' NOT NULL,
  CONSTRAINT pk_student PRIMARY KEY (account, student_id),
  CONSTRAINT ck_student_status CHECK (status IN ('enrolled', 'cancelled'))
);
CREATE INDEX ix_student_parent_code ON student (account, parent_code);

-- Catalog: who pays for students.
CREATE TABLE parent (
  account TEXT NOT NULL,
  parent_code TEXT NOT NULL,
  name TEXT NOT NULL,
  email TEXT,
  phone TEXT,
  CONSTRAINT pk_parent PRIMARY KEY (account, parent_code)
);

-- Catalog: who collects payments, and whether its batches settle on confirmation or at once.
CREATE TABLE merchant (
  account TEXT NOT NULL,
  merchant_id TEXT NOT NULL,
  description TEXT NOT NULL,
  settle TEXT DEFAULT 'on_confirm' NOT NULL,
  other_gl_account TEXT,
  CONSTRAINT pk_merchant PRIMARY KEY (account, merchant_id),
  CONSTRAINT ck_merchant_settle CHECK (settle IN ('on_confirm', 'on_import'))
);

-- Catalog: accounts of the district's general ledger that payments may name.
CREATE TABLE gl_account (
  account TEXT NOT NULL,
  gl_account TEXT NOT NULL,
  name TEXT NOT NULL,
  status TEXT DEFAULT 'open' NOT NULL,
  requires_donor BIGINT DEFAULT 0 NOT NULL,
  requires_appeal BIGINT DEFAULT 0 NOT NULL,
  CONSTRAINT pk_gl_account PRIMARY KEY (account, gl_account),
  CONSTRAINT ck_gl_account_status CHECK (status IN ('open', 'closed')),
  CONSTRAINT ck_gl_account_requires_donor CHECK (requires_donor IN (0, 1)),
  CONSTRAINT ck_gl_account_requires_appeal CHECK (requires_appeal IN (0, 1))
);

-- Catalog: tax codes that payments may name.
CREATE TABLE tax_code (
  account TEXT NOT NULL,
  tax_code TEXT NOT NULL,
  name TEXT NOT NULL,
  CONSTRAINT pk_tax_code PRIMARY KEY (account, tax_code)
);

-- Catalog: who gives.
CREATE TABLE donor (
  account TEXT NOT NULL,
  donor_number TEXT NOT NULL,
  name TEXT NOT NULL,
  CONSTRAINT pk_donor PRIMARY KEY (account, donor_number)
);

-- Catalog: what a donor pledged, with the sum where one was promised; replaced at each import that
-- lists them.
CREATE TABLE donor_pledge (
  account TEXT NOT NULL,
  donor_number TEXT NOT NULL,
  pledge_number TEXT NOT NULL,
  promised BIGINT,
  CONSTRAINT pk_donor_pledge PRIMARY KEY (account, donor_number, pledge_number),
  CONSTRAINT ck_donor_pledge_promised CHECK (promised > 0)
);

-- Catalog: the appeals that a donor answers; replaced in the same way.
CREATE TABLE donor_appeal (
  account TEXT NOT NULL,
  donor_number TEXT NOT NULL,
  appeal_code TEXT NOT NULL,
  CONSTRAINT pk_donor_appeal PRIMARY KEY (account, donor_number, appeal_code)
);

-- This ledger's own id; append-only. It goes wherever the ledger is copied to.
CREATE TABLE ledger (
  ledger_no BIGINT NOT NULL,
  ledger_id TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  CONSTRAINT pk_ledger PRIMARY KEY (ledger_no),
  CONSTRAINT ck_ledger_ledger_no CHECK (ledger_no = 1)
);

-- Who accepted a clock that was behind the books, when and why; append-only.
CREATE TABLE clock_acceptance (
  account TEXT NOT NULL,
  sealed_at BIGINT NOT NULL,
  clock_at BIGINT NOT NULL,
  accepted_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  CONSTRAINT pk_clock_acceptance PRIMARY KEY (account, sealed_at, clock_at),
  CONSTRAINT ck_clock_acceptance_clock_at CHECK (clock_at < sealed_at)
);

-- One row for each batch: what it holds, hashed and chained to the batch before; append-only.
CREATE TABLE seal (
  account TEXT NOT NULL,
  batch_no BIGINT NOT NULL,
  event TEXT NOT NULL,
  upload_id TEXT,
  sealed_at BIGINT NOT NULL,
  rows_sealed BIGINT NOT NULL,
  amount_posted BIGINT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  version BIGINT DEFAULT 3 NOT NULL,
  CONSTRAINT pk_seal PRIMARY KEY (account, batch_no)
);

-- The chunks that each batch was sealed in: which rows of which table, and their digest;
-- append-only.
CREATE TABLE chunk (
  account TEXT NOT NULL,
  batch_no BIGINT NOT NULL,
  table_name TEXT NOT NULL,
  first_row BIGINT NOT NULL,
  row_count BIGINT NOT NULL,
  layout BIGINT NOT NULL,
  digest TEXT NOT NULL,
  CONSTRAINT pk_chunk PRIMARY KEY (account, batch_no, table_name, first_row),
  CONSTRAINT ck_chunk_row_count CHECK (row_count > 0)
);

-- The leaves of each account's tree: one hash for each batch; append-only.
CREATE TABLE leaf (
  account TEXT NOT NULL,
  batch_no BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  CONSTRAINT pk_leaf PRIMARY KEY (account, batch_no),
  CONSTRAINT ck_leaf_hash CHECK (LENGTH(hash) = 32)
);

-- What was signed: the note over the tree of `size` batches, as it left the house, and in JSON how
-- it continues the tree of the receipt before, where it went out with a receipt; append-only.
CREATE TABLE checkpoint (
  account TEXT NOT NULL,
  origin_no BIGINT NOT NULL,
  size BIGINT NOT NULL,
  note TEXT NOT NULL,
  continues TEXT,
  CONSTRAINT pk_checkpoint PRIMARY KEY (account, origin_no, size)
);

-- Where a tree began anew, over books that did not continue what was signed: what was signed last,
-- who said that these books stay, and why; append-only.
CREATE TABLE resumption (
  account TEXT NOT NULL,
  origin_no BIGINT NOT NULL,
  batch_no BIGINT NOT NULL,
  lost_origin TEXT,
  lost_size BIGINT,
  lost_root TEXT,
  resumed_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  CONSTRAINT pk_resumption PRIMARY KEY (account, origin_no)
);

-- Checkpoints that the witness has not got yet.
CREATE TABLE witness_outbox (
  account TEXT NOT NULL,
  origin_no BIGINT NOT NULL,
  size BIGINT NOT NULL,
  CONSTRAINT pk_witness_outbox PRIMARY KEY (account, origin_no, size)
);

-- Where each account's books end: the last batch and the last numbers; the tree over all batches
-- as its `frontier`, up to where it was signed and under which origin, up to where the log tells of
-- it, and what the tree was before the batch of the last receipt. Its row is the lock that makes
-- one writer at a time.
CREATE TABLE seal_head (
  account TEXT NOT NULL,
  batch_no BIGINT DEFAULT 0 NOT NULL,
  hash TEXT NOT NULL,
  codes BIGINT DEFAULT 0 NOT NULL,
  sealed_at BIGINT DEFAULT 0 NOT NULL,
  charges BIGINT DEFAULT 0 NOT NULL,
  postings BIGINT DEFAULT 0 NOT NULL,
  parties BIGINT DEFAULT 0 NOT NULL,
  refunds BIGINT DEFAULT 0 NOT NULL,
  payments BIGINT DEFAULT 0 NOT NULL,
  allocations BIGINT DEFAULT 0 NOT NULL,
  frontier BYTEA,
  origin_name TEXT,
  origin_no BIGINT DEFAULT 1 NOT NULL,
  signed_size BIGINT DEFAULT 0 NOT NULL,
  told_size BIGINT DEFAULT 0 NOT NULL,
  receipt_size BIGINT DEFAULT 0 NOT NULL,
  receipt_frontier BYTEA,
  CONSTRAINT pk_seal_head PRIMARY KEY (account)
);

-- Who made an entry by hand and why, one for each batch that a command wrote; append-only. `source`
-- is the place of sale that it named. A file's batch has its upload in place of it.
CREATE TABLE entry (
  account TEXT NOT NULL,
  batch_no BIGINT NOT NULL,
  command TEXT NOT NULL,
  entered_by TEXT NOT NULL,
  reason TEXT,
  source TEXT,
  CONSTRAINT pk_entry PRIMARY KEY (account, batch_no)
);

-- What an import made of a row of a catalog, as JSON, and NULL where the row went; append-only.
CREATE TABLE catalog_fact (
  account TEXT NOT NULL,
  batch_no BIGINT NOT NULL,
  kind TEXT NOT NULL,
  row_key TEXT NOT NULL,
  columns TEXT,
  CONSTRAINT pk_catalog_fact PRIMARY KEY (account, batch_no, kind, row_key)
);
CREATE INDEX ix_catalog_fact_kind ON catalog_fact (account, kind, row_key, batch_no);

-- A student that went from one family to another, with what was open and what waited of the
-- student's own in fees on that day; append-only.
CREATE TABLE family_change (
  account TEXT NOT NULL,
  batch_no BIGINT NOT NULL,
  party_no BIGINT NOT NULL,
  old_parent_code TEXT,
  new_parent_code TEXT,
  effective_on BIGINT NOT NULL,
  open_amount BIGINT NOT NULL,
  waiting_amount BIGINT NOT NULL,
  CONSTRAINT pk_family_change PRIMARY KEY (account, batch_no, party_no)
);
CREATE INDEX ix_family_change_party_no ON family_change (account, party_no);

-- Who owes or is owed, under one number for ever; append-only.
CREATE TABLE party (
  account TEXT NOT NULL,
  party_no BIGINT NOT NULL,
  kind TEXT NOT NULL,
  party_code TEXT NOT NULL,
  batch_no BIGINT NOT NULL,
  CONSTRAINT pk_party PRIMARY KEY (account, party_no),
  CONSTRAINT uq_party_code UNIQUE (account, kind, party_code),
  CONSTRAINT ck_party_kind CHECK (kind IN ('student', 'parent', 'guest', 'anonymous'))
);

-- How a guest is called and reached; append-only.
CREATE TABLE guest (
  account TEXT NOT NULL,
  party_no BIGINT NOT NULL,
  name TEXT NOT NULL,
  email TEXT,
  phone TEXT,
  address TEXT,
  batch_no BIGINT NOT NULL,
  CONSTRAINT pk_guest PRIMARY KEY (account, party_no)
);

-- Which number stands for which billing code in the lines of the books; append-only. A number that
-- was swapped for another would change what was sold, so it is a fact like the charges.
CREATE TABLE code (
  account TEXT NOT NULL,
  code_no BIGINT NOT NULL,
  code TEXT NOT NULL,
  batch_no BIGINT NOT NULL,
  CONSTRAINT pk_code PRIMARY KEY (account, code_no),
  CONSTRAINT uq_code_code UNIQUE (account, code)
);

-- What was sold, and what was paid out, which is owed back when the money for it bounces;
-- append-only. Amounts in minor units, tax included, in the order of arrival.
CREATE TABLE charge (
  account TEXT NOT NULL,
  charge_no BIGINT NOT NULL,
  tracking_id TEXT NOT NULL,
  content_hash BYTEA NOT NULL,
  party_no BIGINT NOT NULL,
  receivable_account BIGINT NOT NULL,
  product_no BIGINT NOT NULL,
  amount BIGINT NOT NULL,
  tax BIGINT DEFAULT 0 NOT NULL,
  note TEXT,
  occurred_at BIGINT NOT NULL,
  effective_on BIGINT NOT NULL,
  batch_no BIGINT NOT NULL,
  row BIGINT,
  CONSTRAINT pk_charge PRIMARY KEY (account, charge_no),
  CONSTRAINT ck_charge_receivable_account
    CHECK (receivable_account IN (1100, 1110, 1120, 1130)),
  CONSTRAINT ck_charge_content_hash CHECK (LENGTH(content_hash) = 16),
  CONSTRAINT ck_charge_amount CHECK (amount >= 0),
  CONSTRAINT ck_charge_tax CHECK (tax BETWEEN 0 AND amount)
);

-- The keys of charges: a tracking id is one charge's for ever; append-only.
CREATE TABLE charge_key (
  account TEXT NOT NULL,
  tracking_id TEXT NOT NULL,
  charge_no BIGINT NOT NULL,
  CONSTRAINT pk_charge_key PRIMARY KEY (account, tracking_id)
);

-- Under which tax code a charge's tax is due; append-only.
CREATE TABLE charge_tax (
  account TEXT NOT NULL,
  charge_no BIGINT NOT NULL,
  tax_code TEXT NOT NULL,
  batch_no BIGINT NOT NULL,
  CONSTRAINT pk_charge_tax PRIMARY KEY (account, charge_no)
);

-- Charges taken back, whole or in part; append-only. `tax` is the tax in it, `paid_to` where what
-- had been paid of it went: to the wallet, or out as cash, check or ach.
CREATE TABLE refund (
  account TEXT NOT NULL,
  refund_no BIGINT NOT NULL,
  charge_no BIGINT NOT NULL,
  amount BIGINT DEFAULT 0 NOT NULL,
  tax BIGINT DEFAULT 0 NOT NULL,
  paid_to TEXT DEFAULT 'wallet' NOT NULL,
  refund_key TEXT,
  content_hash BYTEA NOT NULL,
  tx_item_rowid TEXT,
  note TEXT,
  effective_on BIGINT NOT NULL,
  batch_no BIGINT NOT NULL,
  row BIGINT,
  CONSTRAINT pk_refund PRIMARY KEY (account, refund_no),
  CONSTRAINT uq_refund_refund_key UNIQUE (account, refund_key),
  CONSTRAINT ck_refund_amount CHECK (amount >= 0),
  CONSTRAINT ck_refund_tax CHECK (tax BETWEEN 0 AND amount),
  CONSTRAINT ck_refund_paid_to CHECK (paid_to IN ('wallet', 'cash', 'check', 'ach'))
);
CREATE INDEX ix_refund_charge_no ON refund (account, charge_no);

-- What of a charge, or of a payout that is owed back, nobody expects any more; append-only.
CREATE TABLE write_off (
  account TEXT NOT NULL,
  batch_no BIGINT NOT NULL,
  charge_no BIGINT NOT NULL,
  amount BIGINT NOT NULL,
  tax BIGINT NOT NULL,
  write_off_key TEXT,
  content_hash BYTEA NOT NULL,
  effective_on BIGINT NOT NULL,
  CONSTRAINT pk_write_off PRIMARY KEY (account, batch_no),
  CONSTRAINT uq_write_off_write_off_key UNIQUE (account, write_off_key),
  CONSTRAINT ck_write_off_amount CHECK (amount > 0),
  CONSTRAINT ck_write_off_tax CHECK (tax BETWEEN 0 AND amount)
);
CREATE INDEX ix_write_off_charge_no ON write_off (account, charge_no);

-- Waiting credit that went from one party or use to another; append-only. One that belongs to a
-- payout or a sale has no id of its own.
CREATE TABLE transfer (
  account TEXT NOT NULL,
  batch_no BIGINT NOT NULL,
  transfer_id TEXT,
  content_hash BYTEA NOT NULL,
  from_party_no BIGINT NOT NULL,
  from_account BIGINT NOT NULL,
  to_party_no BIGINT NOT NULL,
  to_account BIGINT NOT NULL,
  amount BIGINT NOT NULL,
  for_charge_no BIGINT,
  effective_on BIGINT NOT NULL,
  CONSTRAINT pk_transfer PRIMARY KEY (account, batch_no),
  CONSTRAINT uq_transfer_transfer_id UNIQUE (account, transfer_id),
  CONSTRAINT ck_transfer_amount CHECK (amount > 0)
);

-- What a payout says beside its charge, whose key is its id: whence the money came, and how and to
-- whom it went; append-only.
CREATE TABLE payout (
  account TEXT NOT NULL,
  charge_no BIGINT NOT NULL,
  from_account BIGINT NOT NULL,
  method TEXT NOT NULL,
  payee TEXT,
  reference TEXT,
  refund_no BIGINT,
  batch_no BIGINT NOT NULL,
  CONSTRAINT pk_payout PRIMARY KEY (account, charge_no),
  CONSTRAINT ck_payout_from_account CHECK (from_account IN (2000, 2010, 2310, 2320)),
  CONSTRAINT ck_payout_method CHECK (method IN ('cash', 'check', 'ach'))
);
CREATE INDEX ix_payout_refund_no ON payout (account, refund_no) WHERE refund_no IS NOT NULL;

-- What became of a payout: cleared, voided or both; append-only.
CREATE TABLE payout_event (
  account TEXT NOT NULL,
  charge_no BIGINT NOT NULL,
  event TEXT NOT NULL,
  effective_on BIGINT NOT NULL,
  batch_no BIGINT NOT NULL,
  CONSTRAINT pk_payout_event PRIMARY KEY (account, charge_no, event),
  CONSTRAINT ck_payout_event_event CHECK (event IN ('cleared', 'voided'))
);
CREATE INDEX ix_payout_event_batch_no ON payout_event (account, batch_no);

-- Cash that was brought to the bank; append-only.
CREATE TABLE cash_deposit (
  account TEXT NOT NULL,
  batch_no BIGINT NOT NULL,
  deposit_id TEXT NOT NULL,
  content_hash BYTEA NOT NULL,
  amount BIGINT NOT NULL,
  reference TEXT,
  effective_on BIGINT NOT NULL,
  CONSTRAINT pk_cash_deposit PRIMARY KEY (account, batch_no),
  CONSTRAINT uq_cash_deposit_deposit_id UNIQUE (account, deposit_id),
  CONSTRAINT ck_cash_deposit_amount CHECK (amount > 0)
);

-- Settlement batches of merchants that were confirmed whole, and what they came to; append-only.
CREATE TABLE batch_confirmed (
  account TEXT NOT NULL,
  batch_num TEXT NOT NULL,
  merchant_id TEXT NOT NULL,
  total BIGINT NOT NULL,
  effective_on BIGINT NOT NULL,
  batch_no BIGINT NOT NULL,
  CONSTRAINT pk_batch_confirmed PRIMARY KEY (account, batch_num, merchant_id)
);
CREATE INDEX ix_batch_confirmed_batch_no ON batch_confirmed (account, batch_no);

-- What was paid, pending until an event settles it; append-only.
CREATE TABLE payment (
  account TEXT NOT NULL,
  payment_no BIGINT NOT NULL,
  payment_id TEXT NOT NULL,
  content_hash BYTEA NOT NULL,
  kind TEXT NOT NULL,
  party_no BIGINT NOT NULL,
  amount BIGINT NOT NULL,
  submitted_at BIGINT NOT NULL,
  received_on BIGINT NOT NULL,
  merchant_id TEXT,
  batch_num TEXT,
  receipt_num TEXT,
  for_charge_no BIGINT,
  comment TEXT,
  batch_no BIGINT NOT NULL,
  row BIGINT,
  CONSTRAINT pk_payment PRIMARY KEY (account, payment_no),
  CONSTRAINT uq_payment_payment_id UNIQUE (account, payment_id),
  CONSTRAINT ck_payment_amount CHECK (amount > 0)
);
CREATE INDEX ix_payment_batch_no ON payment (account, batch_no);
CREATE INDEX ix_payment_batch_num ON payment (account, batch_num, merchant_id);
CREATE INDEX ix_payment_party_no ON payment (account, party_no);

-- What else a payment's file said of it: who paid, what for, under which numbers; append-only.
CREATE TABLE payment_detail (
  account TEXT NOT NULL,
  payment_no BIGINT NOT NULL,
  received_from TEXT,
  address_1 TEXT,
  address_2 TEXT,
  address_3 TEXT,
  town TEXT,
  state TEXT,
  postcode TEXT,
  country TEXT,
  comment TEXT,
  gl_account TEXT,
  tax_code TEXT,
  nett BIGINT,
  tax BIGINT,
  donor_number TEXT,
  appeal_code TEXT,
  pledge_number TEXT,
  par_code TEXT,
  student_code TEXT,
  receipt_type TEXT,
  batch_no BIGINT NOT NULL,
  CONSTRAINT pk_payment_detail PRIMARY KEY (account, payment_no)
);

-- What each part of a payment is for; append-only.
CREATE TABLE payment_part (
  account TEXT NOT NULL,
  payment_no BIGINT NOT NULL,
  part_no BIGINT NOT NULL,
  kind TEXT NOT NULL,
  amount BIGINT NOT NULL,
  party_no BIGINT,
  gl_account TEXT,
  tax_code TEXT,
  batch_no BIGINT NOT NULL,
  CONSTRAINT pk_payment_part PRIMARY KEY (account, payment_no, part_no),
  CONSTRAINT ck_payment_part_amount CHECK (amount > 0),
  CONSTRAINT ck_payment_part_kind
    CHECK (kind IN ('fee', 'discount', 'wallet', 'building', 'other', 'tax', 'gl', 'deposit',
      'advance'))
);

-- What became of a payment: settled, returned or voided; append-only.
CREATE TABLE payment_event (
  account TEXT NOT NULL,
  payment_no BIGINT NOT NULL,
  event TEXT NOT NULL,
  effective_on BIGINT NOT NULL,
  reason TEXT,
  batch_no BIGINT NOT NULL,
  CONSTRAINT pk_payment_event PRIMARY KEY (account, payment_no, event),
  CONSTRAINT ck_payment_event_event CHECK (event IN ('settled', 'returned', 'voided'))
);
CREATE INDEX ix_payment_event_batch_no ON payment_event (account, batch_no);

-- Which payment pays which charge, how much of that is tax, and what was undone of it; append-only.
-- Its lines in the books are one after the other, from `posting_no` on.
CREATE TABLE allocation (
  account TEXT NOT NULL,
  allocation_no BIGINT NOT NULL,
  payment_no BIGINT NOT NULL,
  credit_account BIGINT NOT NULL,
  party_no BIGINT NOT NULL,
  charge_no BIGINT NOT NULL,
  amount BIGINT NOT NULL,
  tax BIGINT DEFAULT 0 NOT NULL,
  rule TEXT NOT NULL,
  effective_on BIGINT NOT NULL,
  batch_no BIGINT NOT NULL,
  posting_no BIGINT DEFAULT 0 NOT NULL,
  reverses_allocation_no BIGINT,
  CONSTRAINT pk_allocation PRIMARY KEY (account, allocation_no),
  CONSTRAINT uq_allocation_reverses_allocation_no UNIQUE (account, reverses_allocation_no),
  CONSTRAINT ck_allocation_amount CHECK (amount > 0),
  CONSTRAINT ck_allocation_tax CHECK (tax BETWEEN 0 AND amount)
);
CREATE INDEX ix_allocation_charge_no ON allocation (account, charge_no);
CREATE INDEX ix_allocation_payment_no ON allocation (account, payment_no);

-- The lines of the books; append-only. What is undone is a line that reverses another.
CREATE TABLE posting (
  account TEXT NOT NULL,
  posting_no BIGINT NOT NULL,
  batch_no BIGINT NOT NULL,
  event TEXT NOT NULL,
  effective_on BIGINT NOT NULL,
  debit_account BIGINT NOT NULL,
  credit_account BIGINT NOT NULL,
  amount BIGINT NOT NULL,
  debit_party_no BIGINT,
  credit_party_no BIGINT,
  charge_no BIGINT,
  payment_no BIGINT,
  product_no BIGINT,
  reverses_posting_no BIGINT,
  CONSTRAINT pk_posting PRIMARY KEY (account, posting_no),
  CONSTRAINT ck_posting_amount CHECK (amount > 0),
  CONSTRAINT ck_posting_two_accounts CHECK (debit_account <> credit_account)
);
-- The posting of a charge itself needs no index: files of a million rows are spared it.
CREATE INDEX ix_posting_charge_no ON posting (account, charge_no) WHERE event <> 'charge';
CREATE INDEX ix_posting_payment_no ON posting (account, payment_no) WHERE payment_no IS NOT NULL;
-- By it a family's statement is found: what came to its credit, and what was taken from what it
-- owes. The posting of a charge credits nobody, and so costs a file nothing here either.
CREATE INDEX ix_posting_credit_party_no ON posting (account, credit_party_no)
  WHERE credit_party_no IS NOT NULL;

-- Months that are closed; append-only.
CREATE TABLE period_close (
  account TEXT NOT NULL,
  month TEXT NOT NULL,
  batch_no BIGINT NOT NULL,
  CONSTRAINT pk_period_close PRIMARY KEY (account, month)
);

-- What became of each upload; append-only. `location` is the place of sale that its name tells.
CREATE TABLE file_outcome (
  account TEXT NOT NULL,
  upload_id TEXT NOT NULL,
  batch_no BIGINT NOT NULL,
  filename TEXT NOT NULL,
  format TEXT,
  source TEXT NOT NULL,
  sha256 TEXT,
  size_bytes BIGINT NOT NULL,
  received_at BIGINT NOT NULL,
  finished_at BIGINT NOT NULL,
  peer TEXT,
  session_id TEXT,
  key_fingerprint TEXT,
  client_version TEXT,
  sent_by TEXT,
  node TEXT NOT NULL,
  location TEXT,
  status TEXT NOT NULL,
  records BIGINT,
  applied BIGINT,
  duplicate BIGINT,
  conflict BIGINT,
  rejected BIGINT,
  applied_amount BIGINT NOT NULL,
  findings BIGINT NOT NULL,
  CONSTRAINT pk_file_outcome PRIMARY KEY (account, upload_id),
  CONSTRAINT ck_file_outcome_status
    CHECK (status IN ('processed', 'processed_with_findings', 'rejected', 'interrupted')),
  CONSTRAINT ck_file_outcome_counts CHECK (records = applied + duplicate + conflict + rejected)
);
CREATE INDEX ix_file_outcome_sha256 ON file_outcome (account, sha256);

-- What became of the rows that were not applied, in runs; append-only. A run is `row_count` rows
-- one after the other, on lines one after the other; what they repeat has numbers one after the
-- other, from `charge_no` or `payment_no` on, and was written by one batch.
CREATE TABLE row_outcome (
  account TEXT NOT NULL,
  upload_id TEXT NOT NULL,
  row BIGINT NOT NULL,
  row_count BIGINT NOT NULL,
  line BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  earlier_batch_no BIGINT,
  charge_no BIGINT,
  payment_no BIGINT,
  CONSTRAINT pk_row_outcome PRIMARY KEY (account, upload_id, row),
  CONSTRAINT ck_row_outcome_outcome CHECK (outcome IN ('duplicate', 'conflict', 'rejected')),
  CONSTRAINT ck_row_outcome_row_count CHECK (row_count > 0)
);

-- What was wrong with a file or a row, as its receipt tells it; append-only.
CREATE TABLE finding (
  account TEXT NOT NULL,
  upload_id TEXT NOT NULL,
  finding_no BIGINT NOT NULL,
  code TEXT NOT NULL,
  verdict TEXT NOT NULL,
  row BIGINT,
  line BIGINT,
  column_name TEXT,
  value TEXT,
  message TEXT NOT NULL,
  row_key TEXT,
  party_code TEXT,
  CONSTRAINT pk_finding PRIMARY KEY (account, upload_id, finding_no),
  CONSTRAINT ck_finding_verdict CHECK (verdict IN ('file', 'row', 'warning'))
);

-- Projection: what of a charge was paid, taken back or written off. A charge that nothing happened
-- to has none.
CREATE TABLE charge_state (
  account TEXT NOT NULL,
  charge_no BIGINT NOT NULL,
  amount BIGINT NOT NULL,
  allocated BIGINT NOT NULL,
  voided BIGINT NOT NULL,
  written_off BIGINT DEFAULT 0 NOT NULL,
  open_on BIGINT DEFAULT 0 NOT NULL,
  CONSTRAINT pk_charge_state PRIMARY KEY (account, charge_no),
  CONSTRAINT ck_charge_state_allocated CHECK (allocated >= 0),
  CONSTRAINT ck_charge_state_voided CHECK (voided >= 0),
  CONSTRAINT ck_charge_state_written_off CHECK (written_off >= 0),
  CONSTRAINT ck_charge_state_open CHECK (allocated + voided + written_off <= amount)
);

-- Projection: what is left of each payment's credit.
CREATE TABLE credit_lot (
  account TEXT NOT NULL,
  payment_no BIGINT NOT NULL,
  credit_account BIGINT NOT NULL,
  party_no BIGINT NOT NULL,
  settled_batch_no BIGINT NOT NULL,
  available_on BIGINT NOT NULL,
  remaining BIGINT NOT NULL,
  CONSTRAINT pk_credit_lot PRIMARY KEY (account, payment_no, credit_account, party_no),
  CONSTRAINT ck_credit_lot_remaining CHECK (remaining >= 0)
);
-- Deposits (2310) and advances (2320) pay nothing by themselves.
CREATE INDEX ix_credit_lot_party_no ON credit_lot (account, party_no)
  WHERE remaining > 0 AND credit_account < 2300;
CREATE INDEX ix_credit_lot_held ON credit_lot (account, party_no)
  WHERE remaining > 0 AND credit_account >= 2300;

-- Projection: what is left to pay, each party's in the order in which money pays it.
CREATE TABLE open_charge (
  account TEXT NOT NULL,
  party_no BIGINT NOT NULL,
  credit_account BIGINT NOT NULL,
  occurred_at BIGINT NOT NULL,
  sort BIGINT NOT NULL,
  charge_no BIGINT NOT NULL,
  amount BIGINT NOT NULL,
  CONSTRAINT pk_open_charge
    PRIMARY KEY (account, party_no, credit_account, occurred_at, sort, charge_no),
  CONSTRAINT ck_open_charge_amount CHECK (amount > 0)
);

-- Projection: each batch's sums by day, accounts and product.
CREATE TABLE batch_total (
  account TEXT NOT NULL,
  batch_no BIGINT NOT NULL,
  effective_on BIGINT NOT NULL,
  debit_account BIGINT NOT NULL,
  credit_account BIGINT NOT NULL,
  product_no BIGINT NOT NULL,
  postings BIGINT NOT NULL,
  amount BIGINT NOT NULL,
  CONSTRAINT pk_batch_total
    PRIMARY KEY (account, batch_no, effective_on, debit_account, credit_account, product_no),
  CONSTRAINT ck_batch_total_amount CHECK (amount > 0)
);
-- What cash there is (1060) is asked for before any is given back.
CREATE INDEX ix_batch_total_cash ON batch_total (account)
  WHERE debit_account = 1060 OR credit_account = 1060;

-- Projection: each party's balance, as customers' credit less what they owe.
CREATE TABLE party_balance (
  account TEXT NOT NULL,
  party_no BIGINT NOT NULL,
  credit_account BIGINT NOT NULL,
  postings BIGINT NOT NULL,
  balance BIGINT NOT NULL,
  CONSTRAINT pk_party_balance PRIMARY KEY (account, party_no, credit_account)
);

-- View: what stands of each charge. On which receivable, which credit pays it, its product's sort,
-- what was paid, taken back or written off of it, what is open.
CREATE VIEW charge_standing AS
SELECT c.account, c.charge_no, c.tracking_id, c.party_no, c.product_no, k.code AS billing_code,
  c.amount, c.tax, c.note, c.occurred_at, c.effective_on, c.batch_no, c.row,
  COALESCE(r.sort, 0) AS sort, c.receivable_account,
  CASE WHEN c.receivable_account IN (1110, 1130) THEN 'WALLET' ELSE 'LIABILITY' END
    AS account_type,
  CASE WHEN c.receivable_account IN (1110, 1130) THEN 2000 ELSE 2010 END AS credit_account,
  CASE WHEN c.receivable_account IN (1120, 1130) THEN 1 ELSE 0 END AS is_payout,
  COALESCE(t.allocated, 0) AS allocated, COALESCE(t.voided, 0) AS voided,
  COALESCE(t.written_off, 0) AS written_off,
  c.amount - COALESCE(t.allocated, 0) - COALESCE(t.voided, 0) - COALESCE(t.written_off, 0)
    AS open_amount,
  COALESCE(t.open_on, 0) AS open_on
FROM charge c
  LEFT JOIN charge_state t ON t.account = c.account AND t.charge_no = c.charge_no
  LEFT JOIN code k ON k.account = c.account AND k.code_no = c.product_no
  LEFT JOIN product r ON r.account = k.account AND r.billing_code = k.code;

-- View: allocations that pay their charge still: nothing has undone them, and they undo nothing.
CREATE VIEW live_allocation AS
SELECT a.account, a.allocation_no, a.payment_no, a.credit_account, a.party_no, a.charge_no,
  a.amount, a.tax, a.rule, a.effective_on, a.batch_no, a.posting_no
FROM allocation a
WHERE a.reverses_allocation_no IS NULL
  AND NOT EXISTS (SELECT 1 FROM allocation r
    WHERE r.account = a.account AND r.reverses_allocation_no = a.allocation_no);

-- View: each posting from both its sides, in one walk: what came to its credit, and, as less than
-- nothing, what its debit took. The cast lets SQLite make an index of parties where it wants one.
CREATE VIEW posting_side AS
SELECT p.account, p.posting_no, p.batch_no, p.effective_on, p.payment_no,
  CASE s.sign WHEN 1 THEN p.credit_account ELSE p.debit_account END AS ledger_account,
  CAST(CASE s.sign WHEN 1 THEN p.credit_party_no ELSE p.debit_party_no END AS BIGINT) AS party_no,
  s.sign * p.amount AS amount
FROM posting p
  CROSS JOIN (SELECT 1 AS sign UNION ALL SELECT -1) s;

-- View: what postings do to balances, on the accounts that make up a balance. A balance goes by its
-- credit account: fees 2010, a wallet 2000, deposits 2310, advances 2320.
CREATE VIEW balance_move AS
SELECT x.account, x.posting_no, x.batch_no, x.effective_on, x.party_no,
  CASE WHEN x.ledger_account IN (1110, 1130, 2000) THEN 2000
       WHEN x.ledger_account IN (2310, 2320) THEN x.ledger_account ELSE 2010 END
    AS credit_account,
  x.amount
FROM posting_side x
WHERE x.party_no IS NOT NULL
  AND x.ledger_account IN (1100, 1110, 1120, 1130, 2000, 2010, 2015, 2310, 2320);

-- View: the family of each party, by its parent's code; NULL for a party that is its own family.
CREATE VIEW party_family AS
SELECT y.account, y.party_no, y.kind, y.party_code,
  CASE y.kind WHEN 'parent' THEN y.party_code WHEN 'student' THEN st.parent_code END
    AS parent_code
FROM party y
  LEFT JOIN student st
    ON st.account = y.account AND st.student_id = y.party_code AND y.kind = 'student';

-- View: what postings do to credit lots. A payment's money comes to a party's credit on the credit
-- side of a lot's account, and leaves it on the debit side.
CREATE VIEW lot_move AS
SELECT x.account, x.posting_no, x.batch_no, x.effective_on, x.payment_no,
  x.ledger_account AS credit_account, x.party_no, x.amount
FROM posting_side x
WHERE x.payment_no IS NOT NULL AND x.ledger_account IN (2000, 2010, 2015, 2310, 2320);

-- View: credit that waits, looked up by its party: what pays by itself, and deposits (2310) and
-- advances (2320), which wait to be used.
CREATE VIEW waiting_lot AS
SELECT l.account, l.party_no, l.payment_no, l.credit_account, l.settled_batch_no, l.available_on,
  l.remaining
FROM credit_lot l /* sqlite: INDEXED BY ix_credit_lot_party_no */
WHERE l.remaining > 0 AND l.credit_account < 2300
UNION ALL
SELECT l.account, l.party_no, l.payment_no, l.credit_account, l.settled_batch_no, l.available_on,
  l.remaining
FROM credit_lot l /* sqlite: INDEXED BY ix_credit_lot_held */
WHERE l.remaining > 0 AND l.credit_account >= 2300;

-- View: what postings do to charges. A charge leaves its receivable (1100, 1110; a payout's 1120,
-- 1130) as paid, to a customer's credit (2000, 2010, 2015); as written off; or as voided, back out
-- of what it had put there. What was undone came back, and counts against it.
CREATE VIEW charge_move AS
SELECT x.account, x.posting_no, x.batch_no, x.effective_on, x.charge_no,
  CASE WHEN x.other_account IN (2000, 2010, 2015) THEN x.amount ELSE 0 END AS paid,
  CASE WHEN x.other_account IN (2000, 2010, 2015, 4950) OR x.event = 'write_off' THEN 0
       ELSE x.amount END AS voided,
  CASE WHEN x.other_account = 4950 OR x.event = 'write_off' THEN x.amount ELSE 0 END
    AS written_off
FROM (
  SELECT p.account, p.posting_no, p.batch_no, p.event, p.effective_on, p.charge_no,
    CASE WHEN p.credit_account IN (1100, 1110, 1120, 1130) THEN p.debit_account
         ELSE p.credit_account END AS other_account,
    CASE WHEN p.credit_account IN (1100, 1110, 1120, 1130) THEN p.amount ELSE -p.amount END
      AS amount
  FROM posting p
  WHERE p.charge_no IS NOT NULL AND p.event <> 'charge'
    AND (p.credit_account IN (1100, 1110, 1120, 1130)
      OR (p.debit_account IN (1100, 1110, 1120, 1130)
        AND p.credit_account IN (2000, 2010, 2015, 4950)))
) x;

-- View: the place of sale that each batch came from: the one that its command named, or its file's
-- name tells; an empty text for none.
CREATE VIEW batch_source AS
SELECT b.account, b.batch_no, COALESCE(n.source, f.location, '') AS source
FROM seal b
  LEFT JOIN file_outcome f ON f.account = b.account AND f.upload_id = b.upload_id
  LEFT JOIN entry n ON n.account = b.account AND n.batch_no = b.batch_no;

-- View: postings as they are shown, with when they were known and the codes of what they are about.
CREATE VIEW posting_line AS
SELECT p.account, p.posting_no, p.batch_no, p.event, p.effective_on, p.debit_account,
  p.credit_account, p.amount, p.charge_no, p.payment_no, x.code AS billing_code,
  p.reverses_posting_no,
  b.sealed_at, d.party_code AS debit_party, k.party_code AS credit_party, c.tracking_id,
  m.payment_id
FROM posting p
  JOIN seal b ON b.account = p.account AND b.batch_no = p.batch_no
  LEFT JOIN party d ON d.account = p.account AND d.party_no = p.debit_party_no
  LEFT JOIN party k ON k.account = p.account AND k.party_no = p.credit_party_no
  LEFT JOIN charge c ON c.account = p.account AND c.charge_no = p.charge_no
  LEFT JOIN code x ON x.account = p.account AND x.code_no = p.product_no
  LEFT JOIN payment m ON m.account = p.account AND m.payment_no = p.payment_no;

-- View: charges for people who look into the database: names, codes and days in place of numbers,
-- and the file and row of each. The views in the plural are for reading; no program uses them.
CREATE VIEW charges AS
SELECT c.account, c.tracking_id, y.party_code AS party, y.kind AS party_kind, c.account_type,
  c.billing_code, c.amount, c.tax, c.allocated AS paid, c.voided, c.written_off, c.open_amount,
  c.note,
  TO_CHAR(TO_TIMESTAMP(c.occurred_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    AS occurred_at,
  SUBSTR(CAST(c.effective_on AS TEXT), 1, 4) || '-' || SUBSTR(CAST(c.effective_on AS TEXT), 5, 2)
    || '-' || SUBSTR(CAST(c.effective_on AS TEXT), 7, 2) AS effective_on,
  c.batch_no, b.event, b.upload_id, f.filename, c.row
FROM charge_standing c
  JOIN party y ON y.account = c.account AND y.party_no = c.party_no
  JOIN seal b ON b.account = c.account AND b.batch_no = c.batch_no
  LEFT JOIN file_outcome f ON f.account = b.account AND f.upload_id = b.upload_id;

-- View: payments for people, with what has become of each.
CREATE VIEW payments AS
SELECT p.account, p.payment_id, y.party_code AS payer, y.kind AS payer_kind, p.kind, p.amount,
  TO_CHAR(TO_TIMESTAMP(p.submitted_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    AS submitted_at,
  SUBSTR(CAST(p.received_on AS TEXT), 1, 4) || '-' || SUBSTR(CAST(p.received_on AS TEXT), 5, 2)
    || '-' || SUBSTR(CAST(p.received_on AS TEXT), 7, 2) AS received_on,
  CASE WHEN v.event IS NOT NULL THEN 'voided' WHEN r.event IS NOT NULL THEN 'returned'
       WHEN s.event IS NOT NULL THEN 'settled' ELSE 'pending' END AS status,
  p.merchant_id, p.batch_num, p.receipt_num, c.tracking_id AS for_tracking_id, p.comment,
  p.batch_no, b.upload_id, f.filename, p.row
FROM payment p
  JOIN party y ON y.account = p.account AND y.party_no = p.party_no
  JOIN seal b ON b.account = p.account AND b.batch_no = p.batch_no
  LEFT JOIN file_outcome f ON f.account = b.account AND f.upload_id = b.upload_id
  LEFT JOIN charge c ON c.account = p.account AND c.charge_no = p.for_charge_no
  LEFT JOIN payment_event s
    ON s.account = p.account AND s.payment_no = p.payment_no AND s.event = 'settled'
  LEFT JOIN payment_event r
    ON r.account = p.account AND r.payment_no = p.payment_no AND r.event = 'returned'
  LEFT JOIN payment_event v
    ON v.account = p.account AND v.payment_no = p.payment_no AND v.event = 'voided';

-- View: the lines of the books for people.
CREATE VIEW postings AS
SELECT p.account, p.posting_no, p.event,
  SUBSTR(CAST(p.effective_on AS TEXT), 1, 4) || '-' || SUBSTR(CAST(p.effective_on AS TEXT), 5, 2)
    || '-' || SUBSTR(CAST(p.effective_on AS TEXT), 7, 2) AS effective_on,
  p.debit_account, p.debit_party, p.credit_account, p.credit_party, p.amount, p.tracking_id,
  p.payment_id, p.billing_code, p.reverses_posting_no, p.batch_no,
  TO_CHAR(TO_TIMESTAMP(p.sealed_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    AS sealed_at
FROM posting_line p;

-- View: batches for people: what each was, and the file that it came from, or who entered it.
CREATE VIEW batches AS
SELECT b.account, b.batch_no, b.event,
  TO_CHAR(TO_TIMESTAMP(b.sealed_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    AS sealed_at,
  b.upload_id, f.filename, f.status, n.command, n.entered_by, n.reason, b.rows_sealed,
  b.amount_posted, b.hash
FROM seal b
  LEFT JOIN file_outcome f ON f.account = b.account AND f.upload_id = b.upload_id
  LEFT JOIN entry n ON n.account = b.account AND n.batch_no = b.batch_no;
