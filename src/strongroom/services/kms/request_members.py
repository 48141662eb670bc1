"""Members that requests of many operations have, and what they mean everywhere."""

from collections.abc import Mapping
from typing import Any

from strongroom.services.kms import errors


def refuse_what_is_not_served(params: Mapping[str, Any]) -> None:
    """Raise for request members whose meaning would otherwise be ignored silently."""
    if params.get("Recipient") is not None:
        raise errors.unsupported("Strongroom does not serve Recipient: it has no Nitro Enclaves to attest.")


def end_dry_run(params: Mapping[str, Any]) -> None:
    """Raise DryRunOperationException when the caller wanted no more than to know whether it would work."""
    if params.get("DryRun"):
        raise errors.dry_run_succeeded()
