"""Log groups, streams and batches of events, and what belongs to them."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import OrderedText, RowNumber

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the tables of CloudWatch Logs."""
    _create_groups()
    _create_events()
    _create_filters()
    _create_queries()
    _create_exports()


def _create_groups() -> None:
    op.create_table(
        "logs_groups",
        sa.Column("number", RowNumber, primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("name", OrderedText, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("group_class", sa.String(32), nullable=False),
        sa.Column("retention_days", sa.Integer),
        sa.Column("key_arn", sa.Text),
        sa.Column("is_protected", sa.Boolean, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("policy", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_logs_groups_name", "logs_groups", ["account_id", "region", "name"], unique=True)
    op.create_table(
        "logs_streams",
        sa.Column("number", RowNumber, primary_key=True),
        sa.Column("group_number", RowNumber, nullable=False),
        sa.Column("name", OrderedText, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("first_at", sa.BigInteger),
        sa.Column("last_at", sa.BigInteger),
        sa.Column("ingested_at", sa.BigInteger),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["group_number"], ["logs_groups.number"], ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_logs_streams_name", "logs_streams", ["group_number", "name"], unique=True)
    op.create_index("ix_logs_streams_last_at", "logs_streams", ["group_number", "last_at"])
    op.create_table(
        "logs_resource_policies",
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("region", sa.String(64), primary_key=True),
        sa.Column("name", OrderedText, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "logs_accounts",
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("region", sa.String(64), primary_key=True),
        sa.Column("query_key_arn", sa.Text),
    )


def _create_events() -> None:
    op.create_table(
        "logs_data_keys",
        sa.Column("data_key_id", sa.String(32), primary_key=True),
        sa.Column("group_number", RowNumber, nullable=False),
        sa.Column("key_arn", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["group_number"], ["logs_groups.number"], ondelete="CASCADE"),
    )
    op.create_index("ix_logs_data_keys_group", "logs_data_keys", ["group_number"])
    op.create_table(
        "logs_batches",
        sa.Column("number", RowNumber, primary_key=True),
        sa.Column("batch", sa.String(32), nullable=False),
        sa.Column("group_number", RowNumber, nullable=False),
        sa.Column("stream_number", RowNumber, nullable=False),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("ingested_at", sa.BigInteger, nullable=False),
        sa.Column("events", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("data_key_id", sa.String(32), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    for owner in ("group", "stream"):
        for end, other in (("first", "last"), ("last", "first")):
            columns = [f"{owner}_number", f"{end}_at", "number", f"{other}_at"]
            op.create_index(f"ix_logs_batches_{owner}_{end}", "logs_batches", columns)
    op.create_table(
        "logs_removed",
        sa.Column("number", RowNumber, primary_key=True),
        sa.Column("group_number", RowNumber),
        sa.Column("stream_number", RowNumber),
    )


def _create_filters() -> None:
    op.create_table(
        "logs_filters",
        sa.Column("group_number", RowNumber, primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("name", OrderedText, primary_key=True),
        sa.Column("pattern", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["group_number"], ["logs_groups.number"], ondelete="CASCADE"),
    )
    op.create_index("ix_logs_filters_name", "logs_filters", ["kind", "name"])


def _create_queries() -> None:
    op.create_table(
        "logs_queries",
        sa.Column("query_id", sa.String(36), primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("group_name", OrderedText, nullable=False),
        sa.Column("group_names", sa.Text, nullable=False),
        sa.Column("requester", sa.Text, nullable=False),
        sa.Column("statistics", sa.Text, nullable=False),
        sa.Column("duration_ms", sa.BigInteger),
        sa.Column("key_arn", sa.Text),
        sa.Column("sealed_text", sa.LargeBinary, nullable=False),
        sa.Column("sealed_key", sa.LargeBinary),
        sa.Column("results", sa.LargeBinary),
    )
    op.create_index("ix_logs_queries_account", "logs_queries", ["account_id", "region", "created_at", "query_id"])
    op.create_index("ix_logs_queries_created_at", "logs_queries", ["created_at"])
    op.create_table(
        "logs_query_definitions",
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("region", sa.String(64), primary_key=True),
        sa.Column("definition_id", sa.String(36), primary_key=True),
        sa.Column("name", OrderedText, nullable=False),
        sa.Column("modified_at", sa.BigInteger, nullable=False),
        sa.Column("client_token", sa.String(128)),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("sealed_text", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_logs_query_definitions_name", "logs_query_definitions", ["account_id", "region", "name"])


def _create_exports() -> None:
    op.create_table(
        "logs_exports",
        sa.Column("task_id", sa.String(36), primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("completed_at", sa.BigInteger),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("group_name", OrderedText, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
    )
    op.create_index("ix_logs_exports_account", "logs_exports", ["account_id", "region", "created_at", "task_id"])
    op.create_index("ix_logs_exports_status", "logs_exports", ["status"])
