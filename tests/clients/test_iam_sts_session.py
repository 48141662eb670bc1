"""A day of an administrator: people let in by a group, a role that another team assumes, keys rotated, all undone."""

import base64
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from tests.clients.installed import installed
from tests.running_server import RunningServer, running_server

ACCOUNT = "000000000000"
EXTERNAL_ID = "partner-7f3a"


class Workstation:
    """The administrator's machine: `aws` and boto3, the profiles in ~/.aws, and nothing else that knows of a server."""

    def __init__(self, home: Path, server: RunningServer) -> None:
        self._home = home
        self._server = server
        (home / ".aws").mkdir()
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
            "HOME": str(home),
            "AWS_ENDPOINT_URL": server.https,
            "AWS_CA_BUNDLE": str(server.ca_bundle),
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
        }

    def configure(self, name: str, profile: str, **settings: str) -> None:
        """Write settings with `aws configure set`, as people do."""
        for setting, value in settings.items():
            self.run("configure", "set", setting, value, "--profile", profile)
        assert self.run("configure", "get", name, "--profile", profile).stdout.strip() == settings[name]

    def run(self, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `aws`."""
        command = [installed("aws"), "--output", "json", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        assert (done.returncode == 0) is ok, done.stdout + done.stderr
        return done

    def aws(self, profile: str, *arguments: str) -> dict[str, Any]:
        """Return what a command of a profile prints."""
        done = self.run(*arguments, "--profile", profile)
        found: dict[str, Any] = json.loads(done.stdout) if done.stdout.strip() else {}
        return found

    def refused(self, profile: str, *arguments: str) -> str:
        """Return what a command of a profile complains of."""
        return self.run(*arguments, "--profile", profile, ok=False).stderr

    def session(self, profile: str, monkeypatch: pytest.MonkeyPatch) -> boto3.session.Session:
        """Return a boto3 session of a profile."""
        for name in ("AWS_ENDPOINT_URL", "AWS_CA_BUNDLE"):
            monkeypatch.setenv(name, self.environment[name])
        monkeypatch.setenv("AWS_CONFIG_FILE", str(self._home / ".aws" / "config"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(self._home / ".aws" / "credentials"))
        return boto3.session.Session(profile_name=profile, region_name="us-east-1")


def statement(action: str | list[str], resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def make_people(pc: Workstation) -> str:
    """Let `ops` administer by a group, and `ann` in with a policy of her own. Return that policy's ARN."""
    pc.aws("root", "iam", "create-group", "--group-name", "Administrators", "--path", "/staff/")
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    pc.aws("root", "iam", "attach-group-policy", "--group-name", "Administrators", "--policy-arn", admin)
    pc.aws("root", "iam", "create-user", "--user-name", "ops", "--tags", "Key=team,Value=platform")
    pc.aws("root", "iam", "add-user-to-group", "--group-name", "Administrators", "--user-name", "ops")
    configure_user(pc, "root", "ops")
    # From here on nobody needs the root user.
    who = pc.aws("ops", "sts", "get-caller-identity")
    assert who["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/ops"
    pc.aws("ops", "iam", "create-user", "--user-name", "ann", "--path", "/people/")
    own = document(statement("iam:GetUser", f"arn:aws:iam::{ACCOUNT}:user/people/${{aws:username}}"))
    made = pc.aws("ops", "iam", "create-policy", "--policy-name", "People", "--policy-document", own)
    arn: str = made["Policy"]["Arn"]
    pc.aws("ops", "iam", "attach-user-policy", "--user-name", "ann", "--policy-arn", arn)
    configure_user(pc, "ops", "ann")
    return arn


def configure_user(pc: Workstation, by: str, user: str) -> str:
    """Make an access key and put it into the profile of that user. Return its id."""
    key = pc.aws(by, "iam", "create-access-key", "--user-name", user)["AccessKey"]
    pc.configure(
        "region",
        user,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        region="us-east-1",
    )
    access_key_id: str = key["AccessKeyId"]
    return access_key_id


def make_role(pc: Workstation, key_arn: str) -> str:
    """Make the role that whoever is let may assume with an external id, to use one key. Return its ARN."""
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": ACCOUNT},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}},
    }
    text = document(trust)
    make = ("iam", "create-role", "--role-name", "Sealer", "--path", "/apps/", "--max-session-duration", "7200")
    arn: str = pc.aws("ops", *make, "--assume-role-policy-document", text)["Role"]["Arn"]
    may = document(statement(["kms:Encrypt", "kms:Decrypt"], key_arn))
    put = ("iam", "put-role-policy", "--role-name", "Sealer", "--policy-name", "UseKey")
    pc.aws("ops", *put, "--policy-document", may)
    return arn


def give_ann_the_role(pc: Workstation, policy_arn: str, role_arn: str) -> None:
    """Write a second version of ann's policy, and put it in force only when it has been tried."""
    second = document(
        statement("iam:GetUser", f"arn:aws:iam::{ACCOUNT}:user/people/${{aws:username}}"),
        statement("sts:AssumeRole", role_arn),
    )
    try_it = ("iam", "simulate-principal-policy", "--policy-source-arn", f"arn:aws:iam::{ACCOUNT}:user/people/ann")
    asked = ("--action-names", "sts:AssumeRole", "iam:DeleteUser", "--resource-arns", role_arn)

    def decisions(*more: str) -> dict[str, str]:
        results = pc.aws("ops", *try_it, *asked, *more)["EvaluationResults"]
        return {each["EvalActionName"]: each["EvalDecision"] for each in results}

    assert decisions() == {"sts:AssumeRole": "implicitDeny", "iam:DeleteUser": "implicitDeny"}
    assert decisions("--policy-input-list", second)["sts:AssumeRole"] == "allowed"
    create = ("iam", "create-policy-version", "--policy-arn", policy_arn, "--policy-document", second)
    assert pc.aws("ops", *create)["PolicyVersion"] == {
        "VersionId": "v2",
        "IsDefaultVersion": False,
        "CreateDate": pc.aws("ops", "iam", "get-policy-version", "--policy-arn", policy_arn, "--version-id", "v2")[
            "PolicyVersion"
        ]["CreateDate"],
    }
    assert "AccessDenied" in pc.refused("sealer", "sts", "get-caller-identity")
    pc.aws("ops", "iam", "set-default-policy-version", "--policy-arn", policy_arn, "--version-id", "v2")
    assert decisions() == {"sts:AssumeRole": "allowed", "iam:DeleteUser": "implicitDeny"}


def use_the_role(pc: Workstation, key_arn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seal a file with the profile that assumes the role, and open it with boto3."""
    (tmp_path / "secret").write_text("the price is 42")
    assert ":assumed-role/Sealer/" in pc.aws("sealer", "sts", "get-caller-identity")["Arn"]
    encrypt = ("kms", "encrypt", "--key-id", key_arn, "--plaintext", f"fileb://{tmp_path / 'secret'}")
    sealed = pc.aws("sealer", *encrypt)["CiphertextBlob"]
    kms = pc.session("sealer", monkeypatch).client("kms")
    assert kms.decrypt(CiphertextBlob=base64.b64decode(sealed))["Plaintext"] == b"the price is 42"
    # ann herself may not, nor may the role do more.
    assert "AccessDeniedException" in pc.refused("ann", *encrypt)
    assert "AccessDeniedException" in pc.refused("sealer", "kms", "schedule-key-deletion", "--key-id", key_arn)


def ask_why(pc: Workstation) -> None:
    """Find out why ann was refused, as her message tells whoever may decode it."""
    complaint = pc.refused("ann", "iam", "list-users")
    assert "is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::000000000000:user/" in complaint
    message = complaint.rpartition("Encoded authorization failure message: ")[2].split()[0]
    assert "AccessDenied" in pc.refused("ann", "sts", "decode-authorization-message", "--encoded-message", message)
    told = pc.aws("ops", "sts", "decode-authorization-message", "--encoded-message", message)["DecodedMessage"]
    decoded = json.loads(told)
    assert decoded["allowed"] is False
    assert decoded["explicitDeny"] is False
    assert decoded["context"]["principal"]["arn"] == f"arn:aws:iam::{ACCOUNT}:user/people/ann"
    assert decoded["context"]["action"] == "iam:ListUsers"


def rotate_access_key(pc: Workstation, old_id: str) -> str:
    """Give ann a second access key, see that the first is not used any more, switch it off, delete it."""
    listed = pc.aws("ops", "iam", "list-access-keys", "--user-name", "ann")["AccessKeyMetadata"]
    assert [each["AccessKeyId"] for each in listed] == [old_id]
    new_id = configure_user(pc, "ops", "ann")
    assert "LimitExceeded" in pc.refused("ops", "iam", "create-access-key", "--user-name", "ann")
    assert pc.aws("ann", "iam", "get-user")["User"]["UserName"] == "ann"
    used = pc.aws("ops", "iam", "get-access-key-last-used", "--access-key-id", new_id)
    assert used["UserName"] == "ann"
    assert used["AccessKeyLastUsed"]["ServiceName"] == "iam"
    named = ("--user-name", "ann", "--access-key-id", old_id)
    pc.aws("ops", "iam", "update-access-key", *named, "--status", "Inactive")
    statuses = {
        each["AccessKeyId"]: each["Status"]
        for each in pc.aws("ops", "iam", "list-access-keys", "--user-name", "ann")["AccessKeyMetadata"]
    }
    assert statuses == {old_id: "Inactive", new_id: "Active"}
    pc.aws("ops", "iam", "delete-access-key", *named)
    return new_id


def review(pc: Workstation, role_arn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at who may do what, page by page, with boto3."""
    iam = pc.session("ops", monkeypatch).client("iam")
    pages = iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 1})
    assert [user["UserName"] for page in pages for user in page["Users"]] == ["ann", "ops"]
    role = iam.get_role(RoleName="Sealer")["Role"]
    assert role["Arn"] == role_arn
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"AWS": ACCOUNT}
    assert role["RoleLastUsed"]["Region"] == "us-east-1"
    details = iam.get_account_authorization_details(Filter=["User", "Role", "Group", "LocalManagedPolicy"])
    assert [each["UserName"] for each in details["UserDetailList"]] == ["ann", "ops"]
    assert details["UserDetailList"][1]["GroupList"] == ["Administrators"]
    people = details["Policies"][0]
    assert (people["PolicyName"], people["DefaultVersionId"], people["AttachmentCount"]) == ("People", "v2", 1)
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary["Users"], summary["Groups"], summary["Roles"], summary["Policies"]) == (2, 1, 1, 1)
    while iam.generate_credential_report()["State"] != "COMPLETE":
        time.sleep(0.1)
    report = iam.get_credential_report()["Content"].decode().splitlines()
    assert [line.split(",")[0] for line in report] == ["user", "<root_account>", "ann", "ops"]
    text = iam.get_role_policy(RoleName="Sealer", PolicyName="UseKey")["PolicyDocument"]
    assert "kms:Decrypt" in (text if isinstance(text, str) else unquote(json.dumps(text)))


def clean_up(pc: Workstation, policy_arn: str, ann_key: str) -> None:
    """Delete everything, in the order that IAM asks for."""
    assert "DeleteConflict" in pc.refused("ops", "iam", "delete-user", "--user-name", "ann")
    pc.aws("ops", "iam", "delete-access-key", "--user-name", "ann", "--access-key-id", ann_key)
    pc.aws("ops", "iam", "detach-user-policy", "--user-name", "ann", "--policy-arn", policy_arn)
    pc.aws("ops", "iam", "delete-user", "--user-name", "ann")
    assert "InvalidClientTokenId" in pc.refused("ann", "sts", "get-caller-identity")
    assert "DeleteConflict" in pc.refused("ops", "iam", "delete-policy", "--policy-arn", policy_arn)
    pc.aws("ops", "iam", "delete-policy-version", "--policy-arn", policy_arn, "--version-id", "v1")
    pc.aws("ops", "iam", "delete-policy", "--policy-arn", policy_arn)
    assert "DeleteConflict" in pc.refused("ops", "iam", "delete-role", "--role-name", "Sealer")
    pc.aws("ops", "iam", "delete-role-policy", "--role-name", "Sealer", "--policy-name", "UseKey")
    pc.aws("ops", "iam", "delete-role", "--role-name", "Sealer")
    own_key = pc.aws("ops", "iam", "list-access-keys", "--user-name", "ops")["AccessKeyMetadata"][0]["AccessKeyId"]
    pc.aws("root", "iam", "delete-access-key", "--user-name", "ops", "--access-key-id", own_key)
    pc.aws("root", "iam", "remove-user-from-group", "--group-name", "Administrators", "--user-name", "ops")
    pc.aws("root", "iam", "delete-user", "--user-name", "ops")
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    pc.aws("root", "iam", "detach-group-policy", "--group-name", "Administrators", "--policy-arn", admin)
    pc.aws("root", "iam", "delete-group", "--group-name", "Administrators")
    details = pc.aws("root", "iam", "get-account-authorization-details", "--filter", "User", "Role", "Group")
    assert not any(details[each] for each in ("UserDetailList", "GroupDetailList", "RoleDetailList"))


def test_a_day_of_an_administrator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "person").mkdir()
    (tmp_path / "server").mkdir()
    with running_server(tmp_path / "server") as server:
        pc = Workstation(tmp_path / "person", server)
        root = server.environment()
        pc.configure(
            "region",
            "root",
            aws_access_key_id=root["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=root["AWS_SECRET_ACCESS_KEY"],
            region="us-east-1",
        )
        key_arn = pc.aws("root", "kms", "create-key")["KeyMetadata"]["Arn"]
        policy_arn = make_people(pc)
        role_arn = make_role(pc, key_arn)
        pc.configure(
            "role_arn",
            "sealer",
            role_arn=role_arn,
            source_profile="ann",
            external_id=EXTERNAL_ID,
            region="us-east-1",
        )
        give_ann_the_role(pc, policy_arn, role_arn)
        use_the_role(pc, key_arn, tmp_path, monkeypatch)
        # Without the external id the role is not to be had.
        without = ("sts", "assume-role", "--role-arn", role_arn, "--role-session-name", "work")
        assert "AccessDenied" in pc.refused("ann", *without)
        ask_why(pc)
        listed = pc.aws("ops", "iam", "list-access-keys", "--user-name", "ann")["AccessKeyMetadata"]
        ann_key = rotate_access_key(pc, listed[0]["AccessKeyId"])
        review(pc, role_arn, monkeypatch)
        clean_up(pc, policy_arn, ann_key)
        assert server.stop() == 0
    assert "request failed" not in server.log.read_text()
