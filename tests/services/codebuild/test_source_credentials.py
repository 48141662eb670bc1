"""Source credentials: kept sealed, shown to nobody, and sent to the host that they are for, over TLS."""

import base64
import contextlib
import functools
import http.server
import json
import secrets
import ssl
import subprocess
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults.secrets_on_disk import search
from tests.faults.test_canary import public_files
from tests.running_server import RunningServer, running_server
from tests.services.codebuild.building import Workshop, allow, client_of, context, demand_sandbox, specification
from tests.services.codebuild.test_build_sources import git
from tests.services.kms.key_stores.conftest import made_certificates
from tests.services.refusals import refused

from strongroom.services.codebuild.source_credentials.logins import Login, fits

TOKEN = secrets.token_hex(20)


class _Files(http.server.SimpleHTTPRequestHandler):
    """Files for whoever has the token; `seen` are the headers that came."""

    protocol_version = "HTTP/1.1"
    seen: list[str | None]

    def do_GET(self) -> None:
        sent = self.headers.get("Authorization")
        self.seen.append(sent)
        if sent is None or base64.b64decode(sent.removeprefix("Basic ")).decode().partition(":")[2] != TOKEN:
            # A server may echo what it was sent, which must not get into a log.
            self.send_error(401, "no", f"you sent {sent}")
            return
        super().do_GET()

    def log_message(self, *_: Any) -> None:
        pass


class Forge:
    """A place with a repository, over HTTPS and over HTTP."""

    def __init__(self, urls: list[str], seen: list[str | None], authority: Path) -> None:
        self.https, self.http = urls
        self.seen = seen
        self.authority = authority


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forge]:
    work, bare = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("forge") / "app.git"
    git(work, "init", "--quiet", "--initial-branch", "main")
    commands = ("cat .git/config; git log -1 --format=%s; env",)
    (work / "buildspec.yml").write_text(specification(*commands))
    git(work, "add", "-A")
    git(work, "commit", "--quiet", "-m", "from the forge")
    subprocess.run(["git", "clone", "--quiet", "--bare", str(work), str(bare)], check=True)
    git(bare, "update-server-info")
    seen: list[str | None] = []
    handler = type("Handler", (_Files,), {"seen": seen})
    certificates = made_certificates(tmp_path_factory.mktemp("certificates"), "127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificates.certificate, certificates.private_key)
    urls = []
    with contextlib.ExitStack() as stack:
        for scheme in ("https", "http"):
            served = functools.partial(handler, directory=str(bare.parent))
            listener = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), served))
            if scheme == "https":
                listener.socket = tls.wrap_socket(listener.socket, server_side=True)
            threading.Thread(target=listener.serve_forever, daemon=True).start()
            stack.callback(listener.shutdown)
            urls.append(f"{scheme}://127.0.0.1:{listener.server_address[1]}")
        yield Forge(urls, seen, certificates.authority)


@pytest.fixture(scope="module")
def allowing(tmp_path_factory: pytest.TempPathFactory, forge: Forge) -> Iterator[RunningServer]:
    """A server whose builds may clone from the forge."""
    demand_sandbox()
    options = ("--build-git-sources", forge.https, "--build-git-sources", forge.http, "--log-level", "debug")
    environment = {"GIT_SSL_CAINFO": str(forge.authority)}
    with running_server(tmp_path_factory.mktemp("server"), options=options, environment=environment) as server:
        yield server


@pytest.fixture(scope="module")
def cloning(allowing: RunningServer) -> Workshop:
    return Workshop(allowing, allow("secretsmanager:GetSecretValue"))


def source(location: str, kind: str = "GITHUB_ENTERPRISE", **members: Any) -> dict[str, Any]:
    return {"type": kind, "location": f"{location}/app.git", **members}


def imported(workshop: Workshop, token: str = TOKEN, **members: Any) -> str:
    kinds = {"serverType": "GITHUB_ENTERPRISE", "authType": "PERSONAL_ACCESS_TOKEN"} | members
    arn: str = workshop.client.import_source_credentials(token=token, **kinds)["arn"]
    return arn


def test_a_repository_is_cloned_with_a_token_that_nobody_is_shown(cloning: Workshop, forge: Forge) -> None:
    project = cloning.project(source=source(forge.https))
    build = cloning.build(project)
    assert context(build, "DOWNLOAD_SOURCE")[:2] == ("FAILED", "CLIENT_ERROR")
    wrong = secrets.token_hex(20)
    arn = imported(cloning, wrong)
    build = cloning.build(project)
    assert context(build, "DOWNLOAD_SOURCE")[:2] == ("FAILED", "CLIENT_ERROR")
    assert wrong not in json.dumps(build, default=str) + cloning.log(build)
    assert imported(cloning) == arn
    build = cloning.build(project)
    log = cloning.log(build)
    assert build["buildStatus"] == "SUCCEEDED", log
    assert "from the forge" in log
    assert f"url = {forge.https}/app.git" in log
    encoded = Login("x-access-token", TOKEN).encoded
    assert f"Basic {encoded}" in forge.seen
    (info,) = cloning.client.list_source_credentials()["sourceCredentialsInfos"]
    assert info == {"arn": arn, "serverType": "GITHUB_ENTERPRISE", "authType": "PERSONAL_ACCESS_TOKEN"}
    told = log + json.dumps([build, info], default=str)
    assert search({"told": told.encode()}, {"token": TOKEN.encode(), "encoded": encoded.encode()}.items()) == []
    # Neither a server without TLS nor one of another type is told the token, nor one that need not prove who it is.
    forge.seen.clear()
    unproven = source(forge.https, insecureSsl=True)
    for elsewhere in (source(forge.http), source(forge.https, "GITLAB_SELF_MANAGED"), unproven):
        assert cloning.build(cloning.project(source=elsewhere))["buildStatus"] == "FAILED"
    assert set(forge.seen) == {None}
    assert cloning.client.delete_source_credentials(arn=arn)["arn"] == arn
    with refused("ResourceNotFoundException"):
        cloning.client.delete_source_credentials(arn=arn)
    assert search(public_files(cloning.server.home), {"token": TOKEN.encode()}.items()) == []


def test_a_token_in_a_secret_is_read_by_the_service_role(cloning: Workshop, forge: Forge) -> None:
    manager = client_of(cloning.server, "secretsmanager")
    kinds = {"ServerType": "GITLAB_SELF_MANAGED", "AuthType": "PERSONAL_ACCESS_TOKEN", "Token": TOKEN}
    secret = manager.create_secret(Name=cloning.name, SecretString=json.dumps(kinds))["ARN"]
    arn = imported(cloning, secret, serverType="GITLAB_SELF_MANAGED", authType="SECRETS_MANAGER")
    assert arn.endswith(":token/gitlab_self_managed")
    assert cloning.client.list_source_credentials()["sourceCredentialsInfos"][-1]["resource"] == secret
    project = cloning.project(source=source(forge.https, "GITLAB_SELF_MANAGED"))
    build = cloning.build(project)
    assert build["buildStatus"] == "SUCCEEDED", cloning.log(build)
    cloning.client.delete_source_credentials(arn=arn)
    auth = {"type": "SECRETS_MANAGER", "resource": secret}
    build = cloning.build(project, sourceAuthOverride=auth)
    assert build["buildStatus"] == "SUCCEEDED", cloning.log(build)
    build = cloning.build(cloning.project(source=source(forge.https, auth=auth)))
    assert "is for another type of server than GITHUB_ENTERPRISE" in context(build, "DOWNLOAD_SOURCE")[2]
    build = cloning.build(cloning.project(source=source(forge.http, "GITLAB_SELF_MANAGED", auth=auth)))
    assert "over HTTPS only" in context(build, "DOWNLOAD_SOURCE")[2]
    build = cloning.build(project, sourceAuthOverride=auth, insecureSslOverride=True)
    assert "only where its certificate is verified" in context(build, "DOWNLOAD_SOURCE")[2]
    manager.put_secret_value(SecretId=secret, SecretString=TOKEN)
    message = context(cloning.build(project, sourceAuthOverride=auth), "DOWNLOAD_SOURCE")[2]
    assert "has no ServerType, AuthType and Token" in message
    assert TOKEN not in message
    poor = Workshop(cloning.server)
    refused_build = poor.build(poor.project(source=source(forge.https, "GITLAB_SELF_MANAGED", auth=auth)))
    assert "AccessDeniedException" in context(refused_build, "DOWNLOAD_SOURCE")[2]


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"authType": "OAUTH"}, "authType OAUTH is not supported here"),
        ({"authType": "CODECONNECTIONS"}, "authType CODECONNECTIONS is not supported here"),
        ({"authType": "BASIC_AUTH"}, "BASIC_AUTH is for Bitbucket"),
        ({"authType": "BASIC_AUTH", "serverType": "BITBUCKET"}, "needs a username"),
        ({"username": "me"}, "username is for BASIC_AUTH"),
        ({"token": "two\nlines"}, "token is not valid"),
        ({"authType": "SECRETS_MANAGER"}, "it must be the ARN of a secret"),
    ],
)
def test_credentials_that_cannot_be(server: RunningServer, members: dict[str, str], told: str) -> None:
    client = client_of(server, "codebuild")
    asked = {"serverType": "GITHUB", "authType": "PERSONAL_ACCESS_TOKEN", "token": "t"} | members
    with refused("InvalidInputException", match=told):
        client.import_source_credentials(**asked)


def test_credentials_are_replaced_unless_they_are_to_stay(server: RunningServer) -> None:
    client, region = server.client("codebuild", region="eu-west-1"), "eu-west-1"
    basic = {"serverType": "BITBUCKET", "authType": "BASIC_AUTH", "username": "me"}
    arn = client.import_source_credentials(token=TOKEN, **basic)["arn"]
    assert arn.split(":")[3] == region
    with refused("ResourceAlreadyExistsException"):
        client.import_source_credentials(token=TOKEN, shouldOverwrite=False, **basic)
    client.import_source_credentials(token=uuid.uuid4().hex, serverType="BITBUCKET", authType="PERSONAL_ACCESS_TOKEN")
    (info,) = client.list_source_credentials()["sourceCredentialsInfos"]
    assert info["authType"] == "PERSONAL_ACCESS_TOKEN"
    with refused("InvalidInputException"):
        client.delete_source_credentials(arn="arn:aws:codebuild:eu-west-1:1:project/x")


@pytest.mark.parametrize(
    ("server_type", "location", "expected"),
    [
        ("GITHUB", "https://github.com/a/b.git", True),
        ("GITHUB", "https://github.com:443/a/b", True),
        ("GITHUB", "https://github.com:8443/a/b", False),
        ("GITHUB", "http://github.com/a/b", False),
        ("GITHUB", "https://github.com.example.net/a/b", False),
        ("GITHUB", "https://example.net/github.com", False),
        ("GITHUB", "https://GitHub.com/a", True),
        ("GITHUB", "https://[github.com/a", False),
        ("GITHUB", "/srv/repository", False),
        ("BITBUCKET", "https://bitbucket.org/a/b", True),
        ("GITLAB", "https://gitlab.com/a/b", True),
        ("GITLAB", "https://github.com/a/b", False),
        ("GITHUB_ENTERPRISE", "https://git.example.net/a", True),
        ("GITLAB_SELF_MANAGED", "http://git.example.net/a", False),
    ],
)
def test_where_credentials_are_sent(server_type: str, location: str, expected: bool) -> None:
    assert fits(server_type, location) is expected
