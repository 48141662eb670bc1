"""Lambda's tables, and every statement that touches functions and their versions.

What a function is and how it is found is in clear. Its environment variables are ciphertext under a data key that only
KMS decrypts; its code is sealed under a key of its own, which is in a sealed column.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.engine import Row

from strongroom.operations.quotas.quota import ResourceUse
from strongroom.storage.column_types import Bytes, JsonText, OrderedText, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.replace import replace_row
from strongroom.storage.schema import metadata
from strongroom.storage.sealed_column import Sealed

CODE_PLACE = "lambda_codes/{code_id}"
LATEST_NUMBER = 0

FUNCTIONS = Table(
    "lambda_functions",
    metadata,
    Column("arn", OrderedText, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("name", OrderedText, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("last_number", Integer, nullable=False),
    Column("reserved_concurrency", Integer),
    Column("recursive_loop", String(16)),
    Column("tags", JsonText),
    Index("ix_lambda_functions_name", "account_id", "region", "name", unique=True),
)
"""`last_number` is that of the version published last: no number is given twice. `tags` is NULL for none."""

VERSIONS = Table(
    "lambda_versions",
    metadata,
    Column("arn", OrderedText, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("revision_id", String(36), nullable=False),
    Column("modified_at", Timestamp, nullable=False),
    Column("settings", JsonText, nullable=False),
    Column("code_id", String(32), nullable=False),
    Column("variables", Bytes),
    Column("variables_key", Bytes),
    Column("variables_key_arn", Text),
    ForeignKeyConstraint(["arn"], ["lambda_functions.arn"], ondelete="CASCADE"),
    Index("ix_lambda_versions_code", "code_id"),
)
"""Number 0 is `$LATEST`. `settings` are the members of a request that are frozen with a version, under AWS's names;
environment variables are not among them. `variables_key` is the data key, encrypted as the KMS key made it."""

CODES = Table(
    "lambda_codes",
    metadata,
    Column("code_id", String(32), primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("sha256", String(44), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("unzipped_size", BigInteger, nullable=False),
    Column("stored_size", BigInteger, nullable=False),
    Column("blob", Text),
    Column("inline", Bytes),
    Column("sealed_key", Sealed(CODE_PLACE), nullable=False),
    Column("kms_key_arn", Text),
    Column("function_arn", OrderedText),
    Index("ix_lambda_codes_account", "account_id", "region"),
    Index("ix_lambda_codes_blob", "blob"),
)
"""Archives of functions and layers: as sealed bytes in the row, or in a blob. Several versions may share one.

`sealed_key` is the data key; with a customer's KMS key (`kms_key_arn`) it is what that key made of it, for the function
`function_arn`.
"""

CODE_DETAILS = (CODES.c.sha256, CODES.c.size, CODES.c.unzipped_size, CODES.c.kms_key_arn)
"""What is told of an archive beside its id."""

ALIASES = Table(
    "lambda_aliases",
    metadata,
    Column("arn", OrderedText, primary_key=True),
    Column("name", OrderedText, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("description", Text, nullable=False),
    Column("weights", JsonText),
    Column("revision_id", String(36), nullable=False),
    ForeignKeyConstraint(["arn"], ["lambda_functions.arn"], ondelete="CASCADE"),
)
"""`weights` are the shares of further versions, by their numbers as text."""

POLICIES = Table(
    "lambda_policies",
    metadata,
    Column("arn", OrderedText, primary_key=True),
    Column("qualifier", OrderedText, primary_key=True),
    Column("policy", Text, nullable=False),
    ForeignKeyConstraint(["arn"], ["lambda_functions.arn"], ondelete="CASCADE"),
)
"""The resource policies of a function (an empty qualifier), of its versions and of its aliases."""

EVENT_INVOKE_CONFIGS = Table(
    "lambda_event_invoke_configs",
    metadata,
    Column("arn", OrderedText, primary_key=True),
    Column("qualifier", OrderedText, primary_key=True),
    Column("modified_at", Timestamp, nullable=False),
    Column("settings", JsonText, nullable=False),
    ForeignKeyConstraint(["arn"], ["lambda_functions.arn"], ondelete="CASCADE"),
)
"""How asynchronous invocations are retried and where they end; the qualifier is `$LATEST` for none."""

GRANTS = Table(
    "lambda_grants",
    metadata,
    Column("arn", OrderedText, primary_key=True),
    Column("key_arn", OrderedText, primary_key=True),
    Column("role_id", OrderedText, primary_key=True),
    Column("grant_id", String(64), nullable=False),
    ForeignKeyConstraint(["arn"], ["lambda_functions.arn"], ondelete="CASCADE"),
)
"""The KMS grants by which a function's role decrypts its environment variables. `role_id` is its unique id."""

LAYERS = Table(
    "lambda_layers",
    metadata,
    Column("arn", OrderedText, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("name", OrderedText, nullable=False),
    Column("last_number", Integer, nullable=False),
    Index("ix_lambda_layers_name", "account_id", "region", "name", unique=True),
)
"""Layers outlive their versions: a number is not given twice."""

LAYER_VERSIONS = Table(
    "lambda_layer_versions",
    metadata,
    Column("arn", OrderedText, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("created_at", Timestamp, nullable=False),
    Column("settings", JsonText, nullable=False),
    Column("code_id", String(32), nullable=False),
    Column("is_deleted", Boolean, nullable=False),
    Column("policy", Text),
    Column("policy_revision_id", String(36)),
    ForeignKeyConstraint(["arn"], ["lambda_layers.arn"], ondelete="CASCADE"),
    Index("ix_lambda_layer_versions_code", "code_id"),
)
"""A deleted version stays for the functions that use it, and is gone for everybody else."""

LAYER_USES = Table(
    "lambda_layer_uses",
    metadata,
    Column("arn", OrderedText, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("layer_arn", OrderedText, nullable=False),
    Column("layer_number", Integer, nullable=False),
    ForeignKeyConstraint(["arn", "number"], ["lambda_versions.arn", "lambda_versions.number"], ondelete="CASCADE"),
    Index("ix_lambda_layer_uses_layer", "layer_arn", "layer_number"),
)
"""The layers of each version of a function, in their order."""


def select_function(connection: Connection, account_id: str, region: str, name: str) -> Row[Any] | None:
    """Return a function by its name, or None."""
    this = (FUNCTIONS.c.account_id == account_id) & (FUNCTIONS.c.region == region) & (FUNCTIONS.c.name == name)
    return connection.execute(select(FUNCTIONS).where(this)).one_or_none()


def insert_function(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert one function."""
    connection.execute(FUNCTIONS.insert().values(values))


def update_function(connection: Connection, arn: str, values: Mapping[str, Any]) -> None:
    """Change columns of a function."""
    connection.execute(update(FUNCTIONS).where(FUNCTIONS.c.arn == arn).values(values))


def delete_function(connection: Connection, arn: str) -> None:
    """Remove a function, and with it its versions, aliases, policies and configurations."""
    connection.execute(delete(FUNCTIONS).where(FUNCTIONS.c.arn == arn))


_VERSIONS_WITH_CODE = select(VERSIONS, *CODE_DETAILS).join(CODES, CODES.c.code_id == VERSIONS.c.code_id)


def select_version(connection: Connection, arn: str, number: int) -> Row[Any] | None:
    """Return a version of a function, and what is known of its code, or None."""
    this = (VERSIONS.c.arn == arn) & (VERSIONS.c.number == number)
    return connection.execute(_VERSIONS_WITH_CODE.where(this)).one_or_none()


def list_versions(connection: Connection, arn: str, after: int, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` versions of a function, `$LATEST` first, with numbers greater than `after`."""
    those = (VERSIONS.c.arn == arn) & (VERSIONS.c.number > after)
    return connection.execute(_VERSIONS_WITH_CODE.where(those).order_by(VERSIONS.c.number).limit(limit)).all()


def list_functions(
    connection: Connection,
    account_id: str,
    region: str,
    after: tuple[str, int],
    limit: int,
    *,
    every_version: bool,
) -> Sequence[Row[Any]]:
    """Return up to `limit` versions of the functions of an account and Region behind a position (name and number).

    They are those of `$LATEST` unless `every_version` asks for all; each row has the function's name.
    """
    name, number = after
    theirs = (FUNCTIONS.c.account_id == account_id) & (FUNCTIONS.c.region == region)
    behind = (FUNCTIONS.c.name > name) | ((FUNCTIONS.c.name == name) & (VERSIONS.c.number > number))
    statement = _VERSIONS_WITH_CODE.add_columns(FUNCTIONS.c.name).join(FUNCTIONS, FUNCTIONS.c.arn == VERSIONS.c.arn)
    if not every_version:
        statement = statement.where(VERSIONS.c.number == LATEST_NUMBER)
    ordered = statement.where(theirs & behind).order_by(FUNCTIONS.c.name, VERSIONS.c.number)
    return connection.execute(ordered.limit(limit)).all()


def insert_version(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert one version of a function."""
    connection.execute(VERSIONS.insert().values(values))


def update_version(connection: Connection, arn: str, number: int, values: Mapping[str, Any]) -> None:
    """Change columns of a version."""
    connection.execute(update(VERSIONS).where((VERSIONS.c.arn == arn) & (VERSIONS.c.number == number)).values(values))


def delete_version(connection: Connection, arn: str, number: int) -> None:
    """Remove a version of a function, and the policy and configuration of that version."""
    connection.execute(delete(VERSIONS).where((VERSIONS.c.arn == arn) & (VERSIONS.c.number == number)))
    for table in (POLICIES, EVENT_INVOKE_CONFIGS):
        connection.execute(delete(table).where((table.c.arn == arn) & (table.c.qualifier == str(number))))


def codes_of_function(connection: Connection, arn: str) -> Sequence[str]:
    """Return the ids of the code of every version of a function."""
    return connection.execute(select(VERSIONS.c.code_id).where(VERSIONS.c.arn == arn).distinct()).scalars().all()


def insert_code(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert the row of an archive."""
    connection.execute(CODES.insert().values(values))


def select_code(connection: Connection, code_id: str) -> Row[Any] | None:
    """Return the row of an archive, or None."""
    return connection.execute(select(CODES).where(CODES.c.code_id == code_id)).one_or_none()


def codes_behind(connection: Connection, after: str, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` archives behind one, in the order of their ids."""
    return connection.execute(select(CODES).where(CODES.c.code_id > after).order_by(CODES.c.code_id).limit(limit)).all()


def total_codes(connection: Connection) -> tuple[int, int]:
    """Return how many archives there are, and how many bytes they take as they are stored."""
    count, size = connection.execute(select(func.count(), func.coalesce(func.sum(CODES.c.stored_size), 0))).one()
    return int(count), int(size)


def delete_unused_codes(connection: Connection, code_ids: Iterable[str]) -> list[str]:
    """Remove those of some archives that no version of a function or layer has any more; return their blobs."""
    blobs = []
    for code_id in code_ids:
        users = (select(table.c.code_id).where(table.c.code_id == code_id) for table in (VERSIONS, LAYER_VERSIONS))
        if any(connection.execute(user.limit(1)).first() is not None for user in users):
            continue
        blob = connection.execute(select(CODES.c.blob).where(CODES.c.code_id == code_id)).scalar_one_or_none()
        connection.execute(delete(CODES).where(CODES.c.code_id == code_id))
        if blob is not None:
            blobs.append(blob)
    return blobs


def blobs_among(connection: Connection, names: Sequence[str]) -> Sequence[str]:
    """Return which of some blobs hold an archive."""
    return [blob for blob in connection.execute(select(CODES.c.blob).where(CODES.c.blob.in_(names))).scalars() if blob]


def stored_bytes(connection: Connection, account_id: str, region: str) -> int:
    """Return how many bytes the archives of an account take in a Region, as they were uploaded."""
    those = (CODES.c.account_id == account_id) & (CODES.c.region == region)
    return int(connection.execute(select(func.coalesce(func.sum(CODES.c.size), 0)).where(those)).scalar_one())


def stored_bytes_of_accounts(connection: Connection) -> Iterable[ResourceUse]:
    """Yield how many gigabytes the archives of each account take in each Region."""
    statement = select(CODES.c.account_id, CODES.c.region, func.sum(CODES.c.size))
    for account_id, region, size in connection.execute(statement.group_by(CODES.c.account_id, CODES.c.region)):
        yield ResourceUse(account_id, region, float(size) / 1024**3)


def count_functions(connection: Connection, account_id: str, region: str) -> int:
    """Return how many functions an account has in a Region."""
    those = (FUNCTIONS.c.account_id == account_id) & (FUNCTIONS.c.region == region)
    return connection.execute(select(func.count()).select_from(FUNCTIONS).where(those)).scalar_one()


def reserved_concurrency(connection: Connection, account_id: str, region: str, besides: str) -> int:
    """Return how much concurrency the functions of an account have reserved in a Region, without one of them."""
    those = (FUNCTIONS.c.account_id == account_id) & (FUNCTIONS.c.region == region) & (FUNCTIONS.c.arn != besides)
    reserved = func.coalesce(func.sum(FUNCTIONS.c.reserved_concurrency), 0)
    return int(connection.execute(select(reserved).where(those)).scalar_one())


def update_alias(connection: Connection, arn: str, name: str, values: Mapping[str, Any]) -> None:
    """Change columns of an alias."""
    connection.execute(update(ALIASES).where((ALIASES.c.arn == arn) & (ALIASES.c.name == name)).values(values))


def aliases_of(connection: Connection, arn: str) -> Sequence[Row[Any]]:
    """Return the aliases of a function, in the order of their names."""
    return connection.execute(select(ALIASES).where(ALIASES.c.arn == arn).order_by(ALIASES.c.name)).all()


def put_alias(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert an alias, or put it in place of what it was."""
    replace_row(connection, ALIASES, values)


def delete_alias(connection: Connection, arn: str, name: str) -> None:
    """Remove an alias, and its policy and configuration."""
    connection.execute(delete(ALIASES).where((ALIASES.c.arn == arn) & (ALIASES.c.name == name)))
    for table in (POLICIES, EVENT_INVOKE_CONFIGS):
        connection.execute(delete(table).where((table.c.arn == arn) & (table.c.qualifier == name)))


def policies_of(connection: Connection, arn: str) -> Sequence[Row[Any]]:
    """Return the resource policies of a function, its versions and its aliases."""
    return connection.execute(select(POLICIES).where(POLICIES.c.arn == arn)).all()


def put_policy(connection: Connection, values: Mapping[str, Any]) -> None:
    """Put a resource policy in place of the one of its function and qualifier."""
    replace_row(connection, POLICIES, values)


def delete_policy(connection: Connection, arn: str, qualifier: str) -> None:
    """Take a resource policy away."""
    connection.execute(delete(POLICIES).where((POLICIES.c.arn == arn) & (POLICIES.c.qualifier == qualifier)))


def event_invoke_configs_of(connection: Connection, arn: str) -> Sequence[Row[Any]]:
    """Return the configurations for asynchronous invocation of a function, in the order of their qualifiers."""
    statement = select(EVENT_INVOKE_CONFIGS).where(EVENT_INVOKE_CONFIGS.c.arn == arn)
    return connection.execute(statement.order_by(EVENT_INVOKE_CONFIGS.c.qualifier)).all()


def put_event_invoke_config(connection: Connection, values: Mapping[str, Any]) -> None:
    """Put a configuration for asynchronous invocation in place of the one of its function and qualifier."""
    replace_row(connection, EVENT_INVOKE_CONFIGS, values)


def delete_event_invoke_config(connection: Connection, arn: str, qualifier: str) -> None:
    """Take a configuration for asynchronous invocation away."""
    this = (EVENT_INVOKE_CONFIGS.c.arn == arn) & (EVENT_INVOKE_CONFIGS.c.qualifier == qualifier)
    connection.execute(delete(EVENT_INVOKE_CONFIGS).where(this))


def grants_of(connection: Connection, arn: str) -> Sequence[Row[Any]]:
    """Return the KMS grants that were made for a function."""
    return connection.execute(select(GRANTS).where(GRANTS.c.arn == arn)).all()


def put_grant(connection: Connection, values: Mapping[str, Any]) -> None:
    """Note a KMS grant that was made for a function."""
    replace_row(connection, GRANTS, values)
