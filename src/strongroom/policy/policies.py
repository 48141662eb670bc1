"""The policies that apply to a request, by layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from strongroom.policy.document import Document
from strongroom.policy.statement import Statement

SELECTIONS_REMEMBERED_MAX = 16


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """A document and the name that traces call it by (a policy's ARN, `inline policy "x" of user y`, `key policy`)."""

    source: str
    document: Document


Match = tuple[NamedPolicy, Statement]


class PolicySet(Sequence[NamedPolicy]):
    """Policies that are always asked together: those of one user or role. Immutable.

    What its documents select is remembered for the set as a whole, for at most SELECTIONS_REMEMBERED_MAX actions and
    resources, then it starts anew.
    """

    __slots__ = ("_members", "_selections")

    def __init__(self, members: Sequence[NamedPolicy]) -> None:
        self._members = tuple(members)
        self._selections: dict[tuple[str, str], tuple[tuple[Match, ...], tuple[Match, ...]]] = {}

    def __len__(self) -> int:
        return len(self._members)

    @overload
    def __getitem__(self, index: int) -> NamedPolicy: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[NamedPolicy]: ...

    def __getitem__(self, index: int | slice) -> NamedPolicy | Sequence[NamedPolicy]:
        return self._members[index]

    def select_about(self, action: str, resource: str) -> tuple[tuple[Match, ...], tuple[Match, ...]]:
        """Return what `Document.select_about` does for each policy in turn, every statement with its policy."""
        selection = self._selections.get((action, resource))
        if selection is None:
            each = [(policy, policy.document.select_about(action, resource)) for policy in self._members]
            selection = (
                tuple((policy, statement) for policy, (denies, _) in each for statement in denies),
                tuple((policy, statement) for policy, (_, allows) in each for statement in allows),
            )
            if len(self._selections) >= SELECTIONS_REMEMBERED_MAX:
                self._selections.clear()
            self._selections[action, resource] = selection
        return selection


@dataclass(slots=True, eq=False)
class Policies:
    """Every policy that takes part in one decision. Not changed once made.

    `identity` are those of the user with its groups, or of the role. `boundary` is the permissions boundary.
    `session` is None when no session policies were passed; an empty list allows nothing. `resource` is the resource's
    own policy. `resource_is_decisive` holds for KMS key policies and role trust policies: identity policies count
    only for a principal whose account the resource policy names. `service_control` has one sequence of policies for
    each level (root, organizational units, account), and each level has to allow. `grants` are the resource's grants
    whose operations and constraints fit the request, each as a resource policy that allows its grantee.
    """

    identity: Sequence[NamedPolicy] = ()
    boundary: NamedPolicy | None = None
    session: Sequence[NamedPolicy] | None = None
    resource: NamedPolicy | None = None
    resource_is_decisive: bool = False
    service_control: Sequence[Sequence[NamedPolicy]] = ()
    grants: Sequence[NamedPolicy] = ()
