"""The text of a policy cut into tokens: literal runs, the wildcards `*` and `?`, and policy variables.

Source: IAM User Guide, "IAM policy elements: Variables and tags".
"""

import enum
import re
from typing import NamedTuple

from strongroom.policy.context import Context
from strongroom.policy.errors import PolicySyntaxError


class Wildcard(enum.Enum):
    """A character of a pattern that stands for others."""

    MANY = "*"
    ONE = "?"


class Variable(NamedTuple):
    """`${key}` or `${key, 'default'}`. The key is in lower case; without a default, `default` is None."""

    key: str
    default: str | None


Token = str | Wildcard | Variable
Tokens = tuple[Token, ...]

_VARIABLE = re.compile(r"\$\{([^{}$,']+)(?:,\s*'([^']*)'\s*)?\}")
_ESCAPED = {"${*}": "*", "${?}": "?", "${$}": "$"}
_PIECE = re.compile(r"\$\{|\*|\?")


def tokenize(text: str, *, variables: bool, wildcards: bool = True) -> Tokens:
    """Cut `text` into tokens; neighbouring literals are one token.

    `variables` is whether the document's Version has them (2012-10-17); without them `${...}` is literal text, in which
    `*` and `?` are wildcards as anywhere. Raises PolicySyntaxError for a `${` that begins no variable.
    """
    tokens: list[Token] = []
    literal: list[str] = []
    at = 0
    while found := _PIECE.search(text, at):
        literal.append(text[at : found.start()])
        token, at = _token_at(text, found, variables=variables, wildcards=wildcards)
        if isinstance(token, str):
            literal.append(token)
            continue
        if run := "".join(literal):
            tokens.append(run)
        literal.clear()
        tokens.append(token)
    literal.append(text[at:])
    if run := "".join(literal):
        tokens.append(run)
    return tuple(tokens)


def _token_at(text: str, found: re.Match[str], *, variables: bool, wildcards: bool) -> tuple[Token, int]:
    sign = found.group()
    if sign != "${":
        return (Wildcard(sign) if wildcards else sign), found.end()
    if not variables:
        return sign, found.end()
    escaped = _ESCAPED.get(text[found.start() : found.start() + 4])
    if escaped is not None:
        return escaped, found.start() + 4
    variable = _VARIABLE.match(text, found.start())
    if variable is None or ":" not in variable.group(1):
        raise PolicySyntaxError(f"{text!r} contains an invalid policy variable")
    return Variable(variable.group(1).strip().lower(), variable.group(2)), variable.end()


def has_variable(tokens: Tokens) -> bool:
    """Whether the tokens depend on the request."""
    return any(isinstance(token, Variable) for token in tokens)


def has_wildcard(tokens: Tokens) -> bool:
    """Whether the tokens stand for more than one text."""
    return any(isinstance(token, Wildcard) for token in tokens)


def resolve(tokens: Tokens, context: Context) -> Tokens | None:
    """Return the tokens with every variable replaced by its value, or None when one has no value.

    A value is always literal text: a `*` in a user's tag never becomes a wildcard. A key with several values cannot
    be a variable ("Single-valued vs. multivalued context keys"), so it counts as having none.
    """
    resolved: list[Token] = []
    for token in tokens:
        if not isinstance(token, Variable):
            resolved.append(token)
            continue
        values = context.values_of(token.key)
        if len(values) == 1:
            resolved.append(values[0])
        elif not values and token.default is not None:
            resolved.append(token.default)
        else:
            return None
    return tuple(resolved)


def lowered(tokens: Tokens) -> Tokens:
    """Return the tokens with their literal text in lower case."""
    return tuple(token.lower() if isinstance(token, str) else token for token in tokens)


def split_segments(tokens: Tokens, limit: int) -> tuple[Tokens, ...]:
    """Cut the tokens at the colons of their literal text into at most `limit` segments. A variable is never cut."""
    segments: list[list[Token]] = [[]]
    for token in tokens:
        if not isinstance(token, str):
            segments[-1].append(token)
            continue
        first, *others = token.split(":", limit - len(segments))
        if first:
            segments[-1].append(first)
        for other in others:
            segments.append([other] if other else [])
    return tuple(tuple(segment) for segment in segments)


def characters_min(tokens: Tokens) -> int:
    """Return how many characters a text needs at least to match tokens whose variables were replaced."""
    return sum(
        len(token) if isinstance(token, str) else 0 if token is Wildcard.MANY else 1
        for token in tokens
        if not isinstance(token, Variable)
    )
