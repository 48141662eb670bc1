"""What KMS operations need: which action on which key, decided by the key policy, with KMS's own condition values.

A key of another account is met in few operations only, and a refusal never tells whether it exists.

Source: AWS KMS Developer Guide, "Key policies in AWS KMS", "AWS KMS condition keys", "Controlling access to aliases".
"""

from collections.abc import Callable, Mapping, Sequence

from strongroom.base.errors import AwsError
from strongroom.operations.authorize import ConditionValue, Requirement
from strongroom.operations.call import Call
from strongroom.operations.conditions import request_tags, tag_value
from strongroom.operations.registry import Needs
from strongroom.operations.trail import Resource
from strongroom.policy.context import AMBIGUOUS
from strongroom.services.kms import errors
from strongroom.services.kms.grants.grant import Grant
from strongroom.services.kms.grants.grant_directory import GrantDirectory
from strongroom.services.kms.grants.grant_tokens import require_valid_tokens
from strongroom.services.kms.key_directory import KeyDirectory
from strongroom.services.kms.keys import Key
from strongroom.services.kms.tables import select_key

CONTEXT_PREFIX = "kms:encryptioncontext:"
CONTEXT_CHARACTERS_MAX = 8_192
DAY_SECONDS = 86_400
KeyValue = Callable[[Call, Key], ConditionValue]

_RESOURCE_TAG = "aws:resourcetag/"
_THAT_END_USE = frozenset({"kms:DisableKey", "kms:ScheduleKeyDeletion"})


def alias_in(identifier: str | None) -> ConditionValue:
    """Return the alias name in what a request names a key by, or None when it is not by alias."""
    position = identifier.find("alias/") if identifier is not None else -1
    return identifier[position:] if identifier is not None and position >= 0 else None


def _request_alias(call: Call, key: Key) -> ConditionValue:
    return alias_in(call.params.get("KeyId"))


_OF_THE_CALL: Mapping[str, Callable[[Call], ConditionValue]] = {
    # A service that acts for itself is of no account of this server.
    "kms:calleraccount": lambda call: call.caller.principal.account_id or None,
    "kms:viaservice": lambda call: f"{call.via}.{call.region}.amazonaws.com" if call.via else None,
}


def _multi_region_key_type(call: Call, key: Key) -> ConditionValue:
    if not key.is_multi_region:
        return None
    return "PRIMARY" if key.is_primary else "REPLICA"


_OF_THE_KEY: Mapping[str, KeyValue] = {
    "kms:keyspec": lambda call, key: key.spec,
    "kms:customermasterkeyspec": lambda call, key: key.spec,
    "kms:keyusage": lambda call, key: key.usage,
    "kms:customermasterkeyusage": lambda call, key: key.usage,
    "kms:keyorigin": lambda call, key: key.origin,
    "kms:multiregion": lambda call, key: key.is_multi_region,
    "kms:multiregionkeytype": _multi_region_key_type,
    "kms:resourcealiases": lambda call, key: list(key.aliases) or None,
    "kms:requestalias": _request_alias,
}

_OF_THE_REQUEST: Mapping[str, tuple[str, ...]] = {
    "kms:encryptionalgorithm": ("EncryptionAlgorithm",),
    "kms:keyspec": ("KeySpec", "CustomerMasterKeySpec"),
    "kms:customermasterkeyspec": ("KeySpec", "CustomerMasterKeySpec"),
    "kms:keyusage": ("KeyUsage",),
    "kms:customermasterkeyusage": ("KeyUsage",),
    "kms:keyorigin": ("Origin",),
    "kms:bypasspolicylockoutsafetycheck": ("BypassPolicyLockoutSafetyCheck",),
    "kms:schedulekeydeletionpendingwindowindays": ("PendingWindowInDays",),
    "kms:rotationperiodindays": ("RotationPeriodInDays",),
    "kms:multiregion": ("MultiRegion",),
    "kms:signingalgorithm": ("SigningAlgorithm",),
    "kms:messagetype": ("MessageType",),
    "kms:macalgorithm": ("MacAlgorithm",),
    "kms:keyagreementalgorithm": ("KeyAgreementAlgorithm",),
    "kms:encapsulationalgorithm": ("EncapsulationAlgorithm",),
    "kms:datakeypairspec": ("KeyPairSpec",),
    "kms:wrappingalgorithm": ("WrappingAlgorithm",),
    "kms:wrappingkeyspec": ("WrappingKeySpec",),
    "kms:expirationmodel": ("ExpirationModel",),
    "kms:validto": ("ValidTo",),
    "kms:replicaregion": ("ReplicaRegion",),
    "kms:primaryregion": ("PrimaryRegion",),
    "kms:policyname": ("PolicyName",),
}
"""The request members that a condition value is taken from: the first that was sent."""

# BypassPolicyLockoutSafetyCheck is not among them: its page tests with Null whether the request has it.
_DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "CreateKey": {
        "kms:keyspec": "SYMMETRIC_DEFAULT",
        "kms:customermasterkeyspec": "SYMMETRIC_DEFAULT",
        "kms:keyusage": "ENCRYPT_DECRYPT",
        "kms:customermasterkeyusage": "ENCRYPT_DECRYPT",
        "kms:keyorigin": "AWS_KMS",
        "kms:multiregion": "false",
    },
    "PutKeyPolicy": {"kms:policyname": "default"},
    "GetKeyPolicy": {"kms:policyname": "default"},
    "ScheduleKeyDeletion": {"kms:schedulekeydeletionpendingwindowindays": "30"},
    "EnableKeyRotation": {"kms:rotationperiodindays": "365"},
    "Sign": {"kms:messagetype": "RAW"},
    "Verify": {"kms:messagetype": "RAW"},
    "ImportKeyMaterial": {"kms:expirationmodel": "KEY_MATERIAL_EXPIRES"},
    "GenerateDataKeyPair": {"kms:encryptionalgorithm": "SYMMETRIC_DEFAULT"},
    "GenerateDataKeyPairWithoutPlaintext": {"kms:encryptionalgorithm": "SYMMETRIC_DEFAULT"},
    "Encrypt": {"kms:encryptionalgorithm": "SYMMETRIC_DEFAULT"},
    "Decrypt": {"kms:encryptionalgorithm": "SYMMETRIC_DEFAULT"},
    "GenerateDataKey": {"kms:encryptionalgorithm": "SYMMETRIC_DEFAULT"},
    "GenerateDataKeyWithoutPlaintext": {"kms:encryptionalgorithm": "SYMMETRIC_DEFAULT"},
}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class KeyConditions:
    """The `kms:` condition values of one call on one key, worked out when a policy asks for them."""

    __slots__ = ("_call", "_context", "_key", "_own")

    def __init__(
        self,
        call: Call,
        key: Key | None,
        context: Mapping[str, str] | None = None,
        own: Mapping[str, ConditionValue] | None = None,
    ) -> None:
        self._call = call
        self._key = key
        self._context = context
        self._own = own

    def __call__(self, name: str) -> ConditionValue:
        """Return the value of a condition key, named in lower case, or None when the request has none."""
        if self._own is not None and name in self._own:
            return self._own[name]
        of_the_call = _OF_THE_CALL.get(name)
        if of_the_call is not None:
            return of_the_call(self._call)
        if name.startswith(CONTEXT_PREFIX):
            return self._encryption_context_value(name[len(CONTEXT_PREFIX) :])
        if name == "kms:encryptioncontextkeys":
            return list(self._context) if self._context else None
        if name.startswith(_RESOURCE_TAG):
            return tag_value(self._tags(), name[len(_RESOURCE_TAG) :])
        if self._key is not None:
            value = _OF_THE_KEY.get(name)
            if value is not None:
                return value(self._call, self._key)
        for member in _OF_THE_REQUEST.get(name, ()):
            sent = self._call.params.get(member)
            if sent is not None:
                return _text(sent)
        return _DEFAULTS.get(self._call.operation.name, {}).get(name)

    def _tags(self) -> Mapping[str, str]:
        """The key's tags; those that a key is made with are its tags already."""
        if self._key is not None:
            return self._key.tags
        return request_tags(self._call.params) if self._call.operation.name == "CreateKey" else {}

    def _encryption_context_value(self, wanted: str) -> ConditionValue:
        # Policies name condition keys in any case. Of two context names that differ in case only, nobody knows which
        # one a policy means; if it was harmless to say yes to one of them, the other could come along.
        found = {value for name, value in (self._context or {}).items() if name.lower() == wanted}
        if not found:
            return None
        return found.pop() if len(found) == 1 else AMBIGUOUS


def on_key(
    call: Call,
    key: Key,
    action: str,
    context: Mapping[str, str] | None = None,
    own: Mapping[str, ConditionValue] | None = None,
) -> Requirement:
    """Return the requirement of `action` on `key`: its key policy is decisive.

    Raises ValidationException for an encryption context above `CONTEXT_CHARACTERS_MAX`, before a policy looks at it,
    and InvalidGrantTokenException for a grant token that this server did not give out.
    """
    if call.params.get("GrantTokens"):
        require_valid_tokens(call.house.sealer, call.params["GrantTokens"])
    if context and sum(map(len, context)) + sum(map(len, context.values())) > CONTEXT_CHARACTERS_MAX:
        raise errors.validation(f"EncryptionContext must have at most {CONTEXT_CHARACTERS_MAX} characters in all.")
    return Requirement(
        action=action,
        resource=key.arn,
        account_id=key.account_id,
        audited=key.audited,
        policy=key.policy,
        policy_is_decisive=True,
        conditions=KeyConditions(call, key, context, own),
        refusal=None if key.account_id == call.account_id else denied_elsewhere(call),
        remembered=key.decisions,
    )


async def on_grantable_key(
    call: Call,
    key: Key,
    action: str,
    context: Mapping[str, str] | None = None,
    own: Mapping[str, ConditionValue] | None = None,
    also: Callable[[Grant], bool] | None = None,
) -> Requirement:
    """Return the requirement of an action that grants may allow too; `also` is what a grant has to be besides."""
    requirement = on_key(call, key, action, context, own)
    if key.grant_count:
        operation = action[len("kms:") :]
        requirement.grants = await call.house.part(GrantDirectory).fitting(call, key, operation, context, also)
    return requirement


def on_account(call: Call, action: str, resource: str = "*", resource_type: str = "") -> Requirement:
    """Return the requirement of an action that no key policy speaks of (CreateKey, ListKeys, aliases)."""
    return Requirement(
        action=action,
        resource=resource,
        account_id=call.account_id,
        conditions=KeyConditions(call, None),
        audited=Resource(resource, call.account_id, resource_type) if resource_type else None,
    )


def denied_elsewhere(call: Call) -> AwsError:
    """Return the refusal for another account's key, the same whether it exists or not."""
    return errors.denied_elsewhere(call.caller.arn, call.operation.name)


def require_own_account(call: Call, key: Key) -> Key:
    """Return `key`. Raises AccessDeniedException for one of another account, which no policy can allow."""
    if key.account_id != call.account_id:
        raise denied_elsewhere(call)
    return key


def for_aws_resource(call: Call) -> dict[str, ConditionValue]:
    """Return the condition value that tells whether a service asks, for something that it keeps for somebody."""
    by_service = call.via is not None or call.caller.identity.type == "AWSService"
    return {"kms:grantisforawsresource": "true" if by_service else "false"}


async def _days_without_usage(call: Call, key: Key) -> Mapping[str, ConditionValue]:
    """Return for how many whole days the key was not used; for one that never was, since it was made."""
    # Another server may have used the key too: the database knows, once it has been told what this one noted.
    await call.house.audit.flush()
    row = await call.read(lambda connection: select_key(connection, key.region, key.key_id))
    if row is None:
        return {}
    since = key.created_at if row.last_used_at is None else row.last_used_at
    return {"kms:trailingdayswithoutkeyusage": int(max(0.0, call.now - since) // DAY_SECONDS)}


def control_of_key(
    action: str,
    *,
    other_accounts_allowed: bool = False,
    own: Callable[[Call], Mapping[str, ConditionValue]] | None = None,
) -> Needs:
    """Declare an operation about the key that `KeyId` names by key id or key ARN, in the caller's account as a rule.

    `own` gives the condition values that only this operation has.
    """

    async def needs(call: Call) -> Sequence[Requirement]:
        key = await call.house.part(KeyDirectory).identify(call, call.params["KeyId"], alias_allowed=False)
        call.target = key if other_accounts_allowed else require_own_account(call, key)
        values = own(call) if own is not None else None
        if action in _THAT_END_USE:
            values = await _days_without_usage(call, key)
        return (on_key(call, key, action, own=values),)

    return needs


def account_wide(action: str) -> Needs:
    """Declare an operation on the account as a whole."""

    async def needs(call: Call) -> Sequence[Requirement]:
        return (on_account(call, action),)

    return needs
