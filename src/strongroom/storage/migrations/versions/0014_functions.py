"""Functions, their versions, code, aliases, policies and layers."""

import sqlalchemy as sa
from alembic import op

from strongroom.storage.column_types import OrderedText, Timestamp

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add Lambda's tables."""
    _functions()
    _what_functions_have()
    _layers()


def _functions() -> None:
    op.create_table(
        "lambda_functions",
        sa.Column("arn", OrderedText, primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("name", OrderedText, nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("last_number", sa.Integer, nullable=False),
        sa.Column("reserved_concurrency", sa.Integer),
        sa.Column("recursive_loop", sa.String(16)),
        sa.Column("tags", sa.Text),
    )
    op.create_index("ix_lambda_functions_name", "lambda_functions", ["account_id", "region", "name"], unique=True)
    op.create_table(
        "lambda_versions",
        sa.Column("arn", OrderedText, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("revision_id", sa.String(36), nullable=False),
        sa.Column("modified_at", Timestamp, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("code_id", sa.String(32), nullable=False),
        sa.Column("variables", sa.LargeBinary),
        sa.Column("variables_key", sa.LargeBinary),
        sa.Column("variables_key_arn", sa.Text),
        sa.ForeignKeyConstraint(["arn"], ["lambda_functions.arn"], ondelete="CASCADE"),
    )
    op.create_index("ix_lambda_versions_code", "lambda_versions", ["code_id"])
    op.create_table(
        "lambda_codes",
        sa.Column("code_id", sa.String(32), primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(44), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("unzipped_size", sa.BigInteger, nullable=False),
        sa.Column("stored_size", sa.BigInteger, nullable=False),
        sa.Column("blob", sa.Text),
        sa.Column("inline", sa.LargeBinary),
        sa.Column("sealed_key", sa.LargeBinary, nullable=False),
        sa.Column("kms_key_arn", sa.Text),
        sa.Column("function_arn", OrderedText),
    )
    op.create_index("ix_lambda_codes_account", "lambda_codes", ["account_id", "region"])
    op.create_index("ix_lambda_codes_blob", "lambda_codes", ["blob"])


def _what_functions_have() -> None:
    op.create_table(
        "lambda_aliases",
        sa.Column("arn", OrderedText, primary_key=True),
        sa.Column("name", OrderedText, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("weights", sa.Text),
        sa.Column("revision_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(["arn"], ["lambda_functions.arn"], ondelete="CASCADE"),
    )
    op.create_table(
        "lambda_policies",
        sa.Column("arn", OrderedText, primary_key=True),
        sa.Column("qualifier", OrderedText, primary_key=True),
        sa.Column("policy", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["arn"], ["lambda_functions.arn"], ondelete="CASCADE"),
    )
    op.create_table(
        "lambda_event_invoke_configs",
        sa.Column("arn", OrderedText, primary_key=True),
        sa.Column("qualifier", OrderedText, primary_key=True),
        sa.Column("modified_at", Timestamp, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["arn"], ["lambda_functions.arn"], ondelete="CASCADE"),
    )
    op.create_table(
        "lambda_grants",
        sa.Column("arn", OrderedText, primary_key=True),
        sa.Column("key_arn", OrderedText, primary_key=True),
        sa.Column("role_id", OrderedText, primary_key=True),
        sa.Column("grant_id", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["arn"], ["lambda_functions.arn"], ondelete="CASCADE"),
    )


def _layers() -> None:
    op.create_table(
        "lambda_layers",
        sa.Column("arn", OrderedText, primary_key=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("name", OrderedText, nullable=False),
        sa.Column("last_number", sa.Integer, nullable=False),
    )
    op.create_index("ix_lambda_layers_name", "lambda_layers", ["account_id", "region", "name"], unique=True)
    op.create_table(
        "lambda_layer_versions",
        sa.Column("arn", OrderedText, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("code_id", sa.String(32), nullable=False),
        sa.Column("is_deleted", sa.Boolean, nullable=False),
        sa.Column("policy", sa.Text),
        sa.Column("policy_revision_id", sa.String(36)),
        sa.ForeignKeyConstraint(["arn"], ["lambda_layers.arn"], ondelete="CASCADE"),
    )
    op.create_index("ix_lambda_layer_versions_code", "lambda_layer_versions", ["code_id"])
    op.create_table(
        "lambda_layer_uses",
        sa.Column("arn", OrderedText, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("layer_arn", OrderedText, nullable=False),
        sa.Column("layer_number", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(
            ["arn", "number"], ["lambda_versions.arn", "lambda_versions.number"], ondelete="CASCADE"
        ),
    )
    op.create_index("ix_lambda_layer_uses_layer", "lambda_layer_uses", ["layer_arn", "layer_number"])
