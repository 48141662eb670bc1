"""Versions on their way into the database: their rows, and whether anything changed since the last was published."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

from strongroom.services.lambda_ import tables
from strongroom.services.lambda_.function import Function
from strongroom.services.lambda_.function_directory import load_version
from strongroom.services.lambda_.function_version import FunctionVersion, SealedVariables
from strongroom.services.lambda_.layers.used_layers import put_layers
from strongroom.storage.connection import Connection

PUBLISHED_FROM = "PublishedFrom"
"""In the settings of a published version: the fingerprint of `$LATEST` as it was then."""


def variables_values(sealed: SealedVariables | None) -> dict[str, Any]:
    """Return the columns that hold encrypted variables."""
    return {
        "variables": sealed.ciphertext if sealed is not None else None,
        "variables_key": sealed.data_key if sealed is not None else None,
        "variables_key_arn": sealed.key_arn if sealed is not None else None,
    }


def version_values(
    version: FunctionVersion, number: int, revision_id: str, frozen: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the row of a version under a number; `frozen` are settings that it has besides."""
    return {
        "arn": version.function_arn,
        "number": number,
        "revision_id": revision_id,
        "modified_at": version.modified_at,
        "settings": {**version.settings, **(frozen or {})},
        "code_id": version.code.code_id,
        **variables_values(version.variables),
    }


def fingerprint(version: FunctionVersion) -> str:
    """Return what tells two states of `$LATEST` apart: settings, code, layers and variables."""
    variables = hashlib.sha256(version.variables.ciphertext).hexdigest() if version.variables is not None else ""
    layers = [layer.arn for layer in version.layers]
    told = json.dumps([version.settings, version.code.sha256, layers, variables], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def publish(connection: Connection, function: Function, description: str | None) -> FunctionVersion:
    """Make a version of `$LATEST` as it is now, or return the one that was published last if nothing changed since.

    `function` is what the database has now. `description` takes the place of the function's own.
    """
    latest = function.latest
    told = fingerprint(latest)
    last = load_version(connection, function, function.last_number) if function.last_number else None
    if last is not None and last.settings.get(PUBLISHED_FROM) == told:
        return last
    number = function.last_number + 1
    frozen = {PUBLISHED_FROM: told} | ({"Description": description} if description is not None else {})
    tables.insert_version(connection, version_values(latest, number, str(uuid.uuid4()), frozen))
    put_layers(connection, function.arn, number, latest.layers)
    tables.update_function(connection, function.arn, {"last_number": number})
    published = load_version(connection, function, number)
    if published is None:
        raise LookupError("a row that was just written is not there")
    return published
