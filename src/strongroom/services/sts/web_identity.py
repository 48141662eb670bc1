"""AssumeRoleWithWebIdentity: credentials of a role, for whom an OpenID Connect provider vouches.

The request is not signed: the token is the proof. Source: AWS STS API Reference, "AssumeRoleWithWebIdentity".
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from strongroom.base.arn import Arn
from strongroom.crypto.json_web_token import TokenInvalid, read_unverified, verify
from strongroom.identities import tables
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.callers import Caller
from strongroom.operations.registry import Answer, operation
from strongroom.operations.trail import Identity
from strongroom.policy.principal import Principal
from strongroom.services.sts import errors
from strongroom.services.sts.identity_token import IdentityToken, issuer_of, read_claims
from strongroom.services.sts.provider_keys import ProviderKeys
from strongroom.services.sts.roles import Assumption, assume, checked_source_identity, requirements, role_arn_of
from strongroom.services.sts.service import STS
from strongroom.services.sts.session_policies import passed_policies


class _Wanted(NamedTuple):
    """A role, and the token whose subject wants it."""

    assumption: Assumption
    token: IdentityToken


async def _needs(call: Call) -> Sequence[Requirement]:
    arn = role_arn_of(call)
    if call.params.get("ProviderId"):
        raise errors.invalid(
            "ProviderId belongs to OAuth 2.0 access tokens, which are not accepted; leave it out with an ID token."
        )
    policies = passed_policies(call)
    provider, token = await _proven(call, arn)
    assumption = Assumption(
        role_arn=arn,
        role=await call.house.directory.find_by_arn(str(arn)),
        session_name=call.params["RoleSessionName"],
        policies=policies,
        tags=token.tags,
        source_identity=checked_source_identity(token.source_identity),
        provider=provider.arn,
        claims=token.conditions,
    )
    call.target = _Wanted(assumption, token)
    # Whoever has no account learns nothing but this, whether the role is there or not.
    return requirements(
        call,
        assumption,
        "sts:AssumeRoleWithWebIdentity",
        lambda action: errors.denied(f"Not authorized to perform {action}"),
    )


async def _proven(call: Call, role_arn: Arn) -> tuple[Any, IdentityToken]:
    """Return the provider's row and the token that it vouches for, whose subject is the call's caller from here on.

    Raises InvalidIdentityToken, ExpiredTokenException or IDPCommunicationError.
    """
    house, text = call.house, call.params["WebIdentityToken"]
    try:
        unverified = read_unverified(text)
    except TokenInvalid:
        raise errors.invalid_identity_token(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
        ) from None
    issuer = issuer_of(unverified.claims)
    provider_arn = str(
        Arn(role_arn.partition, "iam", "", role_arn.account_id, f"oidc-provider/{issuer.removeprefix('https://')}")
    )
    provider = await call.read(lambda connection: tables.select_oidc_provider(connection, provider_arn))
    if provider is None:
        raise errors.invalid_identity_token(f"No OpenIDConnect provider found in your account for {issuer}")
    keys = await house.part(ProviderKeys).fitting(issuer, provider.thumbprints, unverified)
    try:
        claims = verify(text, keys)
    except TokenInvalid as error:
        raise errors.invalid_identity_token(f"The token cannot be accepted: {error}") from None
    token = read_claims(claims, provider.client_ids, house.clock.wall())
    principal_id = f"{provider_arn}:{token.audience}:{token.subject}"
    call.caller = Caller(
        Principal.federated(provider_arn),
        Identity("WebIdentityUser", principal_id, "", provider.account_id, "", token.subject, provider=provider_arn),
    )
    return provider, token


@operation(STS, "AssumeRoleWithWebIdentity", needs=_needs, reads_only=True)
async def assume_role_with_web_identity(call: Call) -> Answer:
    """Give out temporary credentials of a role to the subject of a web identity token."""
    wanted: _Wanted = call.target
    token = wanted.token
    return await assume(
        call,
        wanted.assumption,
        SubjectFromWebIdentityToken=token.subject,
        Provider=token.issuer,
        Audience=token.audience,
    )
