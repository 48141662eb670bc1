"""Profiles of the AWS CLI and sessions of boto3 that assume roles, as people configure them."""

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from tests.clients.installed import installed
from tests.identities_made import ACCOUNT, Identities, Made, allow, house_to_be_served, served_options, trust
from tests.running_server import RunningServer, running_server
from tests.services.sts.identity_provider import CLIENT_ID, IdentityProvider, identity_provider

ASSUMED = f"arn:aws:sts::{ACCOUNT}:assumed-role"


class Configured(NamedTuple):
    """A server, the files that configure clients for it, and the provider of web identities that it knows."""

    server: RunningServer
    home: Path
    idp: IdentityProvider
    environment: dict[str, str]

    def aws(self, *arguments: str, **more: str) -> Any:
        """Return the JSON that an `aws` command prints."""
        done = subprocess.run(
            [installed("aws"), *arguments], env=self.environment | more, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def who(self, profile: str) -> str:
        """Return the ARN that a profile acts as."""
        arn: str = self.aws("sts", "get-caller-identity", "--profile", profile)["Arn"]
        return arn


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Configured]:
    home = tmp_path_factory.mktemp("profiles")

    async def make(idp: IdentityProvider) -> Made:
        house = await house_to_be_served(home)
        try:
            made = Identities(house)
            ann = await made.user("ann", allow("sts:AssumeRole"))
            external = {"Condition": {"StringEquals": {"sts:ExternalId": "blue-42"}}}
            provider = await made.oidc_provider(idp.issuer, [CLIENT_ID])
            await made.role("First", allow(["kms:ListKeys", "sts:AssumeRole"]), trusts=[trust(ann.arn)])
            await made.role("Second", trusts=[trust(f"arn:aws:iam::{ACCOUNT}:role/First")], max_session_seconds=7200)
            await made.role("External", trusts=[trust(ann.arn, **external)], max_session_seconds=7200)
            web = trust({"Federated": provider}, "sts:AssumeRoleWithWebIdentity")
            await made.role("Web", allow("kms:ListKeys"), trusts=[web])
            return ann
        finally:
            await house.close()

    with identity_provider(home) as idp:
        ann = asyncio.run(make(idp))
        trusted = {"AWS_CA_BUNDLE": str(home / "authority.pem")}
        with running_server(home, options=served_options(home), environment=trusted) as server:
            (home / "token").write_text(idp.token())
            (home / "credentials").write_text(
                f"[ann]\naws_access_key_id = {ann.access_key_id}\naws_secret_access_key = {ann.secret_access_key}\n"
            )
            (home / "config").write_text(profiles(home))
            environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
                "HOME": str(home),
                "AWS_CONFIG_FILE": str(home / "config"),
                "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"),
                "AWS_ENDPOINT_URL": server.https,
                "AWS_CA_BUNDLE": str(server.ca_bundle),
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true",
            }
            yield Configured(server, home, idp, environment)


def profiles(home: Path) -> str:
    """Return a configuration file with every kind of profile that assumes a role."""
    role = f"role_arn = arn:aws:iam::{ACCOUNT}:role"
    return "\n".join(
        (
            f"[profile first]\n{role}/First\nsource_profile = ann\nrole_session_name = work\n",
            f"[profile second]\n{role}/Second\nsource_profile = first\nrole_session_name = chained\n",
            f"[profile external]\n{role}/External\nsource_profile = ann\nexternal_id = blue-42",
            "duration_seconds = 7200\n",
            f"[profile web]\n{role}/Web\nweb_identity_token_file = {home / 'token'}\nrole_session_name = job\n",
        )
    )


def test_a_profile_assumes_a_role_and_works_with_it(configured: Configured) -> None:
    assert configured.who("first") == f"{ASSUMED}/First/work"
    # The second command takes the credentials from the CLI's cache.
    assert configured.aws("kms", "list-keys", "--profile", "first")["Keys"] == []


def test_a_profile_assumes_one_role_with_another(configured: Configured) -> None:
    assert configured.who("second") == f"{ASSUMED}/Second/chained"


def test_a_profile_with_an_external_id_and_a_duration(configured: Configured) -> None:
    assert configured.who("external").startswith(f"{ASSUMED}/External/botocore-session-")


def test_a_profile_with_a_web_identity(configured: Configured) -> None:
    (configured.home / "token").write_text(configured.idp.token())
    assert configured.who("web") == f"{ASSUMED}/Web/job"
    assert configured.aws("kms", "list-keys", "--profile", "web")["Keys"] == []


def test_boto3_renews_the_credentials_of_a_role(configured: Configured, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in configured.environment.items():
        monkeypatch.setenv(name, value)
    session = boto3.session.Session(profile_name="first")
    kms = session.client("kms")
    assert kms.list_keys()["Keys"] == []
    held: Any = session.get_credentials()
    before = held.get_frozen_credentials()
    # As if all but five minutes of the hour were over: boto3 gets new credentials before the old ones end.
    later = datetime.now(UTC) + timedelta(minutes=55)
    monkeypatch.setattr("botocore.credentials._local_now", lambda: later)
    held._time_fetcher = lambda: later
    assert kms.list_keys()["Keys"] == []
    after = held.get_frozen_credentials()
    assert before.access_key != after.access_key
    assert before.token != after.token


def test_environment_variables_name_a_web_identity(configured: Configured) -> None:
    (configured.home / "token").write_text(configured.idp.token())
    told = configured.aws(
        "sts",
        "get-caller-identity",
        AWS_ROLE_ARN=f"arn:aws:iam::{ACCOUNT}:role/Web",
        AWS_WEB_IDENTITY_TOKEN_FILE=str(configured.home / "token"),
        AWS_ROLE_SESSION_NAME="pod",
    )
    assert told["Arn"] == f"{ASSUMED}/Web/pod"
