"""The Action and NotAction elements. Actions are not case-sensitive; `*` and `?` are wildcards.

Source: IAM User Guide, "IAM JSON policy elements: Action".
"""

import re
from collections.abc import Sequence

from strongroom.policy.errors import PolicySyntaxError
from strongroom.policy.tokens import tokenize
from strongroom.policy.wildcards import TextMatcher, compile_any

_ACTION = re.compile(r"\*|\*:\*|[a-z0-9-]+:[a-z0-9_.*?-]+")


def compile_actions(patterns: Sequence[str], *, negated: bool) -> TextMatcher:
    """Return whether an action, given in lower case, is one of (or with `negated`, none of) `patterns`.

    Raises PolicySyntaxError for a pattern that is neither `*` nor `service:name`.
    """
    for pattern in patterns:
        if not _ACTION.fullmatch(pattern.lower()):
            raise PolicySyntaxError(f"{pattern!r} is not an action: it has to be * or service:Name")
    matches = compile_any([tokenize(pattern.lower(), variables=False) for pattern in patterns])
    return (lambda action: not matches(action)) if negated else matches
