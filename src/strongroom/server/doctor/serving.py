"""What a server needs to start and to be reached."""

import importlib.util
import os
import platform
import shlex
import shutil
import sqlite3
import ssl
import sys
import urllib.parse
from pathlib import Path

from strongroom.base.configuration import Configuration, default_root_key_file, read_store_id
from strongroom.base.errors import OperatorError
from strongroom.base.private_file import read_private
from strongroom.server.doctor.finding import Finding, limited, missing, ok
from strongroom.server.sockets import bind

MODULES = ("alembic", "awscrt", "httptools", "re2", "sqlalchemy", "structlog", "uvloop")

_NO_START = "the server does not start"
_CONNECT_SECONDS_MAX = 5
_KEY_FILE_BYTES_MAX = 4_096
_GIBIBYTE = 1 << 30


def python(configuration: Configuration) -> Finding:
    """Look at the interpreter and the system."""
    found = f"{platform.python_version()} ({sys.executable}) on {platform.system()} {platform.release()}"
    if sys.platform != "linux":
        return limited(found, "functions do not start", "run it on Linux")
    return ok(found)


def packages(configuration: Configuration) -> Finding:
    """Look for what the server imports."""
    absent = [name for name in MODULES if importlib.util.find_spec(name) is None]
    if absent:
        return missing(f"no {', '.join(absent)}", _NO_START, "pip install 'strongroom[server]'")
    return ok("all that the server imports")


def data_directory(configuration: Configuration) -> Finding:
    """Look at the data directory, or where it would be made."""
    data = configuration.data
    above = next(path for path in (data, *data.parents) if path.exists())
    if not above.is_dir() or not os.access(above, os.R_OK | os.W_OK | os.X_OK):
        return missing(f"{above} is not this user's to write", _NO_START, "name another directory: --data DIR")
    if data.exists() and data.stat().st_mode & 0o022:
        return missing(f"others may write to {data}", _NO_START, f"chmod go-w {shlex.quote(str(data))}")
    free = shutil.disk_usage(above).free
    found = f"{data}{'' if data.exists() else ', made at the first start'}; {free / _GIBIBYTE:,.1f} GiB are free"
    if free < _GIBIBYTE:
        return limited(found, "nothing can be stored when it is full", "make room")
    return ok(found)


def root_key(configuration: Configuration) -> Finding:
    """Look at the place of the root key. The key itself is not looked at, nor is anybody asked for a passphrase."""
    kind = configuration.root_key_kind
    if kind == "pkcs11":
        return _token(configuration)
    if kind == "passphrase":
        file = configuration.root_key_passphrase_file
        if file is not None and not os.access(file, os.R_OK):
            return missing(f"the passphrase file {file} cannot be read", _NO_START, "give it to this user")
        return ok("comes from a passphrase")
    store_id = read_store_id(configuration.data)
    if configuration.root_key_file is None and store_id is None:
        return ok("a key file, made at the first start")
    path = configuration.root_key_file or default_root_key_file(store_id or "")
    return _key_file(path, is_first=store_id is None)


def _key_file(path: Path, *, is_first: bool) -> Finding:
    found = next((each for each in (path, *sorted(path.parent.glob(f"{path.stem}.*.key"))) if each.exists()), None)
    if found is None:
        if is_first:
            return ok(f"{path}, made at the first start")
        remedy = "name the file: --root-key-file FILE; if it is lost, restore it from where a copy is kept"
        return missing(f"there is no {path}", "what is stored cannot be opened", remedy)
    try:
        read_private(found, "root key file", _KEY_FILE_BYTES_MAX)
    except OperatorError as error:
        return missing(str(error), _NO_START, f"chmod 600 {shlex.quote(str(found))}, as the user who runs the server")
    return ok(str(found))


def _token(configuration: Configuration) -> Finding:
    module = configuration.root_key_pkcs11_module
    if importlib.util.find_spec("pkcs11") is None:
        return missing("in a token, but there is no PKCS#11 library", _NO_START, "pip install 'strongroom[hsm]'")
    if module is None or not module.exists():
        return missing(f"there is no PKCS#11 module {module}", _NO_START, "install what the token's vendor offers")
    return ok(f"in the token {configuration.root_key_pkcs11_token!r} of {module}")


def database(configuration: Configuration) -> Finding:
    """Look at the database: SQLite's version, or whether PostgreSQL lets us in."""
    if not configuration.database:
        return ok(f"SQLite {sqlite3.sqlite_version}")
    import psycopg

    try:
        with psycopg.connect(configuration.database, connect_timeout=_CONNECT_SECONDS_MAX) as connection:
            version = connection.info.parameter_status("server_version")
    except psycopg.Error as error:
        password = urllib.parse.urlsplit(configuration.database).password
        words = " ".join(str(error).split())
        if password:
            words = words.replace(password, "***")
        return missing(words, _NO_START, "see that PostgreSQL runs, and what database says")
    return ok(f"PostgreSQL {version}")


def ports(configuration: Configuration) -> Finding:
    """Look whether the ports can be listened on."""
    taken = []
    for port in (configuration.https_port, configuration.http_port):
        try:
            bind(configuration.host, port).close()
        except OperatorError as error:
            taken.append(str(error))
    if taken:
        without = f"{_NO_START}, unless it is what runs there already"
        return limited("; ".join(taken), without, "choose others: --https-port, --http-port")
    return ok(f"{configuration.https_port} and {configuration.http_port} on {configuration.host} are free")


def tls(configuration: Configuration) -> Finding:
    """Look at the TLS library, and at the groups that it can exchange keys in."""
    from strongroom.server.tls import new_context

    _, is_post_quantum = new_context()
    if is_post_quantum:
        return ok(f"{ssl.OPENSSL_VERSION}, key exchange with X25519MLKEM768")
    without = "what is recorded of connections today can be read by quantum computers one day"
    remedy = "a Python that is built with OpenSSL 3.5 or newer"
    return limited(f"{ssl.OPENSSL_VERSION}, no post-quantum key exchange", without, remedy)
