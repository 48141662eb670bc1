"""What Secrets Manager operations need: which action on which secret, decided with the secret's resource policy.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Secrets Manager".
"""

from collections.abc import Callable, Mapping, Sequence

from strongroom.base.arn import partition_of
from strongroom.operations.authorize import ConditionValue, Requirement
from strongroom.operations.call import Call
from strongroom.operations.conditions import tag_value
from strongroom.operations.registry import Needs
from strongroom.services.secretsmanager import errors
from strongroom.services.secretsmanager.secret import CURRENT, Secret, SecretId, secret_arn
from strongroom.services.secretsmanager.secret_directory import SecretDirectory

DEFAULT_RECOVERY_DAYS = 30
_RESOURCE_TAGS = ("aws:resourcetag/", "secretsmanager:resourcetag/")


def _flag(member: str, default: bool = False) -> Callable[[Call], ConditionValue]:
    def value(call: Call) -> ConditionValue:
        sent = call.params.get(member)
        return bool(default if sent is None else sent)

    return value


def _text(member: str) -> Callable[[Call], ConditionValue]:
    return lambda call: call.params.get(member)


def _version_stage(call: Call) -> ConditionValue:
    params = call.params
    if params.get("VersionStage") is None and params.get("VersionId") is None:
        return CURRENT if call.operation.name == "GetSecretValue" else None
    return params.get("VersionStage")


def _recovery_window(call: Call) -> ConditionValue:
    if call.params.get("ForceDeleteWithoutRecovery"):
        return None
    days = call.params.get("RecoveryWindowInDays")
    return DEFAULT_RECOVERY_DAYS if days is None else days


def _replica_regions(call: Call) -> ConditionValue:
    return [each.get("Region") or "" for each in call.params.get("AddReplicaRegions") or ()] or None


def _key_arn(call: Call) -> ConditionValue:
    key_id = call.params.get("KmsKeyId")
    if not key_id or key_id.startswith("arn:"):
        return key_id or None
    resource = key_id if key_id.startswith("alias/") else f"key/{key_id}"
    return f"arn:{partition_of(call.region)}:kms:{call.region}:{call.account_id}:{resource}"


_OF_REQUEST: Mapping[str, Callable[[Call], ConditionValue]] = {
    "secretsmanager:name": _text("Name"),
    "secretsmanager:description": _text("Description"),
    "secretsmanager:kmskeyid": _text("KmsKeyId"),
    "secretsmanager:kmskeyarn": _key_arn,
    "secretsmanager:type": _text("Type"),
    "secretsmanager:versionid": _text("VersionId"),
    "secretsmanager:versionstage": _version_stage,
    "secretsmanager:recoverywindowindays": _recovery_window,
    "secretsmanager:forcedeletewithoutrecovery": _flag("ForceDeleteWithoutRecovery"),
    "secretsmanager:forceoverwritereplicasecret": _flag("ForceOverwriteReplicaSecret"),
    "secretsmanager:blockpublicpolicy": _flag("BlockPublicPolicy"),
    "secretsmanager:addreplicaregions": _replica_regions,
    "secretsmanager:rotationlambdaarn": _text("RotationLambdaARN"),
    "secretsmanager:rotateimmediately": _flag("RotateImmediately", default=True),
    "secretsmanager:modifyrotationrules": lambda call: call.params.get("RotationRules") is not None,
    "secretsmanager:externalsecretrotationrolearn": _text("ExternalSecretRotationRoleArn"),
}

_OF_OPERATIONS: Mapping[str, frozenset[str]] = {
    "secretsmanager:recoverywindowindays": frozenset({"DeleteSecret"}),
    "secretsmanager:forcedeletewithoutrecovery": frozenset({"DeleteSecret"}),
    "secretsmanager:forceoverwritereplicasecret": frozenset({"CreateSecret", "ReplicateSecretToRegions"}),
    "secretsmanager:blockpublicpolicy": frozenset({"PutResourcePolicy"}),
    "secretsmanager:rotateimmediately": frozenset({"RotateSecret"}),
    "secretsmanager:modifyrotationrules": frozenset({"RotateSecret"}),
}
"""The keys that have a value even where the request is silent, and the operations that have them at all."""


class SecretConditions:
    """The condition values of one call about one secret, worked out when a policy asks for them.

    `tags` are those of the secret: the ones that it is made with, when it does not exist yet.
    """

    __slots__ = ("_arn", "_call", "_secret", "_tags")

    def __init__(self, call: Call, secret: Secret | None, arn: str, tags: Mapping[str, str] | None = None) -> None:
        self._call = call
        self._secret = secret
        self._arn = arn
        self._tags = tags

    def __call__(self, name: str) -> ConditionValue:
        """Return the value of a condition key, named in lower case, or None when the request has none."""
        of_request = _OF_REQUEST.get(name)
        if of_request is not None:
            operations = _OF_OPERATIONS.get(name)
            if operations is not None and self._call.operation.name not in operations:
                return None
            return of_request(self._call)
        if name.startswith(_RESOURCE_TAGS):
            tags = self._tags if self._tags is not None else (self._secret.tags if self._secret is not None else {})
            return tag_value(tags, name.partition("/")[2])
        if name == "secretsmanager:secretid":
            return self._arn if "SecretId" in self._call.params else None
        return _of_secret(self._secret, name) if self._secret is not None else None


def _of_secret(secret: Secret, name: str) -> ConditionValue:
    if name == "secretsmanager:secretprimaryregion":
        return secret.primary_region or secret.region
    if name == "secretsmanager:resource/allowrotationlambdaarn":
        return secret.rotation.function_arn if secret.rotation is not None else None
    return None


def on_secret(
    call: Call, named: SecretId | None, secret: Secret | None, action: str, tags: Mapping[str, str] | None = None
) -> Requirement:
    """Return the requirement of an action on a secret, there or not.

    One that is not there is asked about by the ARN that it would have, but for the six random characters. Whether
    another account's secret exists, a refusal does not tell.
    """
    if secret is not None:
        own = secret.account_id == call.account_id
        return Requirement(
            action=action,
            resource=secret.arn,
            account_id=secret.account_id,
            policy=secret.policy,
            conditions=SecretConditions(call, secret, secret.arn, tags),
            audited=secret.audited,
            refusal=None if own else errors.denied_elsewhere(call.caller.arn, action, call.params["SecretId"]),
            remembered=secret.decisions if tags is None else None,
        )
    account_id, region = (named.account_id, named.region) if named is not None else (call.account_id, call.region)
    arn = (named.arn or secret_arn(account_id, region, named.name)) if named is not None else "*"
    return Requirement(
        action=action,
        resource=arn,
        account_id=account_id,
        conditions=SecretConditions(call, None, arn),
        refusal=(
            None
            if account_id == call.account_id
            else errors.denied_elsewhere(call.caller.arn, action, call.params["SecretId"])
        ),
    )


def about_secret(*actions: str) -> Needs:
    """Declare an operation about the secret that `SecretId` names, which needs all of some actions."""

    async def needs(call: Call) -> Sequence[Requirement]:
        named, secret = await call.house.part(SecretDirectory).identify(call, call.params["SecretId"])
        call.target = secret
        if len(actions) == 1:
            return (on_secret(call, named, secret, actions[0]),)
        return tuple(on_secret(call, named, secret, action) for action in actions)

    return needs


def account_wide(*actions: str) -> Needs:
    """Declare an operation on the account as a whole."""

    async def needs(call: Call) -> Sequence[Requirement]:
        conditions = SecretConditions(call, None, "*")
        return tuple(
            Requirement(action=action, resource="*", account_id=call.account_id, conditions=conditions)
            for action in actions
        )

    return needs


def existing(call: Call) -> Secret:
    """Return the secret that the request names. Raises ResourceNotFoundException when there is none."""
    secret: Secret | None = call.target
    if secret is None:
        raise errors.no_such_secret()
    return secret
