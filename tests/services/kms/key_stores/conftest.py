"""A reference proxy, certificates that its clients trust, and a house that knows it and some tokens."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.opened_house import InHouse, OpenedHouse, T, opened_house
from tests.services.kms.key_stores.reference_proxy import ReferenceProxy
from tests.softhsm import SoftHsm

from strongroom.crypto.certificates import Names, create_authority, issue_server_certificate

HOST = "proxy.example.com"


class Certificates(NamedTuple):
    """Files: the authority's certificate, the server's, and the server's key."""

    authority: Path
    certificate: Path
    private_key: Path


def made_certificates(directory: Path, host: str) -> Certificates:
    """Make an authority of its own, and a certificate for `host`."""
    now, names = datetime.now(UTC), Names.of([host])
    authority = create_authority("Tests", now)
    server = issue_server_certificate(authority, host, names, now)
    found = Certificates(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    found.authority.write_bytes(authority.certificate_pem)
    found.certificate.write_bytes(server.certificate_pem)
    found.private_key.write_bytes(server.private_key_pem)
    return found


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return made_certificates(tmp_path_factory.mktemp("certificates"), HOST)


@pytest.fixture
def proxy(certificates: Certificates) -> Iterator[ReferenceProxy]:
    with ReferenceProxy(certificates.certificate, certificates.private_key) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """The URL of a database; empty for SQLite."""
    return "" if request.param == "sqlite" else request.getfixturevalue("migrated_postgresql_url")


def run_in_house(tmp_path: Path, database: str, **choices: Any) -> InHouse[Any]:
    """Return what runs a coroutine function of a house, each time the same one, opened anew."""

    def run(body: Callable[[OpenedHouse], Awaitable[T]]) -> T:
        async def main() -> T:
            async with opened_house(tmp_path, database, **choices) as opened:
                return await body(opened)

        return asyncio.run(main())

    return run


@pytest.fixture
def in_house(tmp_path: Path, proxy: ReferenceProxy, certificates: Certificates, database: str) -> InHouse[Any]:
    """Run a coroutine function of a house that knows where the reference proxy listens."""
    return run_in_house(
        tmp_path,
        database,
        xks_proxy_addresses=(f"{HOST}=127.0.0.1:{proxy.port}", "elsewhere.example.com=127.0.0.1:1"),
        xks_proxy_ca_bundle=certificates.authority,
        # A handshake on a busy machine takes longer than AWS allows.
        xks_proxy_milliseconds_max=20_000,
    )


CLUSTER, COPY, ABSENT = (f"cluster-{letter * 11}" for letter in "abc")
_NUMBERS = itertools.count()


class Clusters(NamedTuple):
    """The labels of tokens that stand for the clusters `CLUSTER` and `COPY`; for `ABSENT` there is none."""

    tokens: tuple[str, str]
    options: tuple[str, ...]


@pytest.fixture
def clusters(softhsm: SoftHsm) -> Clusters:
    """Tokens of the test's own."""
    labels = tuple(f"cluster {next(_NUMBERS)}" for _ in range(3))
    for label in labels[:2]:
        softhsm.make_token(label)
    uris = (f"pkcs11:token={label.replace(' ', '%20')}?module-path={softhsm.module}" for label in labels)
    named = zip((CLUSTER, COPY, ABSENT), uris, strict=True)
    return Clusters((labels[0], labels[1]), tuple(f"{cluster}={uri}" for cluster, uri in named))


@pytest.fixture
def with_clusters(tmp_path: Path, database: str, clusters: Clusters) -> InHouse[Any]:
    """Run a coroutine function of a house that knows the clusters."""
    return run_in_house(tmp_path, database, cloudhsm_clusters=clusters.options)
