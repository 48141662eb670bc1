"""What only some servers need."""

import importlib.metadata
import importlib.util

from strongroom.base.configuration import Configuration
from strongroom.server.doctor.finding import Finding, limited, missing, ok


def postgresql_driver(configuration: Configuration) -> Finding:
    """Look for what speaks with PostgreSQL."""
    found = _package("psycopg", "psycopg", "no PostgreSQL as a store, no rotation of its passwords", "server")
    if found.state == "ok":
        import psycopg

        version = psycopg.pq.version()
        return ok(f"{found.found}, libpq {version // 10_000}.{version % 10_000}")
    return found


def mysql_driver(configuration: Configuration) -> Finding:
    """Look for what speaks with MySQL and MariaDB."""
    return _package("pymysql", "pymysql", "no rotation of passwords of MySQL and MariaDB", "server")


def token_library(configuration: Configuration) -> Finding:
    """Look for what speaks with PKCS#11 tokens."""
    return _package("pkcs11", "python-pkcs11", "no root key and no KMS keys in a token (HSM)", "hsm")


def object_store(configuration: Configuration) -> Finding:
    """Look for what speaks with object stores."""
    found = _package("obstore", "obstore", "large objects are kept in files only", "object-stores")
    if configuration.blobs and found.state != "ok":
        return missing(found.found, "the server does not start, for blobs names an object store", found.remedy)
    return found


def _package(module: str, package: str, without: str, extra: str) -> Finding:
    if importlib.util.find_spec(module) is None:
        return limited(f"no {package}", without, f"pip install 'strongroom[{extra}]'")
    try:
        return ok(f"{package} {importlib.metadata.version(package)}")
    except importlib.metadata.PackageNotFoundError:
        return ok(package)
