"""What is revoked is revoked: at the very next request, and at another server of the same database within a second."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError
from tests.identities_made import Identities
from tests.opened_house import InHouse, OpenedHouse
from tests.running_server import RunningServer, eventually, running_server

from strongroom.base.errors import AwsError

ACCOUNT = "000000000000"
ELSEWHERE_SECONDS_MAX = 1.0
MEASURED_TIMES = 20
REFUSALS = {"AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": "*", **more}


MAY_ENCRYPT = document(allow("kms:Encrypt"))
MAY_NOTHING_MUCH = document(allow("kms:ListAliases"))
MAY_ASSUME = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}})
OF_THE_ACCOUNT = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}

Try = Callable[[RunningServer], str]
"""Do what is to be revoked, at a server: the error code, or "" when it was allowed."""


class Revocable(NamedTuple):
    """Something that may be done, how to do it, and what to do so that it may not be done any more."""

    attempt: Try
    revoke: Callable[[], Any]


class Domain:
    """One or two servers on one database. Everything is changed at the first one, by the root user."""

    def __init__(self, servers: list[RunningServer]) -> None:
        self.servers = servers
        self.iam, self.kms, self.sts = (servers[0].client(service) for service in ("iam", "kms", "sts"))
        self._made = 0

    def name(self) -> str:
        """Return a name that nothing has yet."""
        self._made += 1
        return f"n{self._made}"

    def key(self, *statements: dict[str, Any]) -> str:
        """Make a key, whose policy hands over to the account and says `statements`, and return its id."""
        policy = document(allow("kms:*", **OF_THE_ACCOUNT), *statements)
        key_id: str = self.kms.create_key(Policy=policy)["KeyMetadata"]["KeyId"]
        return key_id

    def user(self) -> "User":
        """Make a user who may do nothing, with an access key."""
        name = self.name()
        arn = self.iam.create_user(UserName=name)["User"]["Arn"]
        return User(name, arn, self.iam.create_access_key(UserName=name)["AccessKey"])

    def policy(self, text: str = MAY_ENCRYPT) -> str:
        """Make a managed policy and return its ARN."""
        made = self.iam.create_policy(PolicyName=self.name(), PolicyDocument=text)
        arn: str = made["Policy"]["Arn"]
        return arn

    def encrypts(self, credentials: dict[str, Any], key_id: str = "") -> Try:
        """Return the attempt to encrypt with these credentials."""
        key_id = key_id or self.key()
        clients: dict[str, Any] = {}

        def attempt(server: RunningServer) -> str:
            if server.https not in clients:
                clients[server.https] = server.client(
                    "kms",
                    aws_access_key_id=credentials["AccessKeyId"],
                    aws_secret_access_key=credentials["SecretAccessKey"],
                    aws_session_token=credentials.get("SessionToken"),
                )
            try:
                clients[server.https].encrypt(KeyId=key_id, Plaintext=b"x")
            except ClientError as refusal:
                return str(refusal.response["Error"]["Code"])
            return ""

        return attempt


class User(NamedTuple):
    """A user with an access key, as the answer of CreateAccessKey has it."""

    name: str
    arn: str
    key: dict[str, Any]


def with_inline_policy(domain: Domain) -> User:
    user = domain.user()
    domain.iam.put_user_policy(UserName=user.name, PolicyName="p", PolicyDocument=MAY_ENCRYPT)
    return user


def access_key_deactivated(domain: Domain) -> Revocable:
    user = with_inline_policy(domain)
    change = {"UserName": user.name, "AccessKeyId": user.key["AccessKeyId"], "Status": "Inactive"}
    return Revocable(domain.encrypts(user.key), lambda: domain.iam.update_access_key(**change))


def access_key_deleted(domain: Domain) -> Revocable:
    user = with_inline_policy(domain)
    named = {"UserName": user.name, "AccessKeyId": user.key["AccessKeyId"]}
    return Revocable(domain.encrypts(user.key), lambda: domain.iam.delete_access_key(**named))


def user_deleted(domain: Domain) -> Revocable:
    """A session of a user outlives its access key, and ends with the user."""
    user = domain.user()
    key_id = domain.key(allow("kms:Encrypt", Principal={"AWS": user.arn}))
    sts = domain.servers[0].client(
        "sts", aws_access_key_id=user.key["AccessKeyId"], aws_secret_access_key=user.key["SecretAccessKey"]
    )
    session = sts.get_session_token()["Credentials"]
    domain.iam.delete_access_key(UserName=user.name, AccessKeyId=user.key["AccessKeyId"])
    return Revocable(domain.encrypts(session, key_id), lambda: domain.iam.delete_user(UserName=user.name))


def inline_policy_deleted(domain: Domain) -> Revocable:
    user = with_inline_policy(domain)
    return Revocable(
        domain.encrypts(user.key), lambda: domain.iam.delete_user_policy(UserName=user.name, PolicyName="p")
    )


def managed_policy_detached(domain: Domain) -> Revocable:
    user, arn = domain.user(), domain.policy()
    domain.iam.attach_user_policy(UserName=user.name, PolicyArn=arn)
    return Revocable(
        domain.encrypts(user.key), lambda: domain.iam.detach_user_policy(UserName=user.name, PolicyArn=arn)
    )


def default_version_changed(domain: Domain) -> Revocable:
    user, arn = domain.user(), domain.policy(MAY_NOTHING_MUCH)
    domain.iam.create_policy_version(PolicyArn=arn, PolicyDocument=MAY_ENCRYPT, SetAsDefault=True)
    domain.iam.attach_user_policy(UserName=user.name, PolicyArn=arn)
    return Revocable(
        domain.encrypts(user.key), lambda: domain.iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    )


def membership_removed(domain: Domain) -> Revocable:
    user, group = domain.user(), domain.name()
    domain.iam.create_group(GroupName=group)
    domain.iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=MAY_ENCRYPT)
    named = {"GroupName": group, "UserName": user.name}
    domain.iam.add_user_to_group(**named)
    return Revocable(domain.encrypts(user.key), lambda: domain.iam.remove_user_from_group(**named))


def group_policy_changed(domain: Domain) -> Revocable:
    user, group = domain.user(), domain.name()
    domain.iam.create_group(GroupName=group)
    domain.iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=MAY_ENCRYPT)
    domain.iam.add_user_to_group(GroupName=group, UserName=user.name)
    changed = {"GroupName": group, "PolicyName": "p", "PolicyDocument": MAY_NOTHING_MUCH}
    return Revocable(domain.encrypts(user.key), lambda: domain.iam.put_group_policy(**changed))


def boundary_set(domain: Domain) -> Revocable:
    user, arn = with_inline_policy(domain), domain.policy(MAY_NOTHING_MUCH)
    named = {"UserName": user.name, "PermissionsBoundary": arn}
    return Revocable(domain.encrypts(user.key), lambda: domain.iam.put_user_permissions_boundary(**named))


def role_session(domain: Domain, **params: Any) -> tuple[str, dict[str, Any]]:
    """Return the name of a new role that may encrypt, and a session of it."""
    user, role = domain.user(), domain.name()
    made = domain.iam.create_role(RoleName=role, AssumeRolePolicyDocument=MAY_ASSUME)["Role"]
    domain.iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=MAY_ENCRYPT)
    may_assume = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": made["Arn"]})
    domain.iam.put_user_policy(UserName=user.name, PolicyName="p", PolicyDocument=may_assume)
    sts = domain.servers[0].client(
        "sts", aws_access_key_id=user.key["AccessKeyId"], aws_secret_access_key=user.key["SecretAccessKey"]
    )
    return role, sts.assume_role(RoleArn=made["Arn"], RoleSessionName="work", **params)["Credentials"]


def older_sessions_revoked(domain: Domain) -> Revocable:
    role, session = role_session(domain)
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*"}

    def revoke() -> None:
        until = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        older = document({**deny, "Condition": {"DateLessThan": {"aws:TokenIssueTime": until}}})
        domain.iam.put_role_policy(RoleName=role, PolicyName="AWSRevokeOlderSessions", PolicyDocument=older)

    return Revocable(domain.encrypts(session), revoke)


def role_deleted(domain: Domain) -> Revocable:
    """What a key policy lets a role do has nothing to do with the role's own policies."""
    role = domain.name()
    made = domain.iam.create_role(RoleName=role, AssumeRolePolicyDocument=MAY_ASSUME)["Role"]
    user = domain.user()
    may_assume = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": made["Arn"]})
    domain.iam.put_user_policy(UserName=user.name, PolicyName="p", PolicyDocument=may_assume)
    sts = domain.servers[0].client(
        "sts", aws_access_key_id=user.key["AccessKeyId"], aws_secret_access_key=user.key["SecretAccessKey"]
    )
    session = sts.assume_role(RoleArn=made["Arn"], RoleSessionName="work")["Credentials"]
    key_id = domain.key(allow("kms:Encrypt", Principal={"AWS": made["Arn"]}))

    def revoke() -> None:
        domain.iam.delete_role(RoleName=role)

    return Revocable(domain.encrypts(session, key_id), revoke)


def session_policy_changed(domain: Domain) -> Revocable:
    """A managed session policy counts as it is, not as it was when the session began."""
    arn = domain.policy()
    _, session = role_session(domain, PolicyArns=[{"arn": arn}])
    change = {"PolicyArn": arn, "PolicyDocument": MAY_NOTHING_MUCH, "SetAsDefault": True}
    return Revocable(domain.encrypts(session), lambda: domain.iam.create_policy_version(**change))


def granted(domain: Domain) -> tuple[User, dict[str, str]]:
    """Return a user with a grant, and the key and grant. Another grant on the key stays."""
    user, key_id = domain.user(), domain.key()
    domain.kms.create_grant(KeyId=key_id, GranteePrincipal=domain.user().arn, Operations=["Encrypt"])
    made = domain.kms.create_grant(
        KeyId=key_id, GranteePrincipal=user.arn, RetiringPrincipal=user.arn, Operations=["Encrypt", "RetireGrant"]
    )
    return user, {"KeyId": key_id, "GrantId": made["GrantId"]}


def grant_revoked(domain: Domain) -> Revocable:
    user, grant = granted(domain)
    return Revocable(domain.encrypts(user.key, grant["KeyId"]), lambda: domain.kms.revoke_grant(**grant))


def grant_retired(domain: Domain) -> Revocable:
    user, grant = granted(domain)
    arn = domain.kms.describe_key(KeyId=grant["KeyId"])["KeyMetadata"]["Arn"]
    kms = domain.servers[0].client(
        "kms", aws_access_key_id=user.key["AccessKeyId"], aws_secret_access_key=user.key["SecretAccessKey"]
    )
    return Revocable(
        domain.encrypts(user.key, grant["KeyId"]), lambda: kms.retire_grant(KeyId=arn, GrantId=grant["GrantId"])
    )


def key_policy_changed(domain: Domain) -> Revocable:
    user = domain.user()
    key_id = domain.key(allow("kms:Encrypt", Principal={"AWS": user.arn}))
    text = document(allow("kms:*", **OF_THE_ACCOUNT))
    return Revocable(domain.encrypts(user.key, key_id), lambda: domain.kms.put_key_policy(KeyId=key_id, Policy=text))


def key_policy_denies(domain: Domain) -> Revocable:
    user = with_inline_policy(domain)
    key_id = domain.key()
    deny = {**allow("kms:Encrypt", Principal={"AWS": user.arn}), "Effect": "Deny"}
    text = document(allow("kms:*", **OF_THE_ACCOUNT), deny)
    return Revocable(domain.encrypts(user.key, key_id), lambda: domain.kms.put_key_policy(KeyId=key_id, Policy=text))


EVERY = (
    access_key_deactivated,
    access_key_deleted,
    user_deleted,
    inline_policy_deleted,
    managed_policy_detached,
    default_version_changed,
    membership_removed,
    group_policy_changed,
    boundary_set,
    older_sessions_revoked,
    role_deleted,
    session_policy_changed,
    grant_revoked,
    grant_retired,
    key_policy_changed,
    key_policy_denies,
)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Domain]:
    """One server on SQLite."""
    with running_server(tmp_path_factory.mktemp("alone")) as server:
        yield Domain([server])


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory, postgresql_server: Any) -> Iterator[Domain]:
    """Two servers on one PostgreSQL database."""
    home = tmp_path_factory.mktemp("paired")
    name = postgresql_server.create_database()
    options = ("--database", postgresql_server.url(name), "--root-key-file", str(home / "root.key"))
    for each in ("one", "other"):
        (home / each).mkdir()
    with running_server(home / "one", options=options) as one, running_server(home / "other", options=options) as other:
        yield Domain([one, other])
    postgresql_server.drop_database(name)


@pytest.mark.parametrize("prepare", EVERY, ids=lambda prepare: prepare.__name__)
def test_the_next_request_is_refused(alone: Domain, prepare: Callable[[Domain], Revocable]) -> None:
    revocable = prepare(alone)
    (server,) = alone.servers
    # Twice, so that whatever is remembered of the first time is used.
    assert [revocable.attempt(server) for _ in range(2)] == ["", ""]
    revocable.revoke()
    assert {revocable.attempt(server) for _ in range(3)} <= REFUSALS


@pytest.mark.parametrize("prepare", EVERY, ids=lambda prepare: prepare.__name__)
def test_the_other_server_refuses_within_a_second(paired: Domain, prepare: Callable[[Domain], Revocable]) -> None:
    revocable = prepare(paired)
    one, other = paired.servers
    for server in paired.servers:
        eventually(ELSEWHERE_SECONDS_MAX, lambda server=server: revocable.attempt(server) == "")
        assert revocable.attempt(server) == ""
    revocable.revoke()
    revoked_at = time.monotonic()
    assert revocable.attempt(one) in REFUSALS
    while revocable.attempt(other) not in REFUSALS:
        assert time.monotonic() < revoked_at + ELSEWHERE_SECONDS_MAX
    assert {revocable.attempt(server) for server in paired.servers for _ in range(3)} <= REFUSALS


def lateness_seconds(domain: Domain, times: int) -> list[float]:
    """Return, for so many revocations at one server, how long after it the other one still let a request in."""
    user, arn = domain.user(), domain.policy()
    attempt = domain.encrypts(user.key)
    named = {"UserName": user.name, "PolicyArn": arn}
    other = domain.servers[1]
    found = []
    for _ in range(times):
        domain.iam.attach_user_policy(**named)
        eventually(ELSEWHERE_SECONDS_MAX, lambda: attempt(other) == "")
        domain.iam.detach_user_policy(**named)
        revoked_at = began = time.monotonic()
        late = 0.0
        while attempt(other) == "":
            late = began - revoked_at
            assert late < ELSEWHERE_SECONDS_MAX
            began = time.monotonic()
        found.append(late)
    return found


def test_how_late_the_other_server_is(paired: Domain) -> None:
    assert max(lateness_seconds(paired, MEASURED_TIMES)) < ELSEWHERE_SECONDS_MAX


def test_a_new_session_after_the_older_ones_were_revoked(alone: Domain) -> None:
    """AWSRevokeOlderSessions ends the sessions of before, and nothing else."""
    user, role = alone.user(), alone.name()
    made = alone.iam.create_role(RoleName=role, AssumeRolePolicyDocument=MAY_ASSUME)["Role"]
    alone.iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=MAY_ENCRYPT)
    may_assume = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": made["Arn"]})
    alone.iam.put_user_policy(UserName=user.name, PolicyName="p", PolicyDocument=may_assume)
    (server,) = alone.servers
    sts = server.client(
        "sts", aws_access_key_id=user.key["AccessKeyId"], aws_secret_access_key=user.key["SecretAccessKey"]
    )
    assume = {"RoleArn": made["Arn"], "RoleSessionName": "work"}
    before = alone.encrypts(sts.assume_role(**assume)["Credentials"])
    assert before(server) == ""
    time.sleep(1.1)
    until = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    older = document({**deny, "Condition": {"DateLessThan": {"aws:TokenIssueTime": until}}})
    alone.iam.put_role_policy(RoleName=role, PolicyName="AWSRevokeOlderSessions", PolicyDocument=older)
    assert before(server) == "AccessDeniedException"
    after = alone.encrypts(sts.assume_role(**assume)["Credentials"])
    assert after(server) == ""


@pytest.mark.parametrize("again", [False, True], ids=["deleted", "made anew"])
def test_nothing_passes_to_whoever_gets_the_name(alone: Domain, again: bool) -> None:
    """Grants, key policies and sessions are of the user that was, not of the name."""
    user, grant = granted(alone)
    (server,) = alone.servers
    arns = {"Principal": {"AWS": user.arn}}
    policy = document(allow("kms:*", **OF_THE_ACCOUNT), allow("kms:GenerateDataKey", **arns))
    alone.kms.put_key_policy(KeyId=grant["KeyId"], Policy=policy)
    sts = server.client(
        "sts", aws_access_key_id=user.key["AccessKeyId"], aws_secret_access_key=user.key["SecretAccessKey"]
    )
    session = alone.encrypts(sts.get_session_token()["Credentials"], grant["KeyId"])
    assert session(server) == ""
    alone.iam.delete_access_key(UserName=user.name, AccessKeyId=user.key["AccessKeyId"])
    alone.iam.delete_user(UserName=user.name)
    if again:
        alone.iam.create_user(UserName=user.name)
        key = alone.iam.create_access_key(UserName=user.name)["AccessKey"]
        assert alone.encrypts(key, grant["KeyId"])(server) == "AccessDeniedException"
        kms = server.client("kms", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
        with pytest.raises(ClientError, match="AccessDeniedException"):
            kms.generate_data_key(KeyId=grant["KeyId"], KeySpec="AES_256")
    assert session(server) == "UnrecognizedClientException"
    assert alone.encrypts(user.key, grant["KeyId"])(server) == "UnrecognizedClientException"


def test_requests_at_the_same_time_are_all_refused(in_house: InHouse[None]) -> None:
    """Whoever comes while the first one finds out what is left of a grantee's grants has to wait for that."""

    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        user, another = await made.user("grantee"), await made.user("another")
        caller = await made.caller(user)
        key_id = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        params = {"KeyId": key_id, "Operations": ["Encrypt"]}
        await house.kms("CreateGrant", GranteePrincipal=another.arn, **params)

        async def encrypt() -> str:
            try:
                await house.call("kms", "Encrypt", caller=caller, KeyId=key_id, Plaintext=b"x")
            except AwsError as refusal:
                return refusal.code
            return ""

        for number in range(10):
            grant = await house.kms("CreateGrant", GranteePrincipal=user.arn, Name=str(number), **params)
            assert await encrypt() == ""
            await house.kms("RevokeGrant", KeyId=key_id, GrantId=grant["GrantId"])
            await house.kms("DescribeKey", KeyId=key_id)
            answers = await asyncio.gather(*(encrypt() for _ in range(6)))
            assert set(answers) == {"AccessDeniedException"}, answers

    in_house(body)
