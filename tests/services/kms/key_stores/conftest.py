"""A reference proxy, and certificates that its clients trust."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.services.kms.key_stores.reference_proxy import ReferenceProxy

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
