"""A rule: one thing that can be wrong with a policy."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from strongroom.policy_check.finding import Flaw, Level
from strongroom.policy_check.subject import CheckedPolicy


@dataclass(frozen=True, slots=True)
class Rule:
    """`id` is stable, for it stands in people's pipelines; `about` is one sentence; `look` yields what it finds."""

    id: str
    level: Level
    about: str
    look: Callable[[CheckedPolicy], Iterator[Flaw]]
