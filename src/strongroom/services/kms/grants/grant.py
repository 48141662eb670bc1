"""One grant: to whom it allows what, and in which circumstances.

Source: AWS KMS Developer Guide, "Grants in AWS KMS", "Creating grants"; API Reference, GrantConstraints.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from strongroom.identities.compiled import compiled
from strongroom.policy.document import PolicyKind
from strongroom.policy.policies import NamedPolicy

CREATE_GRANT = "CreateGrant"
RETIRE_GRANT = "RetireGrant"
WITH_CONTEXT = frozenset(
    {
        "Decrypt",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
        "ReEncryptFrom",
        "ReEncryptTo",
    }
)
"""The operations that a constraint on the encryption context is about."""

_FOR_EVERY_KEY = frozenset({CREATE_GRANT, "DescribeKey", RETIRE_GRANT})
_SYMMETRIC = WITH_CONTEXT | _FOR_EVERY_KEY
_BY_USAGE: Mapping[str, frozenset[str]] = {
    "ENCRYPT_DECRYPT": _FOR_EVERY_KEY | {"Decrypt", "Encrypt", "GetPublicKey", "ReEncryptFrom", "ReEncryptTo"},
    "SIGN_VERIFY": _FOR_EVERY_KEY | {"GetPublicKey", "Sign", "Verify"},
    "GENERATE_VERIFY_MAC": _FOR_EVERY_KEY | {"GenerateMac", "VerifyMac"},
    "KEY_AGREEMENT": _FOR_EVERY_KEY | {"DeriveSharedSecret", "GetPublicKey"},
    "ENCAPSULATE_DECAPSULATE": _FOR_EVERY_KEY | {"Decapsulate", "Encapsulate", "GetPublicKey"},
}


def grantable_operations(spec: str, usage: str) -> frozenset[str]:
    """Return the operations that a grant may allow for a kind of key; none for a kind that is not known."""
    return _SYMMETRIC if spec == "SYMMETRIC_DEFAULT" else _BY_USAGE.get(usage, frozenset())


@dataclass(frozen=True, slots=True)
class Constraints:
    """What a grant demands of a request.

    `equals` is the whole encryption context, `subset` a part of it, both case-sensitive; `source_arn` the resource that
    the request is made for. None is no demand.
    """

    equals: Mapping[str, str] | None = None
    subset: Mapping[str, str] | None = None
    source_arn: str | None = None

    @classmethod
    def of(cls, sent: Mapping[str, Any] | None) -> "Constraints":
        """Read the `Constraints` member of a request or of a stored grant."""
        sent = sent or {}
        return cls(sent.get("EncryptionContextEquals"), sent.get("EncryptionContextSubset"), sent.get("SourceArn"))

    def shown(self) -> dict[str, Any]:
        """Return the member again, without what is not demanded."""
        members = {
            "EncryptionContextEquals": self.equals,
            "EncryptionContextSubset": self.subset,
            "SourceArn": self.source_arn,
        }
        return {name: value for name, value in members.items() if value is not None}

    @property
    def pairs(self) -> dict[str, str]:
        """The pairs that a fitting encryption context has at least."""
        return {**(self.subset or {}), **(self.equals or {})}

    def admit(self, operation: str, context: Mapping[str, str], source_arn: str | None) -> bool:
        """Whether a request for `operation` with this encryption context, made for this resource, fits."""
        if self.source_arn is not None and self.source_arn != source_arn:
            return False
        if operation not in WITH_CONTEXT:
            return True
        if self.equals is not None and self.equals != context:
            return False
        return self.subset is None or self.subset.items() <= context.items()

    def are_met_by(self, other: "Constraints") -> bool:
        """Whether every request that fits `other` fits these as well: `other` is as strict, or stricter."""
        if self.source_arn is not None and self.source_arn != other.source_arn:
            return False
        if self.equals is not None and self.equals != other.equals:
            return False
        if self.subset is None:
            return True
        return self.subset.items() <= other.pairs.items() or self.subset.items() <= (other.subset or {}).items()


@dataclass(frozen=True, slots=True, eq=False)
class Grant:
    """A grant as it was made; it never changes. `grantee` is as the request named it, `grantee_id` who that was."""

    grant_id: str
    grantee: str
    grantee_id: str
    operations: frozenset[str]
    constraints: Constraints
    _policies: list[NamedPolicy] = field(default_factory=list, repr=False)

    @classmethod
    def of(cls, row: Any) -> "Grant":
        """Return the grant of a row of `tables.GRANTS`."""
        operations, constraints = frozenset(row.operations), Constraints.of(row.constraints)
        return cls(row.grant_id, row.grantee, row.grantee_id, operations, constraints)

    @property
    def policy(self) -> NamedPolicy:
        """The resource policy that allows the grantee these operations; whether it fits a request is asked before."""
        if not self._policies:
            actions = sorted(f"kms:{operation}" for operation in self.operations)
            self._policies.append(allowance(f"grant {self.grant_id}", self.grantee, self.grantee_id, actions))
        return self._policies[0]

    def lets_create(self, operations: frozenset[str], constraints: Constraints) -> bool:
        """Whether who may create grants by this one may create one of these operations and constraints."""
        return operations <= self.operations and self.constraints.are_met_by(constraints)


def allowance(source: str, principal: str, principal_id: str, actions: Sequence[str]) -> NamedPolicy:
    """Return a resource policy that allows a principal of a grant some actions.

    Users and roles are named by their unique ids, which no other identity will ever have.
    """
    kind, name = "AWS", principal
    if not principal.startswith("arn:"):
        kind = "Service"
    elif principal_id.isalnum() and not principal_id.isdigit():
        name = principal_id
    statement = {"Effect": "Allow", "Principal": {kind: name}, "Action": list(actions), "Resource": "*"}
    # A document that does not compile allows nothing.
    text = json.dumps({"Version": "2008-10-17", "Statement": [statement]})
    return NamedPolicy(source, compiled(text, PolicyKind.RESOURCE))
