"""Pages of secrets and of versions. Source: API Reference, ListSecrets, ListSecretVersionIds."""

import asyncio
import json
import math
from typing import Any, NamedTuple

from strongroom.base.clock import as_datetime
from strongroom.operations.call import Call
from strongroom.operations.page_position import position_of, position_text
from strongroom.operations.registry import Answer, operation
from strongroom.services.secretsmanager import errors, tables
from strongroom.services.secretsmanager.access import about_secret, account_wide, existing
from strongroom.services.secretsmanager.accesses import Accesses
from strongroom.services.secretsmanager.description import described
from strongroom.services.secretsmanager.filters import Test, read_filters
from strongroom.services.secretsmanager.quotas import own_quota
from strongroom.services.secretsmanager.secret import EMPTY
from strongroom.services.secretsmanager.service import SECRETS_MANAGER

SECRETS_PER_PAGE = VERSIONS_PER_PAGE = 100
ROWS_PER_READ = 500
ROWS_PER_PAGE_MAX = 10_000
"""How many secrets a request looks at: a page may end before it is full, and tell where to go on."""

_DEFAULT_KEY = "DefaultEncryptionKey"


class Page(NamedTuple):
    """Secrets' rows, and the NextToken member, if more follow."""

    rows: list[Any]
    next_token: dict[str, str]


def _position(call: Call) -> Any:
    token = call.params.get("NextToken")
    if token is None:
        return None
    try:
        value, identifier = json.loads(position_of(call.operation.name, token))
    except (ValueError, TypeError):
        raise errors.invalid_token() from None
    # Anybody may make up a token: no database is asked for what it could not even hold.
    if not _is_text(identifier) or not (_is_text(value) or (isinstance(value, float) and math.isfinite(value))):
        raise errors.invalid_token()
    return value, identifier


def _is_text(part: Any) -> bool:
    return isinstance(part, str) and part.isascii() and part.isprintable()


def _token(call: Call, value: Any, identifier: str) -> dict[str, str]:
    return {"NextToken": position_text(call.operation.name, json.dumps([value, identifier]))}


class Listing:
    """The secrets of the caller's account and Region that pass a test, a page at a time."""

    def __init__(self, call: Call, test: Test, *, limit: int) -> None:
        self._call = call
        self._test = test
        self._limit = limit
        self._sort_by: str = call.params.get("SortBy") or "created-date"
        self._after = _position(call)
        if self._after is not None and isinstance(self._after[0], str) is not (self._sort_by == "name"):
            raise errors.invalid_token()

    async def page(self) -> Page:
        """Return the page that the request asks for. Raises InvalidNextTokenException."""
        found: list[Any] = []
        for _ in range(ROWS_PER_PAGE_MAX // ROWS_PER_READ):
            rows = await self._call.read(self._read)
            for row in rows:
                if self._test(row):
                    if len(found) == self._limit:
                        return Page(found, _token(self._call, found[-1].sorted_by, found[-1].arn))
                    found.append(row)
            if len(rows) < ROWS_PER_READ:
                return Page(found, {})
            self._after = (rows[-1].sorted_by, rows[-1].arn)
            # A long search lets others have their turn.
            await asyncio.sleep(0)
        return Page(found, _token(self._call, *self._after))

    def _read(self, connection: Any) -> Any:
        call = self._call
        return tables.list_secrets(
            connection,
            call.account_id,
            call.region,
            sort_by=self._sort_by,
            descending=call.params.get("SortOrder") == "desc",
            after=self._after,
            limit=ROWS_PER_READ,
            with_deleted=bool(call.params.get("IncludePlannedDeletion")),
        )


@operation(
    SECRETS_MANAGER,
    "ListSecrets",
    needs=account_wide("secretsmanager:ListSecrets"),
    quota=own_quota("ListSecrets"),
    reads_only=True,
)
async def list_secrets(call: Call) -> Answer:
    """List the secrets of the account and Region, replicas too. Source: API Reference, ListSecrets."""
    await call.house.part(Accesses).written()
    listing = Listing(
        call, read_filters(call.params.get("Filters")), limit=call.params.get("MaxResults") or SECRETS_PER_PAGE
    )
    page = await listing.page()
    arns = [row.arn for row in page.rows]
    stages: dict[str, dict[str, list[str]]] = {arn: {} for arn in arns}
    if arns:
        for each in await call.read(lambda connection: tables.stages_of_many(connection, arns)):
            stages[each.arn].setdefault(each.version_id, []).append(each.label)
    listed = []
    for row in page.rows:
        entry = described(row)
        if stages[row.arn]:
            entry["SecretVersionsToStages"] = stages[row.arn]
        listed.append(entry)
    return {"SecretList": listed, **page.next_token}


@operation(
    SECRETS_MANAGER,
    "ListSecretVersionIds",
    needs=about_secret("secretsmanager:ListSecretVersionIds"),
    quota=own_quota("ListSecretVersionIds"),
    reads_only=True,
)
async def list_secret_version_ids(call: Call) -> Answer:
    """List a secret's versions, the oldest first. Source: API Reference, ListSecretVersionIds."""
    secret = existing(call)
    limit, after = call.params.get("MaxResults") or VERSIONS_PER_PAGE, _position(call)
    if after is not None and not isinstance(after[0], float):
        raise errors.invalid_token()
    await call.house.part(Accesses).written()
    rows, stages = await call.read(
        lambda connection: (
            tables.list_versions(
                connection,
                secret.arn,
                with_deprecated=bool(call.params.get("IncludeDeprecated")),
                after=after,
                limit=limit + 1,
            ),
            tables.stages_of(connection, secret.arn),
        )
    )
    answer: Answer = {
        "Versions": [_version(row, stages) for row in rows[:limit]],
        "ARN": secret.arn,
        "Name": secret.name,
    }
    if len(rows) > limit:
        answer |= _token(call, rows[limit - 1].created_at, rows[limit - 1].version_id)
    return answer


def _version(row: Any, stages: dict[str, str]) -> dict[str, Any]:
    entry: dict[str, Any] = {"VersionId": row.version_id}
    labels = [label for label, version_id in stages.items() if version_id == row.version_id]
    if labels:
        entry["VersionStages"] = labels
    if row.accessed_at is not None:
        entry["LastAccessedDate"] = as_datetime(row.accessed_at)
    entry["CreatedDate"] = as_datetime(row.created_at)
    if row.kind != EMPTY:
        entry["KmsKeyIds"] = [_DEFAULT_KEY if row.is_default_key else row.key_arn]
    return entry
