"""Names of parameters: what they may be, the ARNs that they lead to, and the version or label that may follow them.

Source: AWS Systems Manager User Guide, "About requirements and constraints for parameter names", "Working with
parameter versions", "Working with parameter labels".
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from strongroom.base.arn import parse_arn, partition_of
from strongroom.services.ssm import errors

LEVELS_MAX = 15
ARN_CHARACTERS_MAX = 1_011
"""What a name and the ARN in front of it may have together."""

REFERENCE_START = "/aws/reference/secretsmanager/"
"""What begins the name of a parameter that stands for a secret of Secrets Manager."""

_NAME = re.compile(r"(/?[a-zA-Z0-9_.-]+)(/[a-zA-Z0-9_.-]+)*")
_PATH = re.compile(r"(/[a-zA-Z0-9_.-]+)*/?")
_REFERENCE = re.compile(r"/aws/reference/secretsmanager/[a-zA-Z0-9/_+=.@!-]+")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_REMEMBERED_MAX = 4_096


def parameter_arn(account_id: str, region: str, name: str) -> str:
    """Return the ARN of a parameter, or of a path of a hierarchy: a leading slash is no part of it."""
    return f"arn:{partition_of(region)}:ssm:{region}:{account_id}:parameter/{name.removeprefix('/')}"


def parent_of(name: str) -> str:
    """Return the path that a parameter is directly in: `/` for one outside any hierarchy."""
    return name.rpartition("/")[0] or "/"


@dataclass(frozen=True, slots=True)
class Named:
    """What a request names: a parameter of an account and Region, and the version or label of it, if it names one.

    `names` are the names that it may have: an ARN does not tell a leading slash. `selector` is the version or label.
    `is_reference` says that it stands for a secret.
    """

    account_id: str
    region: str
    names: tuple[str, ...]
    arn: str
    selector: str | None
    is_reference: bool = False

    @property
    def name(self) -> str:
        """The name that it has as a rule."""
        return self.names[0]


@lru_cache(_REMEMBERED_MAX)
def named(text: str, account_id: str, region: str) -> Named:
    """Return what the caller of an account and Region names, by name or by ARN, with or without a selector.

    Raises ValidationException for what can't be a name, and for more than one selector.
    """
    text = text.strip(" ")
    if text.startswith("arn:"):
        return _named_by_arn(text, region)
    name, colon, selector = text.partition(":")
    if colon and (not selector or ":" in selector):
        raise errors.invalid_selector()
    is_reference = name.startswith(REFERENCE_START)
    if not (_REFERENCE if is_reference else _NAME).fullmatch(name) or (not name.startswith("/") and "/" in name):
        raise errors.invalid_name()
    arn = parameter_arn(account_id, region, name)
    return Named(account_id, region, (name,), arn, selector if colon else None, is_reference)


def _named_by_arn(text: str, region: str) -> Named:
    arn = parse_arn(text)
    if arn is None or arn.service != "ssm" or not _ACCOUNT_ID.fullmatch(arn.account_id):
        raise errors.invalid_name()
    if arn.region != region or arn.partition != partition_of(region):
        raise errors.validation("The parameter's ARN is of another Region or partition.")
    kind, _, rest = arn.resource.partition("/")
    name, colon, selector = rest.partition(":")
    if colon and (not selector or ":" in selector):
        raise errors.invalid_selector()
    if kind != "parameter" or not _NAME.fullmatch(f"/{name}"):
        raise errors.invalid_name()
    names = (f"/{name}",) if "/" in name else (name, f"/{name}")
    plain = parameter_arn(arn.account_id, region, name)
    return Named(arn.account_id, region, names, plain, selector if colon else None)


def plain_name(text: str, account_id: str, region: str) -> Named:
    """Return the parameter that a request names by its name alone. Raises ValidationException for an ARN or selector.

    A name that is AWS's own is not refused: there is no such parameter, and whoever asks is told that.
    """
    text = text.strip(" ")
    if ":" in text:
        raise errors.invalid_name()
    return named(text, account_id, region)


def new_name(text: str, account_id: str, region: str) -> Named:
    """Return a name that a parameter may be made under.

    Raises ValidationException, AccessDeniedException for a name that is AWS's own, and
    HierarchyLevelLimitExceededException.
    """
    text = text.strip(" ")
    if "/" in text.removeprefix("/") and not text.startswith("/") and _PATH.fullmatch(f"/{text}"):
        raise errors.validation("Parameter name must be a fully qualified name.")
    name = text.removeprefix("/").lower()
    if name.startswith(("aws", "ssm")) and ":" not in name:
        if "/" not in name:
            raise errors.reserved_prefix()
        raise errors.reserved_name(text) if name.startswith("aws") else errors.invalid_name()
    found = plain_name(text, account_id, region)
    if found.name.removeprefix("/").count("/") >= LEVELS_MAX:
        raise errors.too_many_levels()
    if len(found.arn) > ARN_CHARACTERS_MAX:
        raise errors.validation(
            f"The parameter name is too long: with the ARN in front of it, it can have {ARN_CHARACTERS_MAX} characters."
        )
    return found


def checked_path(text: str) -> str:
    """Return a path of a hierarchy as a request names it. Raises ValidationException."""
    text = text.strip(" ")
    if not text.startswith("/") or not _PATH.fullmatch(text) or text.lower().startswith("/ssm"):
        raise errors.invalid_path()
    return text
