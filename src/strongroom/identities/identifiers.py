"""Unique ids, access key ids and ARNs of accounts' identities. Source: IAM User Guide, "IAM identifiers"."""

import secrets
import string
from typing import Final

USER: Final = "user"
GROUP: Final = "group"
ROLE: Final = "role"

_PREFIXES = {USER: "AIDA", GROUP: "AGPA", ROLE: "AROA", "policy": "ANPA", "instance-profile": "AIPA"}
_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_SECRET_ALPHABET = string.ascii_letters + string.digits + "+/"


def _sixteen_characters() -> str:
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(16))


def new_unique_id(kind: str) -> str:
    """Return a new unique id for a `user`, `group`, `role`, `policy` or `instance-profile`: 80 random bits."""
    return _PREFIXES[kind] + "A" + _sixteen_characters()


def new_access_key_id(*, temporary: bool = False) -> str:
    """Return a new access key id: `AKIA`, or `ASIA` for temporary credentials, and 16 characters."""
    return ("ASIA" if temporary else "AKIA") + _sixteen_characters()


def new_secret_access_key() -> str:
    """Return a new secret access key: 40 random characters, 240 bits."""
    return "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(40))


def identity_arn(partition: str, account_id: str, kind: str, path: str, name: str) -> str:
    """Return the ARN of a user, group, role, policy or instance profile; `path` begins and ends with `/`."""
    return f"arn:{partition}:iam::{account_id}:{kind}{path}{name}"


def session_arn(partition: str, account_id: str, role_name: str, session_name: str) -> str:
    """Return the ARN of a role session; the role's path is no part of it."""
    return f"arn:{partition}:sts::{account_id}:assumed-role/{role_name}/{session_name}"


def federated_user_arn(partition: str, account_id: str, name: str) -> str:
    """Return the ARN of a session that GetFederationToken made."""
    return f"arn:{partition}:sts::{account_id}:federated-user/{name}"
