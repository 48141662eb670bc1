"""GetRandomPassword. Source: AWS Secrets Manager API Reference, GetRandomPassword."""

import secrets
import string
from collections.abc import Mapping
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.secretsmanager import errors
from strongroom.services.secretsmanager.access import account_wide
from strongroom.services.secretsmanager.quotas import own_quota
from strongroom.services.secretsmanager.service import SECRETS_MANAGER

DEFAULT_LENGTH = 32

_KINDS: tuple[tuple[str, str], ...] = (
    ("ExcludeLowercase", string.ascii_lowercase),
    ("ExcludeUppercase", string.ascii_uppercase),
    ("ExcludeNumbers", string.digits),
    ("ExcludePunctuation", string.punctuation),
)


def _kinds(params: Mapping[str, Any]) -> list[str]:
    """Return the characters of each kind that the password may have, without kinds that nothing is left of."""
    wanted = [characters for member, characters in _KINDS if not params.get(member)]
    if params.get("IncludeSpace"):
        wanted.append(" ")
    excluded = set(params.get("ExcludeCharacters") or "")
    left = ("".join(character for character in kind if character not in excluded) for kind in wanted)
    return [kind for kind in left if kind]


@operation(
    SECRETS_MANAGER,
    "GetRandomPassword",
    needs=account_wide("secretsmanager:GetRandomPassword"),
    quota=own_quota("GetRandomPassword"),
    reads_only=True,
)
async def get_random_password(call: Call) -> Answer:
    """Return a random password, of every kind of character unless told otherwise. Source: GetRandomPassword.

    Raises InvalidParameterException when no character is left, or the length is too short for one of each kind.
    """
    params = call.params
    kinds = _kinds(params)
    if not kinds:
        raise errors.invalid_parameter("The password has no characters to choose from: everything is excluded.")
    length = params.get("PasswordLength")
    length = DEFAULT_LENGTH if length is None else length
    required = kinds if params.get("RequireEachIncludedType", True) else []
    if length < len(required):
        raise errors.invalid_parameter("Password length is too short based on the required types.")
    return {"RandomPassword": _password(kinds, required, length)}


def _password(kinds: list[str], required: list[str], length: int) -> str:
    random = secrets.SystemRandom()
    every = "".join(kinds)
    characters = [random.choice(kind) for kind in required]
    characters += random.choices(every, k=length - len(characters))
    random.shuffle(characters)
    return "".join(characters)
