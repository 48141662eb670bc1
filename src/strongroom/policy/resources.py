"""The Resource and NotResource elements: ARNs with wildcards and variables.

How far a wildcard reaches: AWS says that a `*` at the end of a segment can match beyond the colon, and advises to keep
wildcards within segments. Here a wildcard reaches over colons where that goes against the request (a Deny's Resource,
an Allow's NotResource), and stays within its segment otherwise. The two differ only for an ARN whose resource part
holds colons that look like those of an ARN, which its namer may have chosen.

Source: IAM User Guide, "IAM JSON policy elements: Resource".
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

from strongroom.policy.context import Context
from strongroom.policy.errors import PolicySyntaxError
from strongroom.policy.patterns import ARN_SEGMENTS, compile_arns, compile_texts
from strongroom.policy.tokens import Tokens, Wildcard, has_variable, split_segments, tokenize

ResourceMatcher = Callable[[str, Context], bool]

_NAMED_SEGMENTS_MIN = 3
_ANYTHING: Tokens = (Wildcard.MANY,)
_SEGMENT_CHARACTERS = re.compile(r"[A-Za-z0-9_.*?-]*")


class CompiledResources(NamedTuple):
    """Whether a statement is about a resource ARN. `matches` is None for "always".

    `varies` tells that the answer depends on policy variables and so on the context.
    """

    matches: ResourceMatcher | None
    varies: bool


EVERY_RESOURCE = CompiledResources(None, False)


def compile_resources(patterns: Sequence[str], *, negated: bool, variables: bool, is_allow: bool) -> CompiledResources:
    """Compile the test whether a resource ARN is one of (or with `negated`, none of) `patterns`.

    A pattern with a variable that has no value matches nothing. Under NotResource that would turn into a match: a Deny
    takes it as one, an Allow does not. Raises PolicySyntaxError for a pattern that is no ARN.
    """
    compiled = [_parse(pattern, variables=variables) for pattern in patterns]
    if _ANYTHING in compiled:
        return CompiledResources(_never, False) if negated else EVERY_RESOURCE
    compile_patterns = compile_texts if negated is is_allow else compile_arns
    matches = compile_patterns(compiled, unresolved=None if is_allow else False)
    varies = any(has_variable(tokens) for tokens in compiled)
    if not varies and not negated:
        return CompiledResources(cast(ResourceMatcher, matches), False)  # Without variables there is no "cannot tell".
    if negated:
        return CompiledResources(lambda arn, context: matches(arn, context) is False, varies)
    return CompiledResources(lambda arn, context: matches(arn, context) is True, varies)


def _never(_: str, __: Context) -> bool:
    return False


def _parse(pattern: str, *, variables: bool) -> Tokens:
    """An ARN that is cut short is completed with wildcards, as AWS does; a variable may only be in the resource."""
    tokens = tokenize(pattern, variables=variables)
    if tokens == _ANYTHING:
        return tokens
    segments = split_segments(tokens, ARN_SEGMENTS)
    if segments[0] != ("arn",) or len(segments) < _NAMED_SEGMENTS_MIN or segments[-1] == ():
        raise PolicySyntaxError(f'resource {pattern!r} is neither an ARN nor "*"')
    if any(has_variable(segment) for segment in segments[: ARN_SEGMENTS - 1]):
        raise PolicySyntaxError(f"resource {pattern!r} has a policy variable before the fifth colon")
    for text in pattern.split(":")[1 : min(len(segments), ARN_SEGMENTS - 1)]:
        if not _SEGMENT_CHARACTERS.fullmatch(text):
            raise PolicySyntaxError(
                f"resource {pattern!r} is not an ARN: {text!r} is no part of one before the resource"
            )
    for _ in range(ARN_SEGMENTS - len(segments)):
        tokens = (*tokens, ":", Wildcard.MANY)
    return tokens
