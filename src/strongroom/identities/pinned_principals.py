"""Principals of stored resource policies, kept by unique id: who is deleted and made anew is somebody else.

Whoever puts a policy names users and roles by their ARNs. What is stored names them by their unique ids; what is shown
has the ARNs again, as far as the identities exist, and otherwise the ids. Nothing else of a policy's text changes, not
even its white space. Source: IAM User Guide, "AWS JSON policy elements: Principal" ("IAM user principals", "IAM role
principals").
"""

import json
import re
from collections.abc import Callable, Iterator

from strongroom.base.arn import parse_arn
from strongroom.identities import tables
from strongroom.identities.directory import Directory
from strongroom.identities.identifiers import ROLE, USER
from strongroom.storage.store import Store

Lookup = Callable[[str], str | None]
"""What to put in a principal's place, or None to leave it."""

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]', re.DOTALL)
_UNIQUE_ID = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{12,124}")
_PRINCIPAL_MEMBERS = ("Principal", "NotPrincipal")


class UnknownPrincipal(Exception):  # noqa: N818 (it says what is wrong)
    """A policy names a user or role of this server that does not exist; `named` is how."""

    def __init__(self, named: str) -> None:
        super().__init__(f"no such principal: {named}")
        self.named = named


def aws_principals(text: str) -> frozenset[str]:
    """Return every AWS principal that the statements of a policy name, in the policy's words. Raises nothing."""
    return frozenset(value for _, value in _principal_strings(text))


def pinned(text: str, lookup: Lookup) -> str:
    """Return a policy with the unique ids that `lookup` knows in place of the ARNs of users and roles."""
    return _replaced(text, lambda value: None if _UNIQUE_ID.fullmatch(value) else lookup(value))


def shown(text: str, lookup: Lookup) -> str:
    """Return a stored policy with the ARNs that `lookup` knows in place of unique ids."""
    return _replaced(text, lambda value: lookup(value) if _UNIQUE_ID.fullmatch(value) else None)


async def pin(text: str, directory: Directory, store: Store) -> str:
    """Return a policy that parses, with the users and roles of this server named by their unique ids.

    Principals of accounts that are not on this server stay as they are: they are nobody here. Raises UnknownPrincipal
    for a user or role of an account of this server that does not exist, and for a unique id that is nobody's.
    """
    ids: dict[str, str] = {}
    for named in sorted(aws_principals(text)):
        if _UNIQUE_ID.fullmatch(named):
            if await directory.find(named) is None:
                raise UnknownPrincipal(named)
            continue
        account_id = _account_of_identity(named)
        if account_id is None:
            continue
        known = await directory.find_by_arn(named)
        if known is not None:
            ids[named] = known.unique_id
        elif await _is_account(store, account_id):
            raise UnknownPrincipal(named)
    return pinned(text, ids.get) if ids else text


async def show(text: str, directory: Directory) -> str:
    """Return a stored policy as it was put, with the ids of those who do not exist any more."""
    arns: dict[str, str] = {}
    for named in aws_principals(text):
        if _UNIQUE_ID.fullmatch(named):
            known = await directory.find(named)
            if known is not None:
                arns[named] = known.arn
    return shown(text, arns.get) if arns else text


def _account_of_identity(named: str) -> str | None:
    """Return the account of the user or role that an ARN names, None for any other principal."""
    arn = parse_arn(named)
    if arn is None or arn.service != "iam" or arn.resource.partition("/")[0] not in (USER, ROLE):
        return None
    return arn.account_id


async def _is_account(store: Store, account_id: str) -> bool:
    return await store.read(lambda connection: tables.select_account(connection, account_id) is not None)


def _replaced(text: str, lookup: Lookup) -> str:
    pieces: list[str] = []
    end = 0
    for token, value in _principal_strings(text):
        other = lookup(value)
        if other is not None:
            pieces += (text[end : token.start()], json.dumps(other))
            end = token.end()
    return "".join((*pieces, text[end:]))


def _principal_strings(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Yield the tokens of `text` that are AWS principals of a statement, each with the string that it stands for.

    `path` has an entry for each object and list that is open: the name of the current member, None for a list.
    """
    path: list[str | None] = []
    names_next = False
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "{":
                path.append("")
                names_next = True
            case "[":
                path.append(None)
                names_next = False
            case "}" | "]":
                if path:
                    path.pop()
                names_next = False
            case ",":
                names_next = bool(path) and path[-1] is not None
            case ":":
                names_next = False
            case literal if names_next:
                path[-1] = _string(literal)
            case literal if _is_principal_path([name for name in path if name is not None]):
                yield token, _string(literal)


def _is_principal_path(names: list[str]) -> bool:
    return len(names) == 3 and names[0] == "Statement" and names[1] in _PRINCIPAL_MEMBERS and names[2] == "AWS"


def _string(literal: str) -> str:
    try:
        value: str = json.loads(literal)
    except ValueError:
        # Not JSON, so no policy that was ever accepted: it stays as it is.
        return literal
    return value
