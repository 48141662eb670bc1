"""What a repository is cloned with: the name and the token of source credentials, where its host is one of theirs.

A token goes over TLS only, to the host of its server type, or, for servers that people run themselves, to the host that
a source names; and not where the source says that certificates are not looked at (insecureSsl). What a source says of
its credentials goes before what the account has for its type.

Source: AWS CodeBuild API Reference, SourceAuth; User Guide, "Access your source provider in CodeBuild", of which the
members of a secret are: ServerType, AuthType, Token and Username.
"""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from strongroom.base.errors import AwsError
from strongroom.operations.house import House
from strongroom.services.codebuild.names import ProjectName
from strongroom.services.codebuild.service_role import ServiceRole
from strongroom.services.codebuild.source_credentials import tables
from strongroom.services.codebuild.source_credentials.credentials import SECRETS_MANAGER, problem_of

HOSTS = {"GITHUB": "github.com", "BITBUCKET": "bitbucket.org", "GITLAB": "gitlab.com"}
OWN_HOSTS = frozenset({"GITHUB_ENTERPRISE", "GITLAB_SELF_MANAGED"})
"""Types of servers that people run themselves, anywhere."""

_NAMES = {
    "GITHUB": "x-access-token",
    "GITHUB_ENTERPRISE": "x-access-token",
    "BITBUCKET": "x-token-auth",
    "GITLAB": "oauth2",
    "GITLAB_SELF_MANAGED": "oauth2",
}
"""What goes with a token, whose server looks at the token alone."""


class NoLogin(Exception):  # noqa: N818 (it says what there is not)
    """The credentials that a source is to be fetched with cannot be had. The text says why, and nothing of them."""


class Login(NamedTuple):
    """A name and a token, for git."""

    username: str
    token: str

    def __repr__(self) -> str:
        return "Login(hidden)"

    @property
    def header(self) -> str:
        """The header of a request that logs in. Source: RFC 7617, Basic authentication."""
        return f"Authorization: Basic {self.encoded}"

    @property
    def encoded(self) -> str:
        """Name and token as the header has them."""
        return base64.b64encode(f"{self.username}:{self.token}".encode()).decode()


def fits(server_type: str, location: str) -> bool:
    """Return whether a repository is where credentials for a type of server may be sent to."""
    try:
        parts = urlsplit(location)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme != "https" or not host:
        return False
    return server_type in OWN_HOSTS or (host == HOSTS.get(server_type) and port in (None, 443))


class Logins:
    """The logins of one build: what it is told of masks them."""

    def __init__(
        self, house: House, role: ServiceRole, project: ProjectName, mask: Callable[[Iterable[str]], None]
    ) -> None:
        """`mask` is called with what must not be shown, before it is used."""
        self._house = house
        self._role = role
        self._project = project
        self._mask = mask

    async def find(self, source: Mapping[str, Any]) -> Login | None:
        """Return the login for a source, None where there is none for it. Raises NoLogin."""
        server_type, location = source["type"], source.get("location", "")
        is_proven = fits(server_type, location) and not source.get("insecureSsl")
        if server_type not in _NAMES or not is_proven:
            if source.get("auth"):
                raise NoLogin(
                    "The credentials of the source are sent over HTTPS only, to a host of its type only, and only "
                    "where its certificate is verified"
                )
            return None
        auth = source.get("auth")
        login = await self._of_secret(auth["resource"], server_type) if auth else await self._of_account(server_type)
        if login is not None:
            self._mask([login.token, login.encoded])
        return login

    async def _of_account(self, server_type: str) -> Login | None:
        account_id, region, _ = self._project
        row = await self._house.store.read(
            lambda connection: tables.select_credentials(connection, account_id, region, server_type)
        )
        if row is None:
            return None
        if row.auth_type == SECRETS_MANAGER:
            return await self._of_secret(row.secret_arn, server_type)
        kept = json.loads(self._house.sealer.open(row.sealed, tables.LOGIN_PLACE.format(**row._mapping)))
        return Login(kept["username"] or _NAMES[server_type], kept["token"])

    async def _of_secret(self, arn: str, server_type: str) -> Login:
        try:
            answer = await self._role.perform("secretsmanager", "GetSecretValue", {"SecretId": arn})
        except AwsError as error:
            raise NoLogin(f"The credentials of the source cannot be read: {error.code}: {error.message}") from None
        wanted = _told(answer.get("SecretString") or "")
        if wanted is None:
            raise NoLogin(f"The secret {arn} has no ServerType, AuthType and Token")
        auth_type, of_type, username, token = wanted
        if of_type != server_type:
            raise NoLogin(f"The secret {arn} is for another type of server than {server_type}")
        problem = problem_of(auth_type, server_type, username, token)
        if problem:
            raise NoLogin(f"The secret {arn} cannot be used: {problem}")
        return Login(username or _NAMES[server_type], token)


def _told(text: str) -> tuple[str, str, str, str] | None:
    """Return the type of the login, that of its server, the name and the token in a secret; None for another secret."""
    try:
        kept = json.loads(text)
    except ValueError:
        return None
    if not isinstance(kept, dict):
        return None
    auth_type, of_type, token = kept.get("AuthType"), kept.get("ServerType"), kept.get("Token")
    username = kept.get("Username") or ""
    if not (isinstance(auth_type, str) and isinstance(of_type, str)):
        return None
    return (auth_type, of_type, username, token) if isinstance(username, str) and isinstance(token, str) else None
