"""Properly signed requests of the query protocol (IAM, STS) with generated content, on both databases.

`FUZZ_SECONDS` in the environment makes it try for longer.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
from botocore.credentials import Credentials
from hypothesis import strategies as st
from tests.faults.generated_values import ANY_JSON, POLICIES, SECONDS, TEXTS, Shapes, mostly, try_on_and_on
from tests.faults.plain_client import (
    FORM,
    QUERY_VERSIONS,
    ROOT,
    Answer,
    PlainClient,
    assert_unharmed,
    form,
    signed_headers,
)
from tests.faults.served import may_answer, served_operations
from tests.running_server import RunningServer, running_server

from strongroom.model.service import OperationModel
from strongroom.model.shapes import Shape

ACCOUNT = "000000000000"
HERE = f"arn:aws:iam::{ACCOUNT}"
ALLOW_SOME = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "iam:*",
                "Resource": "*",
                "Condition": {"Bool": {"aws:SecureTransport": "true"}},
            },
            {"Effect": "Allow", "Action": "sts:*", "Resource": "*"},
            {"Effect": "Allow", "Action": ["iam:Get*", "iam:Tag*"], "Resource": f"{HERE}:user/${{aws:username}}"},
            {
                "Effect": "Allow",
                "Action": "iam:*",
                "Resource": "*",
                "Condition": {"StringLike": {"aws:RequestTag/a": "${aws:PrincipalTag/a}*"}},
            },
            {
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": "b"}},
            },
        ],
    }
)
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": ["sts:AssumeRole", "sts:TagSession"]},
            {
                "Effect": "Allow",
                "Principal": {"Federated": f"{HERE}:oidc-provider/localhost:1"},
                "Action": "sts:AssumeRoleWithWebIdentity",
            },
        ],
    }
)
NAMES = ("known", "Known", "other", "team/known", "..", "@", "known@example.com")
PATHS = ("/", "/a/", "/a/b/", "//", "/../", "/*/", "/${aws:username}/", "/a:b/", "/aws-service-role/x.amazonaws.com/")


class KnownIdentities:
    """What a client of the server knows that makes its requests go deep: names, ARNs, access keys, markers."""

    def __init__(self, client: PlainClient) -> None:
        self._client = client
        self._call("CreateUser", UserName="caller", **{"Tags.member.1.Key": "a", "Tags.member.1.Value": "x"})
        self._call("PutUserPolicy", UserName="caller", PolicyName="some", PolicyDocument=ALLOW_SOME)
        key = self._call("CreateAccessKey", UserName="caller")
        user = Credentials(key.xml("AccessKeyId"), key.xml("SecretAccessKey"))
        self.keys = ["AKIAAAAAAAAAAAAAAAAA"]
        self.revive()
        params = {"RoleArn": f"{HERE}:role/known", "RoleSessionName": "work"}
        # Freshly made access keys, roles and policies count at once, so nothing has to be waited for.
        assumed = client.query("sts", "AssumeRole", params, credentials=user)
        federated = client.query("sts", "GetFederationToken", {"Name": "bob"})
        self.callers = [
            ROOT,
            user,
            *(credentials_in(answer) for answer in (assumed, federated) if answer.status == 200),
        ]
        denied = client.query("iam", "CreateGroup", {"GroupName": "x"}, credentials=user)
        self.messages = [denied.xml("Message").rpartition(" ")[2], "AAAA", "x" * 200]
        markers = (client.query("iam", name, {"MaxItems": "1"}) for name in ("ListUsers", "ListPolicies", "ListRoles"))
        self.markers = [page.xml("Marker") for page in markers]

    def _call(self, operation: str, **params: str) -> Answer:
        answer = self._client.query("iam", operation, params)
        assert answer.status == 200 or answer.code in ("EntityAlreadyExists", "LimitExceeded", "NoSuchEntity"), answer
        return answer

    def revive(self) -> None:
        """Make everything that the requests are about anew, as far as it is gone."""
        self._call("CreateUser", UserName="known")
        self._call("CreateUser", UserName="other", Path="/a/")
        self._call("CreateGroup", GroupName="known")
        self._call("CreateGroup", GroupName="other", Path="/a/b/")
        self._call("CreateRole", RoleName="known", AssumeRolePolicyDocument=TRUST)
        self._call("UpdateAssumeRolePolicy", RoleName="known", PolicyDocument=TRUST)
        for kind in ("User", "Group", "Role"):
            named = {f"{kind}Name": "known", "PolicyName": "known"}
            self._call(f"Put{kind}Policy", **named, PolicyDocument=ALLOW_SOME)
        self._call("CreateRole", RoleName="other", Path="/a/", AssumeRolePolicyDocument=TRUST)
        self._call("CreatePolicy", PolicyName="known", PolicyDocument=ALLOW_SOME)
        self._call("CreatePolicy", PolicyName="other", Path="/a/", PolicyDocument=ALLOW_SOME)
        self._call("AddUserToGroup", UserName="known", GroupName="known")
        self._call("AttachUserPolicy", UserName="known", PolicyArn=f"{HERE}:policy/known")
        self._call("CreateInstanceProfile", InstanceProfileName="known")
        self._call("CreateVirtualMFADevice", VirtualMFADeviceName="known")
        provider = {"Url": "https://localhost:1", "ClientIDList.member.1": "me"}
        self._call("CreateOpenIDConnectProvider", **provider)
        for name in ("known", "other"):
            made = self._call("CreateAccessKey", UserName=name)
            if made.status == 200:
                self.keys.append(made.xml("AccessKeyId"))

    def values(self, name: str) -> st.SearchStrategy[Any]:
        """Return values that would do for a member of this name, or no values at all."""
        if name in ("UserName", "GroupName", "RoleName", "InstanceProfileName", "PolicyName", "VirtualMFADeviceName"):
            # What is new gets past the refusal of names that are taken.
            return mostly(st.sampled_from(NAMES), st.integers(0, 9_999).map("n{}".format), 30)
        if name in ("NewUserName", "NewGroupName"):
            return st.sampled_from(["other", "KNOWN", "known2"])
        if name in ("Path", "NewPath", "PathPrefix"):
            return st.sampled_from(PATHS)
        if name in ("PolicyDocument", "AssumeRolePolicyDocument", "Policy", "PolicyInputList"):
            return st.one_of(st.sampled_from([ALLOW_SOME, TRUST]), POLICIES, ANY_JSON.map(json.dumps))
        if name.endswith("Arn") or name == "PermissionsBoundary":
            return st.sampled_from(self.arns(name))
        if name == "AccessKeyId":
            # There will be more of them: which are known is seen when a value is drawn.
            return st.integers(0, 99).map(lambda number: self.keys[-(number % 5) % len(self.keys)])
        if name == "SerialNumber":
            return st.sampled_from([f"{HERE}:mfa/known", "arn:aws:iam::111122223333:mfa/known", "GAHT12345678"])
        if name.endswith(("Code", "Code1", "Code2")):
            return st.sampled_from(["000000", "123456"])
        if name == "EncodedMessage":
            return st.sampled_from(self.messages)
        if name == "WebIdentityToken":
            return WEB_TOKENS
        if name == "Marker":
            forged = st.binary(max_size=60).map(lambda content: base64.urlsafe_b64encode(content).decode())
            return st.one_of(st.sampled_from(self.markers), forged)
        if name == "VersionId":
            return st.sampled_from(["v1", "v2", "v9", "v999999999", "v99999999999999999999"])
        return st.nothing()

    def arns(self, name: str) -> list[str]:
        """Return ARNs for a member of this name: good ones, and some that look alike."""
        kind = {"RoleArn": "role", "PolicySourceArn": "user", "CallerArn": "user"}.get(name, "policy")
        if name == "OpenIDConnectProviderArn":
            kind = "oidc-provider"
        good = [f"{HERE}:{kind}/{known}" for known in ("known", "a/other", "localhost:1")]
        ends = ("known/", "a//other", "../known", "*", "\x00" * 8, "kn\ud800own", "KNOWN", "x" * 2_000)
        odd = [f"{HERE}:{kind}/{end}" for end in ends] + [
            f"arn:aws:iam::111122223333:{kind}/known",
            "arn:aws:iam::" * 9,
        ]
        return good * 4 + [*odd, "arn:aws:iam::aws:policy/AdministratorAccess", f"{HERE}:root"]


def credentials_in(answer: Answer) -> Credentials:
    """Return the temporary credentials in an answer of STS."""
    return Credentials(answer.xml("AccessKeyId"), answer.xml("SecretAccessKey"), answer.xml("SessionToken"))


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


JSON_PARTS = st.one_of(
    st.sampled_from(
        [
            b'{"alg":"none"}',
            b'{"alg":"HS256","kid":"x"}',
            b'{"alg":"RS256","crit":["b64"]}',
            b'{"iss":"https://localhost:1","sub":"x","aud":"me","exp":9999999999,"iat":1}',
            b'{"iss":"https://u:p@localhost:1/"}',
            b"[" * 6_000,
            b'{"a":' * 2_000,
            b'{"alg":' + b"9" * 5_000 + b"}",
            b'{"alg":"RS256","kid":"\xff"}',
        ]
    ),
    ANY_JSON.map(lambda value: json.dumps(value).encode()[:6_000]),
    st.binary(max_size=40),
)
WEB_TOKENS = st.lists(JSON_PARTS, min_size=3, max_size=3).map(lambda parts: ".".join(map(_part, parts)))

Pairs = list[tuple[str, str]]
ODD_PARTS = ("member", "0", "1", "-1", "01", "1e3", "999999", "9" * 30, "", "Key", "entry", "é", "\x00")


def pairs_of(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the parameters that a value is written as, with no regard to what the shape says."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from pairs_of(f"{name}.{key}" if name else key, below)
    elif isinstance(value, list):
        if not value:
            yield name, ""
        for position, below in enumerate(value, 1):
            yield from pairs_of(f"{name}.member.{position}", below)
    elif isinstance(value, bool):
        yield name, str(value).lower()
    elif value is not None:
        yield name, str(value)


class Damage(NamedTuple):
    """One thing to do to the parameters of a request: at which one, what, and with which part of a name."""

    at: int
    how: int
    part: str


SIGNERS = mostly(st.just(0), st.integers(-1, 3), 50)
DAMAGES = mostly(
    st.just(()),
    st.lists(st.builds(Damage, st.integers(0, 60), st.integers(0, 6), st.sampled_from(ODD_PARTS)), max_size=4),
    25,
)


def damaged(pairs: Pairs, damages: Sequence[Damage]) -> Pairs:
    """Return parameters that are twice there, nested another way, numbered oddly, renamed or cut off."""
    pairs = list(pairs)
    for damage in damages:
        if not pairs:
            return [(damage.part, damage.part)]
        at = damage.at % len(pairs)
        name, value = pairs[at]
        parts = name.split(".")
        match damage.how:
            case 0:
                pairs.append((name, value + damage.part))
            case 1:
                pairs[at] = (f"{name}.{damage.part}", value)
            case 2:
                parts[damage.at % len(parts)] = damage.part
                pairs[at] = (".".join(parts), value)
            case 3:
                pairs[at] = (".".join(parts[:-1]), value)
            case 4:
                pairs[at] = (name + ".member.1" * (damage.at % 40), value)
            case 5:
                pairs[at] = (name, "")
            case _:
                pairs.insert(at, (parts[0], value))
    return pairs


REFUSED_WHOLLY = frozenset({"ProviderId", "ProvidedContexts", "SerialNumber", "TokenCode"})


class Request(NamedTuple):
    """A request to try: which operation, its parameters, and which of the known callers signs it (-1: nobody)."""

    operation: OperationModel
    value: Any
    damages: Sequence[Damage]
    caller: int


@cache
def values_of(operation: OperationModel, known: KnownIdentities) -> st.SearchStrategy[Any]:
    """Return the parameters to try on an operation, as JSON would have them."""
    if operation.input is None:
        return ANY_JSON
    tame, wild = Shapes(known, tame=True, never=REFUSED_WHOLLY), Shapes(known, tame=False)
    return mostly(mostly(tame.values(operation.input), wild.values(operation.input), 40), ANY_JSON, 4)


def check(operation: OperationModel, answer: Answer) -> None:
    """Assert that an answer is a right one, or a refusal that a client of the operation knows; well-formed always."""
    assert answer.headers["x-amzn-requestid"]
    assert answer.headers["content-type"] == "text/xml"
    root = ElementTree.fromstring(answer.body)
    if answer.status == 200:
        assert root.tag.endswith(f"{operation.name}Response")
    else:
        assert 400 <= answer.status < 500, answer
        assert may_answer(operation, answer.code), answer
        assert len(answer.body) < 100_000


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def queried(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server on each of the databases."""
    home: Path = tmp_path_factory.mktemp("queried")
    if request.param == "sqlite":
        with running_server(home) as server:
            yield server
        return
    databases = request.getfixturevalue("postgresql_server")
    name = databases.create_database()
    with running_server(home, options=("--database", databases.url(name))) as server:
        yield server
    databases.drop_database(name)


@pytest.fixture
def client(queried: RunningServer) -> Iterator[PlainClient]:
    connected = PlainClient(queried)
    yield connected
    connected.close()
    assert_unharmed(queried)


def test_generated_queries_of_every_operation(client: PlainClient) -> None:
    known = KnownIdentities(client)
    seen: set[str] = set()

    requests = st.sampled_from([*served_operations("iam"), *served_operations("sts") * 4]).flatmap(
        lambda operation: st.builds(
            Request,
            st.just(operation),
            values_of(operation, known),
            DAMAGES,
            mostly(st.just(0), st.integers(-1, 3), 35),
        )
    )

    def tried(request: Request) -> None:
        operation = request.operation
        pairs = damaged(list(pairs_of("", request.value)), request.damages)
        version = ("Version", QUERY_VERSIONS[operation.service.name])
        content = form([("Action", operation.name), version, *pairs])
        if request.caller < 0:
            answer = client.send({"Content-Type": FORM, "Host": "localhost"}, content)
        else:
            signer = known.callers[request.caller % len(known.callers)]
            answer = client.form(operation.service.name, content, credentials=signer)
        check(operation, answer)
        seen.add(f"{operation.name} {answer.code}")

    try_on_and_on(tried, SECONDS, known.revive, request=requests)
    # It is worth nothing unless requests get behind the first checks.
    assert len(seen) > min(6 * SECONDS, 250), sorted(seen)


def texts_of(shape: Shape, name: str = "") -> Iterator[str]:
    """Yield the names of the parameters that are texts, lists with one entry."""
    if shape.type == "structure":
        for member, reference in shape.members.items():
            yield from texts_of(reference.target, f"{name}.{member}" if name else member)
    elif shape.type == "list":
        yield from texts_of(shape.element.target, f"{name}.member.1")
    elif shape.type == "string" and not shape.enum:
        yield name


def good_parameters(known: KnownIdentities, operation: OperationModel, number: int) -> dict[str, str]:
    """Return parameters that an operation of IAM or STS would take, of every member that has a known value."""
    service = operation.service.name
    given = {
        "Tags.member.1.Key": "a",
        "Tags.member.1.Value": "b",
        "TagKeys.member.1": "a",
        "Url": "https://localhost:1",
    }
    given |= {
        "RoleSessionName": "work",
        "Name": "bob",
        "ClientID": "you",
        "PermissionsBoundary": f"{HERE}:policy/known",
    }
    given |= {"ActionNames.member.1": "iam:GetUser", "PolicyInputList.member.1": ALLOW_SOME, "VersionId": "v1"}
    given |= {
        "PolicyDocument": ALLOW_SOME,
        "AssumeRolePolicyDocument": TRUST,
        "Description": "text",
        "Status": "Active",
    }
    given |= {"ThumbprintList.member.1": "a" * 40, "AWSServiceName": "elasticbeanstalk.amazonaws.com"}
    given |= {"EncodedMessage": known.messages[0], "AccessKeyId": known.keys[-1], "AccountAlias": f"alias-{number}"}
    given |= {"SerialNumber": f"{HERE}:mfa/known"} if service == "iam" else {}
    made = operation.name.startswith("Create") and operation.name != "CreateAccessKey"
    names = ("UserName", "GroupName", "RoleName", "InstanceProfileName", "PolicyName", "VirtualMFADeviceName")
    given |= dict.fromkeys(names, f"made-{number}" if made else "known")
    given |= {each: known.arns(each)[0] for each in ("PolicyArn", "RoleArn", "PolicySourceArn", "CallerArn")}
    given["OpenIDConnectProviderArn"] = f"{HERE}:oidc-provider/localhost:1"
    if operation.name == "CreateOpenIDConnectProvider":
        given["Url"] += str(number)
    if operation.name == "UpdateAssumeRolePolicy":
        given["PolicyDocument"] = TRUST
    assert operation.input is not None
    texts = set(texts_of(operation.input))
    return {name: value for name, value in given.items() if name in texts | {"Status"} & set(operation.input.members)}


def test_what_no_database_holds_in_every_text(client: PlainClient) -> None:
    """U+0000, which PostgreSQL takes in no text, and other oddities: one at a time in a request that is good."""
    known = KnownIdentities(client)
    number = succeeded = 0
    failed: list[tuple[str, str, str]] = []
    for operation in (*served_operations("iam"), *served_operations("sts")):
        for name in texts_of(operation.input) if operation.input is not None else ():
            for odd in ("\x00", "\ufffe", "\u2028", "\U0010ffff", "%00", "\\u0000", "*", "${aws:username}"):
                number += 1
                params = good_parameters(known, operation, number)
                params[name] = params.get(name, "text") + odd
                service = operation.service.name
                # Root users assume no roles.
                caller = known.callers[service == "sts"]
                answer = client.query(service, operation.name, params, credentials=caller)
                if answer.status >= 500:
                    failed.append((operation.name, name, odd))
                else:
                    check(operation, answer)
                succeeded += answer.status == 200
        known.revive()
    assert failed == []
    assert succeeded > number / 40


def test_generated_parameters_of_one_operation(client: PlainClient) -> None:
    operation = next(each for each in served_operations("sts") if each.name == "GetCallerIdentity")
    names = st.one_of(st.sampled_from(["Action", "Version", "Tags.member.1.Key", "X-Amz-Date", "a.1.b.-1"]), TEXTS)
    words = st.one_of(st.sampled_from(["GetCallerIdentity", "GetSessionToken", "2011-06-15"]), TEXTS)
    pairs = st.lists(st.tuples(names, words), max_size=8).map(
        lambda given: form([*given, ("Action", "GetCallerIdentity"), ("Version", "2011-06-15")])
    )
    bodies = st.one_of(pairs, st.binary(max_size=200))

    def tried(body: bytes) -> None:
        answer = client.send(signed_headers(client.url, body, {"Content-Type": FORM}, service="sts"), body)
        assert answer.status == 200 or 400 <= answer.status < 500, answer
        assert answer.headers["content-type"] == "text/xml"
        if answer.status != 200 and answer.code != "UnsupportedOperationException":
            assert may_answer(operation, answer.code), answer

    try_on_and_on(tried, SECONDS / 8, lambda: None, body=bodies)
