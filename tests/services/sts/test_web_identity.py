"""AssumeRoleWithWebIdentity: whose tokens are believed, and what they give."""

import base64
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from tests.identities_made import ACCOUNT, Identities, Made, allow, trust
from tests.opened_house import InHouse, OpenedHouse
from tests.services.refusals import refused
from tests.services.sts.identity_provider import CLIENT_ID, IdentityProvider, SigningKey, identity_provider

from strongroom.base.errors import AwsError
from strongroom.operations.callers import Caller
from strongroom.operations.trail import as_cloudtrail
from strongroom.services.sts.provider_keys import ProviderKeys

NO_KEY = (
    "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)
ACTIONS = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]


@pytest.fixture
def idp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityProvider]:
    """A provider whose authority the operator trusts."""
    with identity_provider(tmp_path, "/realms/test") as provider:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "authority.pem"))
        yield provider


async def role_for(house: OpenedHouse, idp: IdentityProvider, **conditions: Any) -> tuple[Identities, Made]:
    """Register the provider, and make a role that trusts it, under conditions on its keys (`sub`, ...)."""
    made = Identities(house.house)
    arn = await made.oidc_provider(idp.issuer, [CLIENT_ID])
    name = idp.issuer.removeprefix("https://")
    wanted = {"Condition": {"StringEquals": {f"{name}:{key}": value for key, value in conditions.items()}}}
    trusts = [trust({"Federated": arn}, ACTIONS, **(wanted if conditions else {}))]
    return made, await made.role("Job", allow("kms:ListKeys"), trusts=trusts)


async def assume(house: OpenedHouse, role_arn: str, token: str, **params: Any) -> dict[str, Any]:
    given = {"RoleArn": role_arn, "RoleSessionName": "work", "WebIdentityToken": token, **params}
    return await house.call("sts", "AssumeRoleWithWebIdentity", caller=Caller.anonymous(), **given)


async def code_of(house: OpenedHouse, role_arn: str, token: str, **params: Any) -> tuple[str, str]:
    with pytest.raises(AwsError) as caught:
        await assume(house, role_arn, token, **params)
    return caught.value.code, caught.value.message


def test_the_subject_of_a_token_becomes_the_role(in_house: InHouse[None], idp: IdentityProvider) -> None:
    async def body(house: OpenedHouse) -> None:
        made, role = await role_for(house, idp, sub="job:17", aud=CLIENT_ID)
        token = idp.token()
        answer = await assume(house, role.arn, token, DurationSeconds=900)
        assert (answer["SubjectFromWebIdentityToken"], answer["Audience"]) == ("job:17", CLIENT_ID)
        assert answer["Provider"] == idp.issuer
        assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/Job/work"
        session = await made.session(answer)
        assert await house.call("kms", "ListKeys", caller=session)
        with refused("AccessDeniedException"):
            await house.call("kms", "ListAliases", caller=session)
        now = house.clock.now()
        first = (await house.house.audit.records(now - 60, now + 1))[0]
        event = as_cloudtrail(first)
        provider_arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{idp.issuer.removeprefix('https://')}"
        who = event["userIdentity"]
        assert (who["type"], who["userName"]) == ("WebIdentityUser", "job:17")
        assert (who["principalId"], who["identityProvider"]) == (f"{provider_arn}:{CLIENT_ID}:job:17", provider_arn)
        assert event["recipientAccountId"] == ACCOUNT
        assert event["requestParameters"] == {"roleArn": role.arn, "roleSessionName": "work", "durationSeconds": 900}
        assert token not in json.dumps(event)
        second = as_cloudtrail((await house.house.audit.records(now - 60, house.clock.now() + 1))[1])
        web = second["userIdentity"]["sessionContext"]["webIdFederationData"]
        assert web["federatedProvider"] == provider_arn

    in_house(body)


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256", "PS384", "ES256", "ES384", "ES512"])
def test_signatures_that_are_accepted(on_sqlite: InHouse[None], idp: IdentityProvider, algorithm: str) -> None:
    async def body(house: OpenedHouse) -> None:
        idp.keys = [SigningKey("other"), SigningKey("this", algorithm)]
        idp.publish()
        _, role = await role_for(house, idp)
        assert await assume(house, role.arn, idp.keys[1].sign(idp.claims()))
        unnamed = SigningKey(None, algorithm)
        unnamed.private = idp.keys[1].private
        assert await assume(house, role.arn, unnamed.sign(idp.claims()))

    on_sqlite(body)


def test_tokens_that_nobody_signed_are_not_believed(on_sqlite: InHouse[None], idp: IdentityProvider) -> None:
    async def body(house: OpenedHouse) -> None:
        _, role = await role_for(house, idp)
        good = idp.token()
        header, payload, signature = good.split(".")
        public = json.dumps(idp.keys[0].public_jwk()).encode()
        other = SigningKey("first")
        forged = [
            f"{encoded({'alg': 'none', 'kid': 'first'})}.{payload}.",
            f"{encoded({'alg': 'none'})}.{payload}.{signature}",
            f"{encoded({'alg': 'HS256', 'kid': 'first'})}.{payload}.{hs256(public, payload)}",
            f"{encoded({'alg': 'RS512', 'kid': 'first'})}.{payload}.{signature}",
            f"{header}.{encoded(idp.claims(sub='root'))}.{signature}",
            f"{header}.{payload}.{signature[:-6]}",
            f"{header}.{payload}.",
            other.sign(idp.claims()),
            other.sign(idp.claims(), jwk=other.public_jwk()),
            idp.keys[0].sign(idp.claims(), crit=["b64"]),
        ]
        for token in forged:
            assert (await code_of(house, role.arn, token))[0] == "InvalidIdentityToken", token
        for text in ("abcd", "a.b.c", "....", f"{header}.{payload}", f"{header}.{encoded(['a'])}.{signature}"):
            code, message = await code_of(house, role.arn, text)
            assert (code, message[:40]) == ("InvalidIdentityToken", "The ID Token provided is not a valid JWT")
        assert await assume(house, role.arn, good)

    on_sqlite(body)


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def hs256(secret: bytes, payload: str) -> str:
    signed = f"{encoded({'alg': 'HS256', 'kid': 'first'})}.{payload}".encode()
    return base64.urlsafe_b64encode(hmac.digest(secret, signed, "sha256")).rstrip(b"=").decode()


def test_a_short_key_proves_nothing(on_sqlite: InHouse[None], idp: IdentityProvider) -> None:
    async def body(house: OpenedHouse) -> None:
        idp.keys = [SigningKey("short", bits=1_024)]
        idp.publish()
        _, role = await role_for(house, idp)
        with pytest.warns(jwt.InsecureKeyLengthWarning):
            token = idp.token()
        assert (await code_of(house, role.arn, token))[0] == "InvalidIdentityToken"

    on_sqlite(body)


@pytest.mark.parametrize(
    ("code", "message", "changed"),
    [
        ("InvalidIdentityToken", "Incorrect token audience", {"aud": "somebody-else"}),
        ("InvalidIdentityToken", "Incorrect token audience", {"azp": "somebody-else"}),
        ("InvalidIdentityToken", "Missing a required claim: aud", {"aud": None}),
        ("InvalidIdentityToken", "Missing a required claim: sub", {"sub": None}),
        ("InvalidIdentityToken", "Missing a required claim: exp", {"exp": None}),
        ("InvalidIdentityToken", "Missing a required claim: iat", {"iat": None}),
        ("InvalidIdentityToken", "Missing a required claim: iss", {"iss": None}),
        ("InvalidIdentityToken", "Issuer must be a valid URL", {"iss": "http://localhost"}),
        ("InvalidIdentityToken", "The claim exp is not a time", {"exp": "never"}),
        ("InvalidIdentityToken", "The claim exp is not a time", {"exp": float("inf")}),
        ("InvalidIdentityToken", "The token is not valid yet", {"nbf": time.time() + 3_600}),
        ("InvalidIdentityToken", "The token is not valid yet", {"iat": time.time() + 3_600}),
        ("InvalidIdentityToken", None, {"sub": "x" * 256}),
        ("InvalidIdentityToken", None, {"sub": 17}),
        ("InvalidIdentityToken", None, {"aud": [CLIENT_ID, 17]}),
        ("InvalidIdentityToken", None, {"https://aws.amazon.com/tags": {"principal_tags": {"Team": ["a", "b"]}}}),
        ("InvalidIdentityToken", None, {"https://aws.amazon.com/source_identity": "no spaces"}),
        ("ExpiredTokenException", None, {"exp": time.time() - 1}),
    ],
)
def test_claims_that_do_not_do(
    on_sqlite: InHouse[None], idp: IdentityProvider, code: str, message: str | None, changed: dict[str, Any]
) -> None:
    async def body(house: OpenedHouse) -> None:
        _, role = await role_for(house, idp)
        seen = await code_of(house, role.arn, idp.token(**changed))
        assert seen[0] == code, seen
        assert message is None or seen[1] == message

    on_sqlite(body)


def test_an_expired_token_says_when(on_sqlite: InHouse[None], idp: IdentityProvider) -> None:
    async def body(house: OpenedHouse) -> None:
        _, role = await role_for(house, idp)
        _, message = await code_of(house, role.arn, idp.token(exp=1_700_000_000))
        assert message.startswith("Token expired: current date/time ")
        assert message.endswith(" must be before the expiration date/time 1700000000")

    on_sqlite(body)


def test_who_is_trusted_with_which_claims(on_sqlite: InHouse[None], idp: IdentityProvider) -> None:
    async def body(house: OpenedHouse) -> None:
        made, role = await role_for(house, idp, sub="job:17", azp=CLIENT_ID, oaud="backend", amr="pwd")
        good = {"aud": "backend", "azp": CLIENT_ID, "amr": ["pwd"]}
        assert (await assume(house, role.arn, idp.token(**good)))["Audience"] == CLIENT_ID
        refusal = "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"
        for changed in ({"sub": "job:18"}, {"aud": "other"}, {"amr": ["otp"]}, {"amr": None}):
            assert await code_of(house, role.arn, idp.token(**(good | changed))) == refusal
        # Nobody trusts a provider by trusting everybody, nor what another account's provider of that name says.
        open_role = await made.role("Open", trusts=[trust("*", ACTIONS)])
        assert await code_of(house, open_role.arn, idp.token()) == refusal
        assert await code_of(house, f"arn:aws:iam::{ACCOUNT}:role/None", idp.token()) == refusal
        other = await made.role("Theirs", trusts=[trust("*", ACTIONS)], account_id="444455556666")
        code, message = await code_of(house, other.arn, idp.token())
        assert (code, message) == (
            "InvalidIdentityToken",
            f"No OpenIDConnect provider found in your account for {idp.issuer}",
        )
        with refused("ValidationError"):
            await assume(house, role.arn, idp.token(**good), ProviderId="www.amazon.com")

    on_sqlite(body)


def test_whoever_comes_with_a_token_belongs_to_no_account(on_sqlite: InHouse[None], idp: IdentityProvider) -> None:
    async def body(house: OpenedHouse) -> None:
        made, role = await role_for(house, idp)
        provider_arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{idp.issuer.removeprefix('https://')}"
        keys = ("aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalType", "aws:userid", "aws:username")
        absent = {"Condition": {"Null": dict.fromkeys(keys, "true")}}
        await made.trust(role, trust({"Federated": provider_arn}, ACTIONS, **absent))
        assert await assume(house, role.arn, idp.token())

    on_sqlite(body)


@pytest.mark.parametrize("nested", [True, False])
def test_tags_and_source_identity_of_a_token(on_sqlite: InHouse[None], idp: IdentityProvider, nested: bool) -> None:
    async def body(house: OpenedHouse) -> None:
        made, role = await role_for(house, idp)
        lead = "https://aws.amazon.com/tags"
        tags: dict[str, Any] = (
            {lead: {"principal_tags": {"Team": ["red"], "Floor": ["2"]}, "transitive_tag_keys": ["Team"]}}
            if nested
            else {
                f"{lead}/principal_tags/Team": "red",
                f"{lead}/principal_tags/Floor": ["2"],
                f"{lead}/transitive_tag_keys": ["Team"],
            }
        )
        token = idp.token(**tags, **{"https://aws.amazon.com/source_identity": "ann@example.com"})
        answer = await assume(house, role.arn, token)
        assert answer["SourceIdentity"] == "ann@example.com"
        session = await made.session(answer)
        assert session.tags == {"Team": "red", "Floor": "2"}
        assert session.session is not None
        assert session.session.transitive_tags == ("Team",)
        provider_arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{idp.issuer.removeprefix('https://')}"
        await made.trust(role, trust({"Federated": provider_arn}, ACTIONS[0]))
        assert await code_of(house, role.arn, token) == ("AccessDenied", "Not authorized to perform sts:TagSession")
        red = {"Condition": {"StringEquals": {"aws:RequestTag/Team": "blue"}}}
        await made.trust(role, trust({"Federated": provider_arn}, ACTIONS, **red))
        assert (await code_of(house, role.arn, token))[0] == "AccessDenied"

    on_sqlite(body)


def test_claims_are_known_for_as_long_as_the_session_lives(on_sqlite: InHouse[None], idp: IdentityProvider) -> None:
    async def body(house: OpenedHouse) -> None:
        made, role = await role_for(house, idp)
        name = idp.issuer.removeprefix("https://")
        only_17 = {"Condition": {"StringEquals": {f"{name}:sub": "job:17"}}}
        await made.delete_policy(role)
        await made.put_policy(role, "inline", json.dumps({"Statement": allow("kms:ListKeys", **only_17)}))
        for sub, allowed in (("job:17", True), ("job:18", False)):
            session = await made.session(await assume(house, role.arn, idp.token(sub=sub)))
            if allowed:
                assert await house.call("kms", "ListKeys", caller=session)
            else:
                with refused("AccessDeniedException"):
                    await house.call("kms", "ListKeys", caller=session)

    on_sqlite(body)


def test_keys_are_fetched_once_and_again_for_a_new_one(
    in_house: InHouse[None], idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(house: OpenedHouse) -> None:
        _, role = await role_for(house, idp)
        now = [1_000.0]
        monkeypatch.setattr(house.house.part(ProviderKeys), "_now", lambda: now[0])
        for _ in range(3):
            await assume(house, role.arn, idp.token())
        assert len(idp.asked) == 2
        idp.keys.insert(0, SigningKey("second"))
        idp.publish()
        # A key that nobody knows makes nobody ask again at once.
        for _ in range(3):
            assert await code_of(house, role.arn, idp.token()) == ("InvalidIdentityToken", NO_KEY)
        assert len(idp.asked) == 2
        now[0] += 30
        await assume(house, role.arn, idp.token())
        assert len(idp.asked) == 4
        # A key that the provider has withdrawn is believed for an hour at most.
        old, idp.keys = idp.keys[1], idp.keys[:1]
        idp.publish()
        await assume(house, role.arn, old.sign(idp.claims()))
        now[0] += 3_600
        assert (await code_of(house, role.arn, old.sign(idp.claims())))[0] == "InvalidIdentityToken"
        now[0] += 3_600
        idp.status = 500
        assert (await code_of(house, role.arn, idp.token()))[0] == "IDPCommunicationError"

    in_house(body)


def test_a_certificate_is_trusted_by_authority_or_thumbprint(
    on_sqlite: InHouse[None], idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(house: OpenedHouse) -> None:
        monkeypatch.delenv("AWS_CA_BUNDLE")
        made = Identities(house.house)
        untrusted = (
            "InvalidIdentityToken",
            "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
        )
        accounts = (
            ("100000000001", [], False),
            ("100000000002", ["0" * 40], False),
            ("100000000003", ["0" * 40, idp.thumbprint.upper()], True),
            # What one account's thumbprint vouched for is not believed in another.
            ("100000000004", [], False),
        )
        for account_id, thumbprints, trusted in accounts:
            arn = await made.oidc_provider(idp.issuer, [CLIENT_ID], thumbprints, account_id)
            role = await made.role("Job", trusts=[trust({"Federated": arn}, ACTIONS)], account_id=account_id)
            if trusted:
                assert await assume(house, role.arn, idp.token())
            else:
                assert await code_of(house, role.arn, idp.token()) == untrusted

    on_sqlite(body)


def test_a_thumbprint_does_not_stand_in_for_the_right_name(tmp_path: Path, on_sqlite: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        with identity_provider(tmp_path) as idp:
            idp.issuer = idp.issuer.replace("localhost", "127.0.0.2")
            arn = await made.oidc_provider(idp.issuer, [CLIENT_ID], [idp.thumbprint])
            role = await made.role("Job", trusts=[trust({"Federated": arn}, ACTIONS)])
            assert (await code_of(house, role.arn, idp.token()))[0] in ("InvalidIdentityToken", "IDPCommunicationError")
            assert idp.asked == []

    on_sqlite(body)


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("IDPCommunicationError", lambda idp: setattr(idp, "status", 500)),
        ("IDPCommunicationError", lambda idp: setattr(idp, "status", 302)),
        ("IDPCommunicationError", lambda idp: setattr(idp, "documents", {})),
        ("InvalidIdentityToken", lambda idp: idp.publish(issuer="https://elsewhere.example")),
        ("IDPCommunicationError", lambda idp: idp.publish(jwks_uri=f"{idp.issuer}/keys".replace("https:", "http:"))),
        ("IDPCommunicationError", lambda idp: idp.publish(jwks_uri="file:///etc/passwd")),
        ("IDPCommunicationError", lambda idp: idp.publish(jwks_uri="https://localhost:1/keys")),
        ("IDPCommunicationError", lambda idp: idp.publish(jwks_uri="https://user@localhost/keys")),
        ("IDPCommunicationError", lambda idp: fill(idp, b"x" * 600_000)),
        ("IDPCommunicationError", lambda idp: fill(idp, b"x" * 2_000_000)),
        ("InvalidIdentityToken", lambda idp: fill(idp, b"not JSON")),
        ("InvalidIdentityToken", lambda idp: fill(idp, b"[" * 100_000)),
        ("InvalidIdentityToken", lambda idp: fill(idp, b'{"keys": 7}')),
        (
            "InvalidIdentityToken",
            lambda idp: fill(idp, b'{"keys": [7, {"kty": "RSA", "kid": "first"}]}'),
        ),
    ],
)
def test_a_provider_that_answers_nonsense(
    on_sqlite: InHouse[None], idp: IdentityProvider, code: str, spoil: Any
) -> None:
    async def body(house: OpenedHouse) -> None:
        _, role = await role_for(house, idp)
        spoil(idp)
        for _ in range(2):
            assert (await code_of(house, role.arn, idp.token()))[0] == code
        # What failed is not tried again at once, however many tokens come.
        assert len(idp.asked) <= 2

    on_sqlite(body)


def fill(idp: IdentityProvider, keys: bytes) -> None:
    for path in idp.documents:
        if path.endswith("/keys"):
            idp.documents[path] = keys


def test_a_slow_provider_is_not_waited_for(
    on_sqlite: InHouse[None], idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(house: OpenedHouse) -> None:
        _, role = await role_for(house, idp)
        monkeypatch.setattr("strongroom.services.sts.https_documents.FETCH_SECONDS_MAX", 0.2)
        idp.delay_seconds = 1.0
        started = time.monotonic()
        assert (await code_of(house, role.arn, idp.token()))[0] == "IDPCommunicationError"
        assert time.monotonic() - started < 0.9

    on_sqlite(body)
