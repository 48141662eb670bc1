-- The schema at revision 0021, made by the migrations.

CREATE TABLE "access_keys" (
	access_key_id VARCHAR(128) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	created_at DOUBLE NOT NULL, 
	sealed BLOB NOT NULL, 
	principal_id VARCHAR(32) NOT NULL, 
	last_used_at DOUBLE, 
	last_used_service VARCHAR(64), 
	last_used_region VARCHAR(64), 
	CONSTRAINT pk_access_keys PRIMARY KEY (access_key_id)
);

CREATE TABLE accounts (
	account_id VARCHAR(12) NOT NULL, 
	name TEXT NOT NULL, 
	alias VARCHAR, 
	organization_id VARCHAR(40), 
	created_at DOUBLE NOT NULL, password_policy TEXT, 
	CONSTRAINT pk_accounts PRIMARY KEY (account_id), 
	CONSTRAINT uq_accounts_alias UNIQUE (alias)
);

CREATE TABLE audit_batches (
	number INTEGER NOT NULL, 
	batch VARCHAR(32) NOT NULL, 
	first_at BIGINT NOT NULL, 
	last_at BIGINT NOT NULL, 
	records INTEGER NOT NULL, 
	sealed BLOB NOT NULL, 
	CONSTRAINT pk_audit_batches PRIMARY KEY (number)
);

CREATE TABLE audit_index_keys (
	number INTEGER NOT NULL, 
	sealed BLOB NOT NULL, 
	CONSTRAINT pk_audit_index_keys PRIMARY KEY (number)
);

CREATE TABLE audit_positions (
	reader VARCHAR(64) NOT NULL, 
	batch BIGINT NOT NULL, 
	CONSTRAINT pk_audit_positions PRIMARY KEY (reader)
);

CREATE TABLE audit_terms (
	term BIGINT NOT NULL, 
	last_batch BIGINT NOT NULL, 
	first_batch BIGINT NOT NULL, 
	first_at BIGINT NOT NULL, 
	last_at BIGINT NOT NULL, 
	CONSTRAINT pk_audit_terms PRIMARY KEY (term, last_batch)
)
 WITHOUT ROWID

;

CREATE TABLE cloudtrail_digest_keys (
	fingerprint VARCHAR(32) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	valid_from DOUBLE NOT NULL, 
	valid_until DOUBLE NOT NULL, 
	public_key BLOB NOT NULL, 
	sealed BLOB NOT NULL, 
	CONSTRAINT pk_cloudtrail_digest_keys PRIMARY KEY (fingerprint)
);

CREATE TABLE cloudtrail_digests (
	account_id VARCHAR(12) NOT NULL, 
	home_region VARCHAR(64) NOT NULL, 
	name VARCHAR NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	chain TEXT NOT NULL, 
	CONSTRAINT pk_cloudtrail_digests PRIMARY KEY (account_id, home_region, name, region)
);

CREATE TABLE cloudtrail_log_files (
	number INTEGER NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	home_region VARCHAR(64) NOT NULL, 
	name VARCHAR NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	file TEXT NOT NULL, 
	CONSTRAINT pk_cloudtrail_log_files PRIMARY KEY (number)
);

CREATE TABLE cloudtrail_trails (
	account_id VARCHAR(12) NOT NULL, 
	home_region VARCHAR(64) NOT NULL, 
	name VARCHAR NOT NULL, 
	created_at DOUBLE NOT NULL, 
	settings TEXT NOT NULL, 
	selectors TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	is_logging BOOLEAN NOT NULL, 
	batch BIGINT NOT NULL, 
	stop_batch BIGINT, 
	status TEXT NOT NULL, 
	CONSTRAINT pk_cloudtrail_trails PRIMARY KEY (account_id, home_region, name)
);

CREATE TABLE codebuild_builds (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	project VARCHAR NOT NULL, 
	uuid VARCHAR(36) NOT NULL, 
	build_number INTEGER NOT NULL, 
	submitted_at DOUBLE NOT NULL, 
	queued_until DOUBLE NOT NULL, 
	state VARCHAR(8) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	kind VARCHAR(64) NOT NULL, 
	initiator TEXT NOT NULL, 
	settings TEXT NOT NULL, 
	progress TEXT NOT NULL, 
	token_digest VARCHAR(64), 
	request_digest VARCHAR(64), 
	server VARCHAR(32), 
	alive_until DOUBLE, 
	is_to_stop BOOLEAN NOT NULL
);

CREATE TABLE codebuild_projects (
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	name VARCHAR NOT NULL, 
	created_at DOUBLE NOT NULL, 
	modified_at DOUBLE NOT NULL, 
	settings TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	builds_started INTEGER NOT NULL, cache_resets INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_codebuild_projects PRIMARY KEY (account_id, region, name)
);

CREATE TABLE codebuild_report_groups (
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	name VARCHAR NOT NULL, 
	type VARCHAR(16) NOT NULL, 
	created_at DOUBLE NOT NULL, 
	modified_at DOUBLE NOT NULL, 
	export_config TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	CONSTRAINT pk_codebuild_report_groups PRIMARY KEY (account_id, region, name)
);

CREATE TABLE codebuild_reports (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	report_group VARCHAR NOT NULL, 
	uuid VARCHAR(36) NOT NULL, 
	type VARCHAR(16) NOT NULL, 
	build_arn TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	expires_at DOUBLE NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	export_config TEXT NOT NULL, 
	is_truncated BOOLEAN NOT NULL, 
	summary TEXT, 
	sealed_results BLOB
);

CREATE TABLE codebuild_source_credentials (
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	server_type VARCHAR(32) NOT NULL, 
	auth_type VARCHAR(32) NOT NULL, 
	secret_arn TEXT, 
	sealed BLOB, 
	CONSTRAINT pk_codebuild_source_credentials PRIMARY KEY (account_id, region, server_type)
);

CREATE TABLE ec2_regions (
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_ec2_regions PRIMARY KEY (account_id, region)
);

CREATE TABLE ec2_resources (
	resource_id VARCHAR NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	created_at DOUBLE NOT NULL, 
	attributes TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	CONSTRAINT pk_ec2_resources PRIMARY KEY (resource_id)
);

CREATE TABLE iam_attachments (
	unique_id VARCHAR(32) NOT NULL, 
	policy_arn VARCHAR NOT NULL, 
	CONSTRAINT pk_iam_attachments PRIMARY KEY (unique_id, policy_arn), 
	CONSTRAINT fk_iam_attachments_unique_id_iam_identities FOREIGN KEY(unique_id) REFERENCES iam_identities (unique_id) ON DELETE CASCADE
);

CREATE TABLE iam_identities (
	unique_id VARCHAR(32) NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	name VARCHAR NOT NULL, 
	folded_name VARCHAR NOT NULL, 
	path VARCHAR NOT NULL, 
	created_at DOUBLE NOT NULL, 
	tags TEXT NOT NULL, 
	boundary_arn TEXT, 
	description TEXT, 
	trust_policy TEXT, 
	max_session_seconds INTEGER, 
	last_used_at DOUBLE, 
	last_used_region VARCHAR(64), 
	CONSTRAINT pk_iam_identities PRIMARY KEY (unique_id), 
	CONSTRAINT uq_iam_identities_account_id_kind_folded_name UNIQUE (account_id, kind, folded_name)
);

CREATE TABLE iam_inline_policies (
	unique_id VARCHAR(32) NOT NULL, 
	name VARCHAR NOT NULL, 
	document TEXT NOT NULL, 
	CONSTRAINT pk_iam_inline_policies PRIMARY KEY (unique_id, name), 
	CONSTRAINT fk_iam_inline_policies_unique_id_iam_identities FOREIGN KEY(unique_id) REFERENCES iam_identities (unique_id) ON DELETE CASCADE
);

CREATE TABLE iam_instance_profiles (
	profile_id VARCHAR(32) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	name VARCHAR NOT NULL, 
	folded_name VARCHAR NOT NULL, 
	path VARCHAR NOT NULL, 
	created_at DOUBLE NOT NULL, 
	tags TEXT NOT NULL, 
	role_id VARCHAR(32), 
	CONSTRAINT pk_iam_instance_profiles PRIMARY KEY (profile_id), 
	CONSTRAINT uq_iam_instance_profiles_account_id_folded_name UNIQUE (account_id, folded_name), 
	CONSTRAINT fk_iam_instance_profiles_role_id_iam_identities FOREIGN KEY(role_id) REFERENCES iam_identities (unique_id)
);

CREATE TABLE iam_memberships (
	group_id VARCHAR(32) NOT NULL, 
	user_id VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_iam_memberships PRIMARY KEY (group_id, user_id), 
	CONSTRAINT fk_iam_memberships_group_id_iam_identities FOREIGN KEY(group_id) REFERENCES iam_identities (unique_id) ON DELETE CASCADE, 
	CONSTRAINT fk_iam_memberships_user_id_iam_identities FOREIGN KEY(user_id) REFERENCES iam_identities (unique_id) ON DELETE CASCADE
);

CREATE TABLE iam_mfa_devices (
	serial_number VARCHAR NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	principal_id VARCHAR(32), 
	created_at DOUBLE NOT NULL, 
	enabled_at DOUBLE, 
	last_used_step INTEGER NOT NULL, 
	tags TEXT NOT NULL, 
	sealed BLOB NOT NULL, 
	CONSTRAINT pk_iam_mfa_devices PRIMARY KEY (serial_number)
);

CREATE TABLE iam_oidc_providers (
	arn VARCHAR NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	url TEXT NOT NULL, 
	client_ids TEXT NOT NULL, 
	thumbprints TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	tags TEXT NOT NULL, 
	CONSTRAINT pk_iam_oidc_providers PRIMARY KEY (arn)
);

CREATE TABLE iam_policies (
	policy_id VARCHAR(32) NOT NULL, 
	arn VARCHAR NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	name VARCHAR NOT NULL, 
	folded_name VARCHAR NOT NULL, 
	path VARCHAR NOT NULL, 
	created_at DOUBLE NOT NULL, 
	updated_at DOUBLE NOT NULL, 
	description TEXT, 
	tags TEXT NOT NULL, 
	default_version INTEGER NOT NULL, 
	newest_version INTEGER NOT NULL, 
	CONSTRAINT pk_iam_policies PRIMARY KEY (policy_id), 
	CONSTRAINT uq_iam_policies_account_id_folded_name UNIQUE (account_id, folded_name), 
	CONSTRAINT uq_iam_policies_arn UNIQUE (arn)
);

CREATE TABLE iam_policy_versions (
	policy_id VARCHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	document TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	CONSTRAINT pk_iam_policy_versions PRIMARY KEY (policy_id, version), 
	CONSTRAINT fk_iam_policy_versions_policy_id_iam_policies FOREIGN KEY(policy_id) REFERENCES iam_policies (policy_id) ON DELETE CASCADE
);

CREATE TABLE kms_aliases (
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	name VARCHAR NOT NULL, 
	target_key_id VARCHAR NOT NULL, 
	created_at DOUBLE NOT NULL, 
	updated_at DOUBLE NOT NULL, 
	CONSTRAINT pk_kms_aliases PRIMARY KEY (account_id, region, name), 
	CONSTRAINT fk_kms_aliases_region_target_key_id_kms_keys FOREIGN KEY(region, target_key_id) REFERENCES kms_keys (region, key_id) ON DELETE CASCADE
);

CREATE TABLE kms_custom_key_stores (
	region VARCHAR(64) NOT NULL, 
	custom_key_store_id VARCHAR NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	name TEXT NOT NULL, 
	type VARCHAR(32) NOT NULL, 
	created_at DOUBLE NOT NULL, 
	connection_state VARCHAR(32) NOT NULL, 
	connection_error VARCHAR(64), 
	cluster_id VARCHAR(32), 
	trust_anchor TEXT, 
	uri_endpoint TEXT, 
	uri_path TEXT, 
	sealed BLOB NOT NULL, 
	CONSTRAINT pk_kms_custom_key_stores PRIMARY KEY (region, custom_key_store_id)
);

CREATE TABLE kms_grants (
	region VARCHAR(64) NOT NULL, 
	key_id VARCHAR NOT NULL, 
	grant_id VARCHAR NOT NULL, 
	name TEXT, 
	created_at DOUBLE NOT NULL, 
	issuing_account VARCHAR(12) NOT NULL, 
	grantee TEXT NOT NULL, 
	grantee_id VARCHAR NOT NULL, 
	retiring TEXT, 
	retiring_id VARCHAR, 
	operations TEXT NOT NULL, 
	constraints TEXT NOT NULL, 
	request_digest VARCHAR(64), 
	CONSTRAINT pk_kms_grants PRIMARY KEY (region, key_id, grant_id), 
	CONSTRAINT fk_kms_grants_region_key_id_kms_keys FOREIGN KEY(region, key_id) REFERENCES kms_keys (region, key_id) ON DELETE CASCADE
);

CREATE TABLE "kms_key_materials" (
	region VARCHAR(64) NOT NULL, 
	key_id VARCHAR NOT NULL, 
	key_material_id VARCHAR(64) NOT NULL, 
	position INTEGER, 
	created_at DOUBLE NOT NULL, 
	rotation_type VARCHAR(16), 
	sealed BLOB, 
	sealed_fingerprint BLOB, 
	description TEXT, 
	expires_at DOUBLE, 
	CONSTRAINT pk_kms_key_materials PRIMARY KEY (region, key_id, key_material_id), 
	CONSTRAINT fk_kms_key_materials_region_key_id_kms_keys FOREIGN KEY(region, key_id) REFERENCES kms_keys (region, key_id) ON DELETE CASCADE
);

CREATE TABLE "kms_keys" (
	region VARCHAR(64) NOT NULL, 
	key_id VARCHAR NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	created_at DOUBLE NOT NULL, 
	description TEXT NOT NULL, 
	usage VARCHAR(32) NOT NULL, 
	spec VARCHAR(32) NOT NULL, 
	origin VARCHAR(32) NOT NULL, 
	manager VARCHAR(16) NOT NULL, 
	state VARCHAR(32) NOT NULL, 
	deletion_at DOUBLE, 
	pending_window_days INTEGER, 
	policy TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	rotation_enabled BOOLEAN NOT NULL, 
	rotation_period_days INTEGER, 
	next_rotation_at DOUBLE, 
	last_used_at DOUBLE, 
	last_used_operation VARCHAR(64), 
	last_used_request_id VARCHAR(64), 
	grant_count INTEGER NOT NULL, primary_region VARCHAR(64), custom_key_store_id VARCHAR(64), xks_key_id TEXT, 
	CONSTRAINT pk_kms_keys PRIMARY KEY (region, key_id)
);

CREATE TABLE lambda_aliases (
	arn VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	description TEXT NOT NULL, 
	weights TEXT, 
	revision_id VARCHAR(36) NOT NULL, 
	CONSTRAINT pk_lambda_aliases PRIMARY KEY (arn, name), 
	CONSTRAINT fk_lambda_aliases_arn_lambda_functions FOREIGN KEY(arn) REFERENCES lambda_functions (arn) ON DELETE CASCADE
);

CREATE TABLE lambda_codes (
	code_id VARCHAR(32) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	sha256 VARCHAR(44) NOT NULL, 
	size BIGINT NOT NULL, 
	unzipped_size BIGINT NOT NULL, 
	stored_size BIGINT NOT NULL, 
	blob TEXT, 
	inline BLOB, 
	sealed_key BLOB NOT NULL, 
	kms_key_arn TEXT, 
	function_arn VARCHAR, 
	CONSTRAINT pk_lambda_codes PRIMARY KEY (code_id)
);

CREATE TABLE lambda_event_invoke_configs (
	arn VARCHAR NOT NULL, 
	qualifier VARCHAR NOT NULL, 
	modified_at DOUBLE NOT NULL, 
	settings TEXT NOT NULL, 
	CONSTRAINT pk_lambda_event_invoke_configs PRIMARY KEY (arn, qualifier), 
	CONSTRAINT fk_lambda_event_invoke_configs_arn_lambda_functions FOREIGN KEY(arn) REFERENCES lambda_functions (arn) ON DELETE CASCADE
);

CREATE TABLE lambda_events (
	event_id VARCHAR(36) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	function_name VARCHAR NOT NULL, 
	qualifier VARCHAR NOT NULL, 
	payload BLOB NOT NULL, 
	received_at DOUBLE NOT NULL, 
	due_at DOUBLE NOT NULL, 
	failures INTEGER NOT NULL, 
	postponements INTEGER NOT NULL, 
	depth INTEGER NOT NULL, 
	held_by VARCHAR(16), 
	held_until DOUBLE NOT NULL, 
	CONSTRAINT pk_lambda_events PRIMARY KEY (event_id)
);

CREATE TABLE lambda_functions (
	arn VARCHAR NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	name VARCHAR NOT NULL, 
	created_at DOUBLE NOT NULL, 
	last_number INTEGER NOT NULL, 
	reserved_concurrency INTEGER, 
	recursive_loop VARCHAR(16), 
	tags TEXT, 
	CONSTRAINT pk_lambda_functions PRIMARY KEY (arn)
);

CREATE TABLE lambda_grants (
	arn VARCHAR NOT NULL, 
	key_arn VARCHAR NOT NULL, 
	role_id VARCHAR NOT NULL, 
	grant_id VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_lambda_grants PRIMARY KEY (arn, key_arn, role_id), 
	CONSTRAINT fk_lambda_grants_arn_lambda_functions FOREIGN KEY(arn) REFERENCES lambda_functions (arn) ON DELETE CASCADE
);

CREATE TABLE lambda_layer_uses (
	arn VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	layer_arn VARCHAR NOT NULL, 
	layer_number INTEGER NOT NULL, 
	CONSTRAINT pk_lambda_layer_uses PRIMARY KEY (arn, number, position), 
	CONSTRAINT fk_lambda_layer_uses_arn_number_lambda_versions FOREIGN KEY(arn, number) REFERENCES lambda_versions (arn, number) ON DELETE CASCADE
);

CREATE TABLE lambda_layer_versions (
	arn VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	created_at DOUBLE NOT NULL, 
	settings TEXT NOT NULL, 
	code_id VARCHAR(32) NOT NULL, 
	is_deleted BOOLEAN NOT NULL, 
	policy TEXT, 
	policy_revision_id VARCHAR(36), 
	CONSTRAINT pk_lambda_layer_versions PRIMARY KEY (arn, number), 
	CONSTRAINT fk_lambda_layer_versions_arn_lambda_layers FOREIGN KEY(arn) REFERENCES lambda_layers (arn) ON DELETE CASCADE
);

CREATE TABLE lambda_layers (
	arn VARCHAR NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	name VARCHAR NOT NULL, 
	last_number INTEGER NOT NULL, 
	CONSTRAINT pk_lambda_layers PRIMARY KEY (arn)
);

CREATE TABLE lambda_policies (
	arn VARCHAR NOT NULL, 
	qualifier VARCHAR NOT NULL, 
	policy TEXT NOT NULL, 
	CONSTRAINT pk_lambda_policies PRIMARY KEY (arn, qualifier), 
	CONSTRAINT fk_lambda_policies_arn_lambda_functions FOREIGN KEY(arn) REFERENCES lambda_functions (arn) ON DELETE CASCADE
);

CREATE TABLE lambda_versions (
	arn VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	revision_id VARCHAR(36) NOT NULL, 
	modified_at DOUBLE NOT NULL, 
	settings TEXT NOT NULL, 
	code_id VARCHAR(32) NOT NULL, 
	variables BLOB, 
	variables_key BLOB, 
	variables_key_arn TEXT, 
	CONSTRAINT pk_lambda_versions PRIMARY KEY (arn, number), 
	CONSTRAINT fk_lambda_versions_arn_lambda_functions FOREIGN KEY(arn) REFERENCES lambda_functions (arn) ON DELETE CASCADE
);

CREATE TABLE leases (
	name VARCHAR NOT NULL, 
	holder VARCHAR NOT NULL, 
	expires_at DOUBLE NOT NULL, 
	CONSTRAINT pk_leases PRIMARY KEY (name)
);

CREATE TABLE logs_accounts (
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	query_key_arn TEXT, 
	CONSTRAINT pk_logs_accounts PRIMARY KEY (account_id, region)
);

CREATE TABLE logs_batches (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	batch VARCHAR(32) NOT NULL, 
	group_number INTEGER NOT NULL, 
	stream_number INTEGER NOT NULL, 
	first_at BIGINT NOT NULL, 
	last_at BIGINT NOT NULL, 
	ingested_at BIGINT NOT NULL, 
	events INTEGER NOT NULL, 
	bytes BIGINT NOT NULL, 
	data_key_id VARCHAR(32) NOT NULL, 
	content BLOB NOT NULL
);

CREATE TABLE logs_data_keys (
	data_key_id VARCHAR(32) NOT NULL, 
	group_number INTEGER NOT NULL, 
	key_arn TEXT, 
	created_at BIGINT NOT NULL, 
	sealed BLOB NOT NULL, 
	CONSTRAINT pk_logs_data_keys PRIMARY KEY (data_key_id), 
	CONSTRAINT fk_logs_data_keys_group_number_logs_groups FOREIGN KEY(group_number) REFERENCES logs_groups (number) ON DELETE CASCADE
);

CREATE TABLE logs_deliveries (
	number INTEGER NOT NULL, 
	group_number INTEGER NOT NULL, 
	filter_name VARCHAR NOT NULL, 
	batch_number BIGINT NOT NULL, 
	due_at DOUBLE NOT NULL, 
	expires_at DOUBLE NOT NULL, 
	postponements INTEGER NOT NULL, 
	CONSTRAINT pk_logs_deliveries PRIMARY KEY (number), 
	CONSTRAINT fk_logs_deliveries_group_number_logs_groups FOREIGN KEY(group_number) REFERENCES logs_groups (number) ON DELETE CASCADE
);

CREATE TABLE logs_exports (
	task_id VARCHAR(36) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	created_at BIGINT NOT NULL, 
	completed_at BIGINT, 
	status VARCHAR(16) NOT NULL, 
	message TEXT NOT NULL, 
	group_name VARCHAR NOT NULL, 
	details TEXT NOT NULL, 
	CONSTRAINT pk_logs_exports PRIMARY KEY (task_id)
);

CREATE TABLE logs_filters (
	group_number INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	name VARCHAR NOT NULL, 
	pattern TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	details TEXT NOT NULL, 
	CONSTRAINT pk_logs_filters PRIMARY KEY (group_number, kind, name), 
	CONSTRAINT fk_logs_filters_group_number_logs_groups FOREIGN KEY(group_number) REFERENCES logs_groups (number) ON DELETE CASCADE
);

CREATE TABLE logs_groups (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	name VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, 
	group_class VARCHAR(32) NOT NULL, 
	retention_days INTEGER, 
	key_arn TEXT, 
	is_protected BOOLEAN NOT NULL, 
	tags TEXT NOT NULL, 
	policy TEXT
);

CREATE TABLE logs_queries (
	query_id VARCHAR(36) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	created_at BIGINT NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	group_name VARCHAR NOT NULL, 
	group_names TEXT NOT NULL, 
	requester TEXT NOT NULL, 
	statistics TEXT NOT NULL, 
	duration_ms BIGINT, 
	key_arn TEXT, 
	sealed_text BLOB NOT NULL, 
	sealed_key BLOB, 
	results BLOB, 
	CONSTRAINT pk_logs_queries PRIMARY KEY (query_id)
);

CREATE TABLE logs_query_definitions (
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	definition_id VARCHAR(36) NOT NULL, 
	name VARCHAR NOT NULL, 
	modified_at BIGINT NOT NULL, 
	client_token VARCHAR(128), 
	details TEXT NOT NULL, 
	sealed_text BLOB NOT NULL, 
	CONSTRAINT pk_logs_query_definitions PRIMARY KEY (account_id, region, definition_id)
);

CREATE TABLE logs_removed (
	number INTEGER NOT NULL, 
	group_number INTEGER, 
	stream_number INTEGER, 
	CONSTRAINT pk_logs_removed PRIMARY KEY (number)
);

CREATE TABLE logs_resource_policies (
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	name VARCHAR NOT NULL, 
	document TEXT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	CONSTRAINT pk_logs_resource_policies PRIMARY KEY (account_id, region, name)
);

CREATE TABLE logs_streams (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	group_number INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, 
	first_at BIGINT, 
	last_at BIGINT, 
	ingested_at BIGINT, 
	bytes BIGINT NOT NULL, 
	CONSTRAINT fk_logs_streams_group_number_logs_groups FOREIGN KEY(group_number) REFERENCES logs_groups (number) ON DELETE CASCADE
);

CREATE TABLE quota_reports (
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	report_id VARCHAR(64) NOT NULL, 
	generated_at DOUBLE NOT NULL, 
	quotas TEXT NOT NULL, 
	CONSTRAINT pk_quota_reports PRIMARY KEY (account_id, region)
);

CREATE TABLE quota_requests (
	request_id VARCHAR(64) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	quota_id VARCHAR NOT NULL, 
	desired_value DOUBLE NOT NULL, 
	status VARCHAR(32) NOT NULL, 
	case_id VARCHAR(64), 
	requester TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	updated_at DOUBLE NOT NULL, 
	CONSTRAINT pk_quota_requests PRIMARY KEY (request_id)
);

CREATE TABLE quota_tags (
	arn VARCHAR NOT NULL, 
	tags TEXT NOT NULL, 
	CONSTRAINT pk_quota_tags PRIMARY KEY (arn)
);

CREATE TABLE quota_template_entries (
	organization_id VARCHAR(40) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	quota_id VARCHAR NOT NULL, 
	desired_value DOUBLE NOT NULL, 
	CONSTRAINT pk_quota_template_entries PRIMARY KEY (organization_id, region, quota_id)
);

CREATE TABLE quota_templates (
	organization_id VARCHAR(40) NOT NULL, 
	is_associated BOOLEAN NOT NULL, 
	CONSTRAINT pk_quota_templates PRIMARY KEY (organization_id)
);

CREATE TABLE quota_values (
	quota_id VARCHAR NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	value DOUBLE NOT NULL, 
	set_at DOUBLE NOT NULL, 
	CONSTRAINT pk_quota_values PRIMARY KEY (quota_id, account_id, region)
);

CREATE TABLE rds_instances (
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	identifier VARCHAR NOT NULL, 
	resource_id VARCHAR(64) NOT NULL, 
	created_at DOUBLE NOT NULL, 
	engine VARCHAR(32) NOT NULL, 
	engine_version VARCHAR(64) NOT NULL, 
	host TEXT NOT NULL, 
	port INTEGER NOT NULL, 
	"database" TEXT, 
	verifies_tls BOOLEAN NOT NULL, 
	master_username TEXT NOT NULL, 
	sealed_password BLOB, 
	sealed_new_password BLOB, 
	secret_arn TEXT, 
	secret_status VARCHAR(16), 
	kms_key_arn TEXT, 
	deletion_protection BOOLEAN NOT NULL, 
	settings TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	held_until DOUBLE, 
	CONSTRAINT pk_rds_instances PRIMARY KEY (account_id, region, identifier)
);

CREATE TABLE s3_account_blocks (
	account_id VARCHAR(12) NOT NULL, 
	blocks TEXT NOT NULL, 
	CONSTRAINT pk_s3_account_blocks PRIMARY KEY (account_id)
);

CREATE TABLE s3_bucket_keys (
	bucket_key_id VARCHAR(32) NOT NULL, 
	bucket VARCHAR NOT NULL, 
	key_arn TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	sealed BLOB NOT NULL, 
	CONSTRAINT pk_s3_bucket_keys PRIMARY KEY (bucket_key_id), 
	CONSTRAINT fk_s3_bucket_keys_bucket_s3_buckets FOREIGN KEY(bucket) REFERENCES s3_buckets (name) ON DELETE CASCADE
);

CREATE TABLE s3_buckets (
	name VARCHAR NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	created_at DOUBLE NOT NULL, 
	versioning VARCHAR(16) NOT NULL, 
	policy TEXT, 
	settings TEXT NOT NULL, 
	CONSTRAINT pk_s3_buckets PRIMARY KEY (name)
);

CREATE TABLE s3_objects (
	bucket VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	sequence BIGINT NOT NULL, 
	version_id VARCHAR(64) NOT NULL, 
	is_latest BOOLEAN NOT NULL, 
	is_delete_marker BOOLEAN NOT NULL, 
	last_modified DOUBLE NOT NULL, 
	size BIGINT NOT NULL, 
	etag VARCHAR(64) NOT NULL, 
	owner VARCHAR(12) NOT NULL, 
	content_id VARCHAR(32), 
	encryption TEXT, 
	sealed_key BLOB, 
	details TEXT NOT NULL, 
	CONSTRAINT pk_s3_objects PRIMARY KEY (bucket, "key", sequence), 
	CONSTRAINT fk_s3_objects_bucket_s3_buckets FOREIGN KEY(bucket) REFERENCES s3_buckets (name)
);

CREATE TABLE s3_pieces (
	content_id VARCHAR(32) NOT NULL, 
	number INTEGER NOT NULL, 
	starts_at BIGINT NOT NULL, 
	size BIGINT NOT NULL, 
	stored_size BIGINT NOT NULL, 
	blob VARCHAR(64), 
	inline BLOB, 
	details TEXT NOT NULL, 
	CONSTRAINT pk_s3_pieces PRIMARY KEY (content_id, number)
);

CREATE TABLE s3_uploads (
	upload_id VARCHAR(64) NOT NULL, 
	bucket VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	initiated_at DOUBLE NOT NULL, 
	initiator VARCHAR(256) NOT NULL, 
	content_id VARCHAR(32) NOT NULL, 
	encryption TEXT NOT NULL, 
	sealed_key BLOB NOT NULL, 
	checksum TEXT NOT NULL, 
	details TEXT NOT NULL, 
	CONSTRAINT pk_s3_uploads PRIMARY KEY (upload_id), 
	CONSTRAINT fk_s3_uploads_bucket_s3_buckets FOREIGN KEY(bucket) REFERENCES s3_buckets (name)
);

CREATE TABLE secret_replicas (
	arn VARCHAR NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	kms_key_id TEXT, 
	status VARCHAR(16) NOT NULL, 
	message TEXT, 
	CONSTRAINT pk_secret_replicas PRIMARY KEY (arn, region), 
	CONSTRAINT fk_secret_replicas_arn_secrets FOREIGN KEY(arn) REFERENCES secrets (arn) ON DELETE CASCADE
);

CREATE TABLE secret_rotations (
	arn VARCHAR NOT NULL, 
	version_id VARCHAR NOT NULL, 
	is_test BOOLEAN NOT NULL, 
	step VARCHAR(16) NOT NULL, 
	attempts INTEGER NOT NULL, 
	started_at DOUBLE NOT NULL, 
	next_at DOUBLE NOT NULL, 
	holder VARCHAR(64), 
	held_until DOUBLE, 
	token_hash VARCHAR(64), 
	CONSTRAINT pk_secret_rotations PRIMARY KEY (arn), 
	CONSTRAINT fk_secret_rotations_arn_secrets FOREIGN KEY(arn) REFERENCES secrets (arn) ON DELETE CASCADE
);

CREATE TABLE secret_stages (
	arn VARCHAR NOT NULL, 
	label VARCHAR NOT NULL, 
	version_id VARCHAR NOT NULL, 
	CONSTRAINT pk_secret_stages PRIMARY KEY (arn, label), 
	CONSTRAINT fk_secret_stages_arn_version_id_secret_versions FOREIGN KEY(arn, version_id) REFERENCES secret_versions (arn, version_id) ON DELETE CASCADE
);

CREATE TABLE secret_versions (
	arn VARCHAR NOT NULL, 
	version_id VARCHAR NOT NULL, 
	created_at DOUBLE NOT NULL, 
	accessed_at DOUBLE, 
	kind VARCHAR(16) NOT NULL, 
	ciphertext BLOB NOT NULL, 
	data_key BLOB NOT NULL, 
	key_arn TEXT NOT NULL, 
	is_default_key BOOLEAN NOT NULL, 
	CONSTRAINT pk_secret_versions PRIMARY KEY (arn, version_id), 
	CONSTRAINT fk_secret_versions_arn_secrets FOREIGN KEY(arn) REFERENCES secrets (arn) ON DELETE CASCADE
);

CREATE TABLE secrets (
	arn VARCHAR NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	name VARCHAR NOT NULL, 
	description TEXT, 
	kms_key_id TEXT, 
	created_at DOUBLE NOT NULL, 
	changed_at DOUBLE NOT NULL, 
	accessed_at DOUBLE, 
	deletion_at DOUBLE, 
	tags TEXT, 
	policy TEXT, 
	primary_region VARCHAR(64), 
	rotation_enabled BOOLEAN, 
	rotation_function_arn TEXT, 
	rotation_rules TEXT, 
	rotated_at DOUBLE, 
	rotation_begins_at DOUBLE, 
	rotation_ends_at DOUBLE, owning_service VARCHAR(128), 
	CONSTRAINT pk_secrets PRIMARY KEY (arn)
);

CREATE TABLE ssm_parameter_labels (
	parameter_id VARCHAR(32) NOT NULL, 
	label VARCHAR NOT NULL, 
	version BIGINT NOT NULL, 
	CONSTRAINT pk_ssm_parameter_labels PRIMARY KEY (parameter_id, label), 
	CONSTRAINT fk_ssm_parameter_labels_parameter_id_ssm_parameters FOREIGN KEY(parameter_id) REFERENCES ssm_parameters (parameter_id) ON DELETE CASCADE
);

CREATE TABLE ssm_parameter_versions (
	parameter_id VARCHAR(32) NOT NULL, 
	version BIGINT NOT NULL, 
	modified_at DOUBLE NOT NULL, 
	details TEXT NOT NULL, 
	sealed BLOB NOT NULL, 
	CONSTRAINT pk_ssm_parameter_versions PRIMARY KEY (parameter_id, version), 
	CONSTRAINT fk_ssm_parameter_versions_parameter_id_ssm_parameters FOREIGN KEY(parameter_id) REFERENCES ssm_parameters (parameter_id) ON DELETE CASCADE
);

CREATE TABLE ssm_parameters (
	parameter_id VARCHAR(32) NOT NULL, 
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	name VARCHAR NOT NULL, 
	parent VARCHAR NOT NULL, 
	type VARCHAR(16) NOT NULL, 
	tier VARCHAR(16) NOT NULL, 
	version BIGINT NOT NULL, 
	tags TEXT NOT NULL, 
	expires_at DOUBLE, 
	next_policy_at DOUBLE, 
	resource_policy_id VARCHAR(36), 
	resource_policy TEXT, 
	CONSTRAINT pk_ssm_parameters PRIMARY KEY (parameter_id)
);

CREATE TABLE ssm_service_settings (
	account_id VARCHAR(12) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	setting_id VARCHAR(128) NOT NULL, 
	value TEXT NOT NULL, 
	modified_at DOUBLE NOT NULL, 
	modified_by TEXT NOT NULL, 
	CONSTRAINT pk_ssm_service_settings PRIMARY KEY (account_id, region, setting_id)
);

CREATE TABLE storage_keys (
	number INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	root_fingerprint TEXT NOT NULL, 
	root_parameters TEXT NOT NULL, 
	wrapped BLOB NOT NULL, 
	CONSTRAINT pk_storage_keys PRIMARY KEY (number)
);

CREATE TABLE tls_authorities (
	name VARCHAR(64) NOT NULL, 
	sealed BLOB NOT NULL, 
	CONSTRAINT pk_tls_authorities PRIMARY KEY (name)
);

CREATE INDEX ix_access_keys_principal_id ON access_keys (principal_id);

CREATE INDEX ix_audit_batches_last_at ON audit_batches (last_at);

CREATE INDEX ix_cloudtrail_digest_keys_region ON cloudtrail_digest_keys (region, valid_until);

CREATE INDEX ix_cloudtrail_log_files_trail ON cloudtrail_log_files (account_id, home_region, name);

CREATE INDEX ix_cloudtrail_trails_logging ON cloudtrail_trails (is_logging);

CREATE INDEX ix_codebuild_builds_listed ON codebuild_builds (account_id, region, number);

CREATE INDEX ix_codebuild_builds_state ON codebuild_builds (state, number);

CREATE INDEX ix_codebuild_builds_submitted_at ON codebuild_builds (submitted_at);

CREATE UNIQUE INDEX ix_codebuild_builds_uuid ON codebuild_builds (account_id, region, project, uuid);

CREATE INDEX ix_codebuild_reports_build ON codebuild_reports (build_arn);

CREATE INDEX ix_codebuild_reports_expires_at ON codebuild_reports (expires_at);

CREATE INDEX ix_codebuild_reports_group ON codebuild_reports (account_id, region, report_group, number);

CREATE INDEX ix_codebuild_reports_listed ON codebuild_reports (account_id, region, number);

CREATE UNIQUE INDEX ix_codebuild_reports_uuid ON codebuild_reports (account_id, region, report_group, uuid);

CREATE INDEX ix_ec2_resources_account ON ec2_resources (account_id, region, kind);

CREATE INDEX ix_ec2_resources_kind ON ec2_resources (kind);

CREATE INDEX ix_iam_attachments_policy_arn ON iam_attachments (policy_arn);

CREATE INDEX ix_iam_memberships_user_id ON iam_memberships (user_id);

CREATE INDEX ix_iam_mfa_devices_account_id ON iam_mfa_devices (account_id);

CREATE INDEX ix_iam_mfa_devices_principal_id ON iam_mfa_devices (principal_id);

CREATE INDEX ix_iam_oidc_providers_account_id ON iam_oidc_providers (account_id);

CREATE INDEX ix_kms_aliases_target ON kms_aliases (region, target_key_id);

CREATE INDEX ix_kms_custom_key_stores_account ON kms_custom_key_stores (account_id, region, custom_key_store_id);

CREATE INDEX ix_kms_grants_grantee ON kms_grants (region, key_id, grantee_id, grant_id);

CREATE INDEX ix_kms_grants_request ON kms_grants (region, key_id, request_digest);

CREATE INDEX ix_kms_grants_retiring ON kms_grants (region, retiring_id, key_id, grant_id);

CREATE INDEX ix_kms_key_materials_expires_at ON kms_key_materials (expires_at);

CREATE INDEX ix_kms_keys_account ON kms_keys (account_id, region, key_id);

CREATE INDEX ix_kms_keys_custom_key_store ON kms_keys (custom_key_store_id);

CREATE INDEX ix_kms_keys_deletion_at ON kms_keys (deletion_at);

CREATE INDEX ix_kms_keys_key_id ON kms_keys (key_id);

CREATE INDEX ix_kms_keys_next_rotation_at ON kms_keys (next_rotation_at);

CREATE INDEX ix_lambda_codes_account ON lambda_codes (account_id, region);

CREATE INDEX ix_lambda_codes_blob ON lambda_codes (blob);

CREATE INDEX ix_lambda_events_due ON lambda_events (due_at);

CREATE UNIQUE INDEX ix_lambda_functions_name ON lambda_functions (account_id, region, name);

CREATE INDEX ix_lambda_layer_uses_layer ON lambda_layer_uses (layer_arn, layer_number);

CREATE INDEX ix_lambda_layer_versions_code ON lambda_layer_versions (code_id);

CREATE UNIQUE INDEX ix_lambda_layers_name ON lambda_layers (account_id, region, name);

CREATE INDEX ix_lambda_versions_code ON lambda_versions (code_id);

CREATE INDEX ix_logs_batches_group_first ON logs_batches (group_number, first_at, number, last_at);

CREATE INDEX ix_logs_batches_group_last ON logs_batches (group_number, last_at, number, first_at);

CREATE INDEX ix_logs_batches_stream_first ON logs_batches (stream_number, first_at, number, last_at);

CREATE INDEX ix_logs_batches_stream_last ON logs_batches (stream_number, last_at, number, first_at);

CREATE INDEX ix_logs_data_keys_group ON logs_data_keys (group_number);

CREATE INDEX ix_logs_deliveries_due ON logs_deliveries (due_at);

CREATE INDEX ix_logs_deliveries_group ON logs_deliveries (group_number);

CREATE INDEX ix_logs_exports_account ON logs_exports (account_id, region, created_at, task_id);

CREATE INDEX ix_logs_exports_status ON logs_exports (status);

CREATE INDEX ix_logs_filters_name ON logs_filters (kind, name);

CREATE UNIQUE INDEX ix_logs_groups_name ON logs_groups (account_id, region, name);

CREATE INDEX ix_logs_queries_account ON logs_queries (account_id, region, created_at, query_id);

CREATE INDEX ix_logs_queries_created_at ON logs_queries (created_at);

CREATE INDEX ix_logs_query_definitions_name ON logs_query_definitions (account_id, region, name);

CREATE INDEX ix_logs_streams_last_at ON logs_streams (group_number, last_at);

CREATE UNIQUE INDEX ix_logs_streams_name ON logs_streams (group_number, name);

CREATE INDEX ix_quota_requests_account ON quota_requests (account_id, region, created_at, request_id);

CREATE INDEX ix_quota_requests_status ON quota_requests (status);

CREATE INDEX ix_rds_instances_secret ON rds_instances (secret_arn);

CREATE INDEX ix_s3_bucket_keys_bucket ON s3_bucket_keys (bucket);

CREATE INDEX ix_s3_buckets_account ON s3_buckets (account_id, name);

CREATE INDEX ix_s3_objects_content ON s3_objects (content_id);

CREATE INDEX ix_s3_objects_latest ON s3_objects (bucket, is_latest, "key");

CREATE UNIQUE INDEX ix_s3_objects_version ON s3_objects (bucket, "key", version_id);

CREATE INDEX ix_s3_pieces_blob ON s3_pieces (blob);

CREATE INDEX ix_s3_pieces_start ON s3_pieces (content_id, starts_at);

CREATE INDEX ix_s3_uploads_bucket ON s3_uploads (bucket, "key", upload_id);

CREATE INDEX ix_s3_uploads_content ON s3_uploads (content_id);

CREATE INDEX ix_s3_uploads_initiated_at ON s3_uploads (initiated_at);

CREATE INDEX ix_secret_rotations_next_at ON secret_rotations (next_at);

CREATE INDEX ix_secret_stages_version ON secret_stages (arn, version_id);

CREATE INDEX ix_secret_versions_created_at ON secret_versions (arn, created_at, version_id);

CREATE INDEX ix_secrets_created_at ON secrets (account_id, region, created_at, arn);

CREATE INDEX ix_secrets_deletion_at ON secrets (deletion_at);

CREATE UNIQUE INDEX ix_secrets_name ON secrets (account_id, region, name);

CREATE INDEX ix_secrets_rotation_begins_at ON secrets (rotation_begins_at);

CREATE INDEX ix_ssm_parameters_next_policy_at ON ssm_parameters (next_policy_at);

CREATE INDEX ix_ssm_parameters_parent ON ssm_parameters (account_id, region, parent, name);

CREATE INDEX ix_ssm_parameters_resource_policy_id ON ssm_parameters (region, resource_policy_id);

CREATE INDEX ix_ssm_parameters_tier ON ssm_parameters (account_id, region, tier);

CREATE UNIQUE INDEX uq_ssm_parameters_name ON ssm_parameters (account_id, region, name);

