"""The credential report: every user of an account with its credentials, as CSV.

It is made when it is fetched, so it is never older than its answer. Passwords, certificates and what else there is not
are reported as absent. Source: IAM User Guide, "Generate credential reports for your AWS account".
"""

import csv
import io
from collections.abc import Sequence
from typing import Any

from strongroom.base.arn import root_arn
from strongroom.base.clock import as_datetime
from strongroom.identities.accounts import ACTIVE
from strongroom.identities.identifiers import USER
from strongroom.identities.tables import select_account
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.iam.access import account_wide
from strongroom.services.iam.entity import arn_of
from strongroom.services.iam.lifecycle import PER_ACCOUNT_MAX
from strongroom.services.iam.policy_store import tables
from strongroom.services.iam.service import IAM
from strongroom.storage.connection import Connection

ACCESS_KEYS_REPORTED = 2
_ABSENT, _NO, _YES = "N/A", "false", "true"
_NOT_SUPPORTED = "not_supported"
_NO_PASSWORD = (_NO, _ABSENT, _ABSENT, _ABSENT)
_NO_CERTIFICATES = (_NO, _ABSENT, _NO, _ABSENT)
_KEY_COLUMNS = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
_COLUMNS = (
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    *(f"access_key_{number}_{column}" for number in range(1, ACCESS_KEYS_REPORTED + 1) for column in _KEY_COLUMNS),
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
)


@operation(IAM, "GenerateCredentialReport", needs=account_wide("iam:GenerateCredentialReport"), reads_only=True)
async def generate_credential_report(call: Call) -> Answer:
    """Say that the report can be fetched. Source: IAM API Reference, GenerateCredentialReport."""
    return {"State": "COMPLETE"}


@operation(IAM, "GetCredentialReport", needs=account_wide("iam:GetCredentialReport"), reads_only=True)
async def get_credential_report(call: Call) -> Answer:
    """Return the credential report of this moment. Source: IAM API Reference, GetCredentialReport."""
    rows = await call.read(lambda connection: _rows(connection, call))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_COLUMNS, *rows])
    return {
        "Content": text.getvalue().encode(),
        "ReportFormat": "text/csv",
        "GeneratedTime": as_datetime(call.now),
    }


def _time(seconds: float | None) -> str:
    return _ABSENT if seconds is None else as_datetime(int(seconds)).isoformat()


def _rows(connection: Connection, call: Call) -> list[list[str]]:
    account_id = call.account_id
    keys, with_mfa = tables.credentials_of(connection, account_id)
    by_holder: dict[str, list[Any]] = {}
    for key in keys:
        by_holder.setdefault(key.principal_id, []).append(key)

    def line(holder_id: str, name: str, arn: str, created_at: float | None, passwords: Sequence[str]) -> list[str]:
        mfa = _YES if holder_id in with_mfa else _NO
        return [name, arn, _time(created_at), *passwords, mfa, *_keys(by_holder.get(holder_id, ())), *_NO_CERTIFICATES]

    account = select_account(connection, account_id)
    created_at = account.created_at if account is not None else None
    root = root_arn(account_id, call.house.directory.partition)
    users = tables.list_identities(connection, account_id, (USER,), ("", ""), PER_ACCOUNT_MAX[USER])
    return [
        line(account_id, "<root_account>", root, created_at, [_NOT_SUPPORTED] * 4),
        *(line(row.unique_id, row.name, arn_of(call, row), row.created_at, _NO_PASSWORD) for row in users),
    ]


def _keys(keys: Sequence[Any]) -> list[str]:
    reported: list[str] = []
    for key in keys[:ACCESS_KEYS_REPORTED]:
        reported += [
            _YES if key.status == ACTIVE else _NO,
            _time(key.created_at),
            _time(key.last_used_at),
            key.last_used_region or _ABSENT,
            key.last_used_service or _ABSENT,
        ]
    missing = ACCESS_KEYS_REPORTED - len(keys[:ACCESS_KEYS_REPORTED])
    return reported + [_NO, _ABSENT, _ABSENT, _ABSENT, _ABSENT] * missing
