"""SIGKILL under a load of changes to users, policies and grants: nothing acknowledged is lost, nothing half made."""

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from botocore.credentials import Credentials
from tests.faults.killed_under_load import LoadWorker, assert_whole, kill_again_and_again
from tests.faults.plain_client import Answer, PlainClient
from tests.running_server import RunningServer, running_server

WORKERS = 5
ABSENT = None
HERE = "arn:aws:iam::000000000000"

Value = str | None


class Worker(LoadWorker):
    """Changes users, policies and grants that nobody else touches, and remembers what the server acknowledged.

    `states` are what the server must answer, by (kind, name). A change that was cut off before its answer may have
    happened or not: both values are remembered then, until the next look at the server tells which.
    """

    def __init__(self, number: int, key_id: str) -> None:
        super().__init__(number)
        self.key_id = key_id
        self.group, self.policy = f"group-{number}", f"policy-{number}"
        self.users = [f"user-{number}-{each}" for each in range(3)]
        self.states: dict[tuple[str, str], tuple[Value, ...]] = {}
        self.secrets: dict[str, str] = {}
        self.changes = self.refusals = 0

    def prepare(self, client: PlainClient) -> None:
        """Make what the worker's users are put into and given."""
        call(client, "iam", "CreateGroup", GroupName=self.group)
        call(client, "iam", "CreatePolicy", PolicyName=self.policy, PolicyDocument=document("0"))
        self.states["policy", self.policy] = (document("0"),)
        for user in self.users:
            self.states |= {(kind, user): (ABSENT,) for kind in ("user", "inline", "member", "attached", "grant")}

    def is_there(self, kind: str, name: str) -> bool:
        """Whether there is such a thing; only asked while that is certain."""
        (value,) = self.states[kind, name]
        return value is not ABSENT

    def keys_of(self, user: str) -> list[str]:
        """Return the access keys of a user that are known to be there."""
        return [
            name for (kind, name), values in self.states.items() if kind == f"key of {user}" and values != (ABSENT,)
        ]

    def _change(self, client: PlainClient, kind: str, name: str, value: Value, operation: str, **params: str) -> Answer:
        """Make a change that must succeed, and note its outcome."""
        self.states[kind, name] = (*self.states[kind, name], value)
        answer = client.query("iam", operation, params)
        assert answer.status == 200, (operation, params, answer)
        self.states[kind, name] = (value,)
        self.changes += 1
        return answer

    def step(self, client: PlainClient) -> None:
        """Change something of a user, or be refused."""
        user = self.random.choice(self.users)
        if not self.is_there("user", user):
            self._change(client, "user", user, user, "CreateUser", UserName=user)
            return
        steps = [self._inline, self._member, self._attached, self._key, self._version, self._grant, self._refused]
        self.random.choice([*steps, self._delete])(client, user)

    def _inline(self, client: PlainClient, user: str) -> None:
        named = {"UserName": user, "PolicyName": "inline"}
        if self.is_there("inline", user) and self.random.random() < 0.4:
            self._change(client, "inline", user, ABSENT, "DeleteUserPolicy", **named)
            return
        text = document(f"{self.random.getrandbits(64):x}")
        self._change(client, "inline", user, text, "PutUserPolicy", **named, PolicyDocument=text)

    def _member(self, client: PlainClient, user: str) -> None:
        named = {"UserName": user, "GroupName": self.group}
        if self.is_there("member", user):
            self._change(client, "member", user, ABSENT, "RemoveUserFromGroup", **named)
        else:
            self._change(client, "member", user, self.group, "AddUserToGroup", **named)

    def _attached(self, client: PlainClient, user: str) -> None:
        named = {"UserName": user, "PolicyArn": f"{HERE}:policy/{self.policy}"}
        if self.is_there("attached", user):
            self._change(client, "attached", user, ABSENT, "DetachUserPolicy", **named)
        else:
            self._change(client, "attached", user, self.policy, "AttachUserPolicy", **named)

    def _key(self, client: PlainClient, user: str) -> None:
        keys = self.keys_of(user)
        kind = f"key of {user}"
        if not keys:
            answer = call(client, "iam", "CreateAccessKey", UserName=user)
            access_key_id = answer.xml("AccessKeyId")
            self.states[kind, access_key_id] = ("Active",)
            self.secrets[access_key_id] = answer.xml("SecretAccessKey")
        elif self.random.random() < 0.5:
            self._change(client, kind, keys[0], ABSENT, "DeleteAccessKey", UserName=user, AccessKeyId=keys[0])
        else:
            status = self.random.choice(["Active", "Inactive"])
            named = {"UserName": user, "AccessKeyId": keys[0], "Status": status}
            self._change(client, kind, keys[0], status, "UpdateAccessKey", **named)

    def _version(self, client: PlainClient, user: str) -> None:
        arn = f"{HERE}:policy/{self.policy}"
        versions = re.findall(rb"<VersionId>([^<]*)<", call(client, "iam", "ListPolicyVersions", PolicyArn=arn).body)
        if len(versions) == 5:
            call(client, "iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=versions[-1].decode())
        text = document(f"{self.random.getrandbits(64):x}")
        named = {"PolicyArn": arn, "PolicyDocument": text, "SetAsDefault": "true"}
        self._change(client, "policy", self.policy, text, "CreatePolicyVersion", **named)

    def _grant(self, client: PlainClient, user: str) -> None:
        (grant_id,) = self.states["grant", user]
        if grant_id is not ABSENT:
            self.states["grant", user] = (grant_id, ABSENT)
            answer = client.kms("RevokeGrant", {"KeyId": self.key_id, "GrantId": grant_id})
            assert answer.status == 200, answer
            self.states["grant", user] = (ABSENT,)
            return
        params = {"KeyId": self.key_id, "GranteePrincipal": f"{HERE}:user/{user}", "Operations": ["Encrypt"]}
        self.states["grant", user] = (ABSENT, "?")
        answer = client.kms("CreateGrant", params)
        assert answer.status == 200, answer
        self.states["grant", user] = (answer.json["GrantId"],)

    def _delete(self, client: PlainClient, user: str) -> None:
        """Delete a user on whom nothing hangs; otherwise that has to be refused."""
        hangs = any(self.is_there(kind, user) for kind in ("inline", "member", "attached")) or self.keys_of(user)
        if hangs:
            self._must_refuse(client.query("iam", "DeleteUser", {"UserName": user}), "DeleteConflict")
            return
        # A grant stays behind when its grantee goes, and is of nobody then.
        if not self.is_there("grant", user):
            self._change(client, "user", user, ABSENT, "DeleteUser", UserName=user)

    def _refused(self, client: PlainClient, user: str) -> None:
        """Ask for changes that must be refused."""
        self._must_refuse(client.query("iam", "CreateUser", {"UserName": user.upper()}), "EntityAlreadyExists")
        params = {"UserName": user, "PolicyName": "inline", "PolicyDocument": document("x").replace("Allow", "allow")}
        self._must_refuse(client.query("iam", "PutUserPolicy", params), "MalformedPolicyDocument")
        params = {"UserName": user, "PolicyArn": f"{HERE}:policy/nothing"}
        self._must_refuse(client.query("iam", "AttachUserPolicy", params), "NoSuchEntity")

    def _must_refuse(self, answer: Answer, code: str) -> None:
        assert answer.code == code, answer
        self.refusals += 1


def document(sid: str) -> str:
    """Return a policy that can be told from others."""
    statement = {"Sid": sid, "Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def call(client: PlainClient, service: str, operation: str, **params: str) -> Answer:
    """Make a call that must succeed."""
    answer = client.query(service, operation, params)
    assert answer.status == 200, (operation, params, answer)
    return answer


def found(client: PlainClient, worker: Worker, kind: str, name: str) -> Value:
    """Return what the server says of one of a worker's things."""
    read: dict[str, Callable[[], Value]] = {
        "user": lambda: text_of(client.query("iam", "GetUser", {"UserName": name}), "UserName"),
        "inline": lambda: document_of(client.query("iam", "GetUserPolicy", {"UserName": name, "PolicyName": "inline"})),
        "member": lambda: text_of(client.query("iam", "ListGroupsForUser", {"UserName": name}), "GroupName"),
        "attached": lambda: text_of(client.query("iam", "ListAttachedUserPolicies", {"UserName": name}), "PolicyName"),
        "policy": lambda: default_document(client, f"{HERE}:policy/{name}"),
        "grant": lambda: grant_of(client, worker.key_id, f"{HERE}:user/{name}"),
    }
    if kind in read:
        return read[kind]()
    listed = client.query("iam", "ListAccessKeys", {"UserName": kind.removeprefix("key of ")})
    statuses = dict(re.findall(rb"<AccessKeyId>([^<]*)</AccessKeyId><Status>([^<]*)<", listed.body))
    status = statuses.get(name.encode())
    return ABSENT if status is None else status.decode()


def text_of(answer: Answer, element: str) -> Value:
    """Return the text of an element of an answer; ABSENT when there is none, or nothing to be asked of."""
    assert answer.status == 200 or answer.code == "NoSuchEntity", answer
    try:
        return answer.xml(element) if answer.status == 200 else ABSENT
    except KeyError:
        return ABSENT


def document_of(answer: Answer) -> Value:
    """Return the policy in an answer."""
    text = text_of(answer, "PolicyDocument")
    return ABSENT if text is ABSENT else unquote(text)


def default_document(client: PlainClient, arn: str) -> str:
    """Return the version in force of a managed policy."""
    version = call(client, "iam", "GetPolicy", PolicyArn=arn).xml("DefaultVersionId")
    return unquote(call(client, "iam", "GetPolicyVersion", PolicyArn=arn, VersionId=version).xml("Document"))


def grant_of(client: PlainClient, key_id: str, grantee: str) -> Value:
    """Return the id of the only grant of a principal, or ABSENT."""
    answer = client.kms("ListGrants", {"KeyId": key_id, "GranteePrincipal": grantee})
    # Whoever does not exist cannot be asked for.
    grants = answer.json["Grants"] if answer.status == 200 else []
    assert len(grants) <= 1, grants
    return grants[0]["GrantId"] if grants else ABSENT


def verify(server: RunningServer, workers: list[Worker]) -> None:
    """Assert that everything is as it was acknowledged; find out what became of what was cut off."""
    client = PlainClient(server)
    for worker in workers:
        for (kind, name), values in worker.states.items():
            value = found(client, worker, kind, name)
            was_made = "?" in values and value is not ABSENT
            assert value in values or was_made, (kind, name, values, value)
            worker.states[kind, name] = (value,)
        for user in worker.users:
            adopt_strangers(client, worker, user)
            for access_key_id in worker.keys_of(user):
                if access_key_id in worker.secrets:
                    credentials = Credentials(access_key_id, worker.secrets[access_key_id])
                    answer = client.query("sts", "GetCallerIdentity", credentials=credentials)
                    (status,) = worker.states[f"key of {user}", access_key_id]
                    assert answer.status == (200 if status == "Active" else 403), (access_key_id, status, answer)
    client.close()


def adopt_strangers(client: PlainClient, worker: Worker, user: str) -> None:
    """Take over an access key that was made without anybody being told: there is one at most."""
    answer = client.query("iam", "ListAccessKeys", {"UserName": user})
    listed = {each.decode() for each in re.findall(rb"<AccessKeyId>([^<]*)<", answer.body)}
    strangers = listed - set(worker.keys_of(user))
    assert len(strangers) <= 1
    worker.states |= {(f"key of {user}", each): ("Active",) for each in strangers}


WHOLE = {
    "access keys of nobody": """SELECT access_key_id FROM access_keys WHERE principal_id <> account_id
        AND principal_id NOT IN (SELECT unique_id FROM iam_identities)""",
    "root access keys of no account": """SELECT access_key_id FROM access_keys
        WHERE account_id NOT IN (SELECT account_id FROM accounts)""",
    "memberships without both ends": """SELECT user_id FROM iam_memberships
        WHERE user_id NOT IN (SELECT unique_id FROM iam_identities WHERE kind = 'user')
        OR group_id NOT IN (SELECT unique_id FROM iam_identities WHERE kind = 'group')""",
    "attachments without both ends": """SELECT unique_id FROM iam_attachments
        WHERE unique_id NOT IN (SELECT unique_id FROM iam_identities)
        OR policy_arn NOT IN (SELECT arn FROM iam_policies)""",
    "inline policies of nobody": """SELECT unique_id FROM iam_inline_policies
        WHERE unique_id NOT IN (SELECT unique_id FROM iam_identities)""",
    "versions of no policy": """SELECT policy_id FROM iam_policy_versions
        WHERE policy_id NOT IN (SELECT policy_id FROM iam_policies)""",
    "policies without their version in force": """SELECT policy_id FROM iam_policies AS policy WHERE NOT EXISTS (
        SELECT 1 FROM iam_policy_versions AS version
        WHERE version.policy_id = policy.policy_id AND version.version = policy.default_version)""",
    "keys that count other grants than they have": """SELECT key_id FROM kms_keys AS key WHERE grant_count <>
        (SELECT count(*) FROM kms_grants AS grant WHERE grant.key_id = key.key_id AND grant.region = key.region)""",
}
"""What must not be found in the database of a stopped server."""


def test_nothing_acknowledged_is_lost_and_nothing_is_half_made(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        client = PlainClient(server)
        key_id = client.kms("CreateKey", {}).json["KeyMetadata"]["KeyId"]
        workers = [Worker(number, key_id) for number in range(WORKERS)]
        for worker in workers:
            worker.prepare(client)
        client.close()
        kill_again_and_again(
            server,
            workers,
            lambda: verify(server, workers),
            lambda: sum(each.refusals for each in workers) > 10 and sum(each.changes for each in workers) > 100,
        )
        verify(server, workers)
        assert server.stop() == 0
        assert_whole(server, WHOLE)
    assert "request failed" not in server.log.read_text()


def adversary(client: PlainClient, user: str, stop: threading.Event, seen: list[str]) -> None:
    """Delete a user, again and again, until told to stop."""
    while not stop.is_set():
        seen.append(client.query("iam", "DeleteUser", {"UserName": user}).code)


def test_what_is_made_while_its_user_is_deleted_is_of_nobody_or_not_at_all(tmp_path: Path) -> None:
    """DeleteUser races with everything that would hang on the user: it is refused, or whatever comes later is."""
    with running_server(tmp_path) as server:
        root = PlainClient(server)
        stop, seen = threading.Event(), list[str]()
        call(root, "iam", "CreateGroup", GroupName="group")
        call(root, "iam", "CreatePolicy", PolicyName="policy", PolicyDocument=document("0"))
        deleting = threading.Thread(target=adversary, args=(PlainClient(server), "victim", stop, seen))
        deleting.start()
        makers: list[tuple[str, dict[str, Any]]] = [
            ("CreateAccessKey", {}),
            ("PutUserPolicy", {"PolicyName": "inline", "PolicyDocument": document("1")}),
            ("AttachUserPolicy", {"PolicyArn": f"{HERE}:policy/policy"}),
            ("AddUserToGroup", {"GroupName": "group"}),
        ]
        codes = set()
        try:
            for number in range(200):
                operation, params = makers[number % len(makers)]
                root.query("iam", "CreateUser", {"UserName": "victim"})
                answer = root.query("iam", operation, {"UserName": "victim", **params})
                codes.add(answer.code)
                undo(root, operation, answer, params)
        finally:
            stop.set()
            deleting.join()
        assert codes <= {"", "NoSuchEntity", "ConcurrentModification"}
        assert {"", "NoSuchEntity"} <= set(seen) <= {"", "NoSuchEntity", "DeleteConflict", "ConcurrentModification"}
        assert server.stop() == 0
        assert_whole(server, WHOLE)


def undo(client: PlainClient, operation: str, answer: Answer, params: dict[str, str]) -> None:
    """Take away again what was made, so that the user can be deleted."""
    if answer.status != 200:
        return
    named = {"UserName": "victim"}
    if operation == "CreateAccessKey":
        call(client, "iam", "DeleteAccessKey", **named, AccessKeyId=answer.xml("AccessKeyId"))
    elif operation == "PutUserPolicy":
        call(client, "iam", "DeleteUserPolicy", **named, PolicyName="inline")
    elif operation == "AttachUserPolicy":
        call(client, "iam", "DetachUserPolicy", **named, PolicyArn=params["PolicyArn"])
    else:
        call(client, "iam", "RemoveUserFromGroup", **named, GroupName="group")
