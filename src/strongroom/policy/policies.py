"""The policies that apply to a request, by layer."""

from collections.abc import Sequence
from dataclasses import dataclass

from strongroom.policy.document import Document


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """A document and the name that traces call it by (a policy's ARN, `inline policy "x" of user y`, `key policy`)."""

    source: str
    document: Document


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
