"""Every statement that touches layers and their versions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.engine import Row

from strongroom.services.lambda_.tables import (
    CODE_DETAILS,
    CODES,
    LAYER_USES,
    LAYER_VERSIONS,
    LAYERS,
    delete_unused_codes,
)
from strongroom.storage.connection import Connection
from strongroom.storage.replace import replace_row

LayerVersion = tuple[str, int]
"""The ARN of a layer, and the number of one of its versions."""

_WITH_CODE = select(LAYER_VERSIONS, *CODE_DETAILS).join(CODES, CODES.c.code_id == LAYER_VERSIONS.c.code_id)


def layers_used_by(connection: Connection, arn: str, number: int) -> Sequence[Row[Any]]:
    """Return the versions of layers that a version of a function uses, in their order, with their archives."""
    of_layer = (LAYER_VERSIONS.c.arn == LAYER_USES.c.layer_arn) & (LAYER_VERSIONS.c.number == LAYER_USES.c.layer_number)
    statement: Any = (
        select(LAYER_USES.c.layer_arn, LAYER_USES.c.layer_number, CODES.c.code_id, *CODE_DETAILS)
        .join(LAYER_VERSIONS, of_layer)
        .join(CODES, CODES.c.code_id == LAYER_VERSIONS.c.code_id)
        .where((LAYER_USES.c.arn == arn) & (LAYER_USES.c.number == number))
    )
    found: Sequence[Row[Any]] = connection.execute(statement.order_by(LAYER_USES.c.position)).all()
    return found


def uses_of_function(connection: Connection, arn: str) -> Sequence[LayerVersion]:
    """Return the versions of layers that any version of a function uses."""
    statement = select(LAYER_USES.c.layer_arn, LAYER_USES.c.layer_number).where(LAYER_USES.c.arn == arn).distinct()
    return [(row.layer_arn, row.layer_number) for row in connection.execute(statement)]


def put_uses(connection: Connection, arn: str, number: int, layers: Sequence[LayerVersion]) -> None:
    """Write which layers a version of a function uses, in place of those that it used."""
    connection.execute(delete(LAYER_USES).where((LAYER_USES.c.arn == arn) & (LAYER_USES.c.number == number)))
    for position, (layer_arn, layer_number) in enumerate(layers):
        values = {"arn": arn, "number": number, "position": position}
        connection.execute(LAYER_USES.insert().values(layer_arn=layer_arn, layer_number=layer_number, **values))


def select_layer(connection: Connection, arn: str) -> Row[Any] | None:
    """Return a layer, or None."""
    return connection.execute(select(LAYERS).where(LAYERS.c.arn == arn)).one_or_none()


def put_layer(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a layer, or change it."""
    replace_row(connection, LAYERS, values)


def insert_layer_version(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert one version of a layer."""
    connection.execute(LAYER_VERSIONS.insert().values(values))


def select_layer_version(connection: Connection, arn: str, number: int) -> Row[Any] | None:
    """Return a version of a layer, and what is known of its archive; a deleted one too; or None."""
    this = (LAYER_VERSIONS.c.arn == arn) & (LAYER_VERSIONS.c.number == number)
    return connection.execute(_WITH_CODE.where(this)).one_or_none()


def update_layer_version(connection: Connection, arn: str, number: int, values: Mapping[str, Any]) -> None:
    """Change columns of a version of a layer."""
    this = (LAYER_VERSIONS.c.arn == arn) & (LAYER_VERSIONS.c.number == number)
    connection.execute(update(LAYER_VERSIONS).where(this).values(values))


def list_layer_versions(connection: Connection, arn: str, before: int) -> Sequence[Row[Any]]:
    """Return the versions of a layer with numbers below `before` that are not deleted, the newest first."""
    those = (LAYER_VERSIONS.c.arn == arn) & (LAYER_VERSIONS.c.number < before) & LAYER_VERSIONS.c.is_deleted.is_(False)
    return connection.execute(_WITH_CODE.where(those).order_by(LAYER_VERSIONS.c.number.desc())).all()


def list_layers(connection: Connection, account_id: str, region: str, after: str) -> Sequence[Row[Any]]:
    """Return the layers of an account and Region that have versions, behind a name, in the order of their names."""
    theirs = (LAYERS.c.account_id == account_id) & (LAYERS.c.region == region) & (LAYERS.c.name > after)
    alive = (
        select(func.count())
        .where((LAYER_VERSIONS.c.arn == LAYERS.c.arn) & LAYER_VERSIONS.c.is_deleted.is_(False))
        .scalar_subquery()
    )
    return connection.execute(select(LAYERS).where(theirs & (alive > 0)).order_by(LAYERS.c.name)).all()


def purge_deleted(connection: Connection, versions: Iterable[LayerVersion]) -> list[str]:
    """Remove those of some versions of layers that are deleted and that no function uses; return their blobs."""
    code_ids = []
    for arn, number in versions:
        this = (LAYER_VERSIONS.c.arn == arn) & (LAYER_VERSIONS.c.number == number)
        found = connection.execute(select(LAYER_VERSIONS).where(this)).one_or_none()
        use = (LAYER_USES.c.layer_arn == arn) & (LAYER_USES.c.layer_number == number)
        if found is None or not found.is_deleted:
            continue
        if connection.execute(select(LAYER_USES.c.arn).where(use).limit(1)).first() is None:
            connection.execute(delete(LAYER_VERSIONS).where(this))
            code_ids.append(found.code_id)
    return delete_unused_codes(connection, code_ids)
