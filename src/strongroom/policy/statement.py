"""One statement of a policy, compiled once and immutable since.

Source: IAM User Guide, "IAM JSON policy elements: Statement" and the pages of its members.
"""

import enum
from collections.abc import Callable

from strongroom.policy.conditions import Condition, all_met
from strongroom.policy.context import Context
from strongroom.policy.principal_element import PrincipalElement
from strongroom.policy.resources import ResourceMatcher
from strongroom.policy.wildcards import TextMatcher


class Effect(enum.Enum):
    """What a statement does to the requests that it is about."""

    ALLOW = "Allow"
    DENY = "Deny"


class Statement:
    """A compiled statement.

    `index` counts from 0. `sid` is empty when there is none. `principals` is None in identity policies. `actions` and
    `resources` are the document's words, `not_actions` and `not_resources` whether they stood under NotAction and
    NotResource. `matches_action` takes an action in lower case; `matches_resource` and `conditions_met` are None when
    always true. `resource_varies` tells that the answer of `matches_resource` depends on policy variables.
    """

    __slots__ = (
        "actions",
        "conditions",
        "conditions_met",
        "effect",
        "index",
        "matches_action",
        "matches_resource",
        "not_actions",
        "not_resources",
        "principals",
        "resource_varies",
        "resources",
        "sid",
    )

    def __init__(
        self,
        *,
        index: int,
        sid: str,
        effect: Effect,
        principals: PrincipalElement | None,
        actions: tuple[str, ...],
        not_actions: bool,
        matches_action: TextMatcher,
        resources: tuple[str, ...],
        not_resources: bool,
        matches_resource: ResourceMatcher | None,
        resource_varies: bool,
        conditions: tuple[Condition, ...],
    ) -> None:
        self.index = index
        self.sid = sid
        self.effect = effect
        self.principals = principals
        self.actions = actions
        self.not_actions = not_actions
        self.matches_action = matches_action
        self.resources = resources
        self.not_resources = not_resources
        self.matches_resource = matches_resource
        self.resource_varies = resource_varies
        self.conditions = conditions
        self.conditions_met: Callable[[Context], bool] | None = all_met(conditions)

    def covers(self, resource: str, context: Context) -> bool:
        """Return whether resource and conditions match; action and principal are asked separately."""
        if self.matches_resource is not None and not self.matches_resource(resource, context):
            return False
        return self.conditions_met is None or self.conditions_met(context)

    def holds(self, resource: str, context: Context) -> bool:
        """Return what `covers` returns, for a statement that `Document.select_about` selected for `resource`."""
        if self.resource_varies and self.matches_resource is not None and not self.matches_resource(resource, context):
            return False
        return self.conditions_met is None or self.conditions_met(context)

    def __str__(self) -> str:
        return f"statement {self.index + 1}" + (f" ({self.sid})" if self.sid else "")

    def __repr__(self) -> str:
        return f"<{self.effect.value} {self}>"
