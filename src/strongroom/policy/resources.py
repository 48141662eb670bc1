"""The Resource and NotResource elements: ARNs with wildcards and variables.

Source: IAM User Guide, "IAM JSON policy elements: Resource".
"""

import re
from collections.abc import Callable, Sequence

from strongroom.policy.context import Context
from strongroom.policy.errors import PolicySyntaxError
from strongroom.policy.patterns import ARN_SEGMENTS, compile_arns
from strongroom.policy.tokens import Tokens, Wildcard, has_variable, split_segments, tokenize

ResourceMatcher = Callable[[str, Context], bool]

_NAMED_SEGMENTS_MIN = 3
_ANYTHING: Tokens = (Wildcard.MANY,)
_SEGMENT_CHARACTERS = re.compile(r"[A-Za-z0-9_.*?-]*")


def compile_resources(
    patterns: Sequence[str], *, negated: bool, variables: bool, is_allow: bool
) -> ResourceMatcher | None:
    """Return whether a resource ARN is one of (or with `negated`, none of) `patterns`; None stands for "always".

    A pattern with a variable that has no value matches nothing. Under NotResource that would turn into a match: a Deny
    takes it as one, an Allow does not. Raises PolicySyntaxError for a pattern that is no ARN.
    """
    compiled = [_parse(pattern, variables=variables) for pattern in patterns]
    if _ANYTHING in compiled:
        return _never if negated else None
    matches = compile_arns(compiled, unresolved=None if is_allow else False)
    if negated:
        return lambda arn, context: matches(arn, context) is False
    return lambda arn, context: matches(arn, context) is True


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
