"""What an operator may choose, with its defaults: the one description behind options, variables and TOML lines.

Every field is an option of `strongroom serve` (`https_port`: `--https-port`), a variable (`STRONGROOM_HTTPS_PORT`) and
a line of `strongroom.toml` (`https-port = 4567`). The docstring under a field is its help text.
"""

import ipaddress
import os
import re
import secrets
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from strongroom.base.errors import OperatorError
from strongroom.base.image_registries import parse_image_registries
from strongroom.base.key_store_options import parse_addresses, parse_clusters
from strongroom.base.outbound_addresses import parse_outbound_addresses

RootKeyKind = Literal["key-file", "passphrase", "pkcs11"]
LogFormat = Literal["console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
Switch = Literal["on", "off"]
Sandbox = Literal["bubblewrap", "unsafe"]

_STORE_ID = re.compile(r"[0-9a-f]{32}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_QUOTA_CEILING = re.compile(r"((?P<code>[A-Za-z][A-Za-z0-9-]*)=)?(?P<amount>[0-9]{1,10}(\.[0-9]{1,6})?)(?P<x>x?)")
_PORT_MAX = 65_535


def default_data_directory() -> Path:
    """Return where this user's data lives unless told otherwise (`~/.local/share/strongroom` on Linux)."""
    import platformdirs

    return platformdirs.user_data_path("strongroom")


def user_configuration_directory() -> Path:
    """Return where this user's configuration and root keys live (`~/.config/strongroom` on Linux)."""
    import platformdirs

    return platformdirs.user_config_path("strongroom")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The choices of one server. Raises OperatorError for a value that cannot be meant."""

    data: Path = field(default_factory=default_data_directory)
    """Directory of the data; made at first start, readable by its owner only."""

    host: str = "127.0.0.1"
    """Address to listen on (0.0.0.0 or :: for all interfaces)."""

    https_port: int = 4567
    """Port for HTTPS; 0 picks a free one."""

    http_port: int = 4566
    """Port for plain HTTP; 0 picks a free one."""

    region: str = "us-east-1"
    """Region that this server is."""

    account_id: str = "000000000000"
    """Account of the root principal, 12 digits."""

    database: str = field(default="", repr=False)
    """URL of a PostgreSQL database (postgresql://...); empty for SQLite in the data directory."""

    blobs: str = field(default="", repr=False)
    """URL of an object store for large objects (s3://bucket/prefix); empty for files in the data directory."""

    root_key_file: Path | None = None
    """File of the root key, made at first start; by default under the user's configuration directory, not in DATA."""

    root_key_passphrase_file: Path | None = None
    """File whose first line is a passphrase that the root key is derived from, instead of a key file."""

    root_key_passphrase: str | None = field(default=None, repr=False)
    """The passphrase itself; give it by its variable, for options are seen by other users of the machine."""

    root_key_passphrase_prompt: bool = False
    """Ask for the passphrase on the terminal."""

    root_key_pkcs11_module: Path | None = None
    """PKCS#11 module (a vendor's shared library) whose token holds the root key, instead of a key file."""

    root_key_pkcs11_token: str | None = None
    """Label of that token."""

    root_key_pkcs11_pin_file: Path | None = None
    """File whose first line is the PIN of the token's user; only its owner may read it."""

    root_key_pkcs11_key_label: str | None = None
    """Label of the root key in the token: of the key that is there, or is made at first start; by default a new one."""

    root_key_pkcs11_key_id: str | None = None
    """Id (CKA_ID, hexadecimal) of a key that is in the token already, to use as the root key."""

    cloudhsm_clusters: tuple[str, ...] = ()
    """Tokens that stand for CloudHSM clusters: CLUSTER-ID=pkcs11:token=LABEL?module-path=FILE."""

    xks_proxy_addresses: tuple[str, ...] = ()
    """Where external key store proxies listen, if not on port 443 of their names: NAME=HOST:PORT."""

    xks_proxy_ca_bundle: Path | None = None
    """Authorities (PEM) that vouch for external key store proxies; by default those that the system trusts."""

    xks_proxy_milliseconds_max: int = 250
    """Milliseconds that an external key store proxy has to answer; AWS gives it 250."""

    root_access_key_id: str | None = None
    """Access key id of the root principal; used at first start only, random unless given."""

    root_secret_access_key: str | None = field(default=None, repr=False)
    """Secret access key of the root principal; used at first start only. Give it by its variable."""

    tls_certificate: Path | None = None
    """Your own certificate chain (PEM), instead of one from the server's own authority."""

    tls_private_key: Path | None = None
    """Private key of --tls-certificate (PEM, not encrypted)."""

    tls_ca_bundle: Path | None = None
    """Authorities that clients verify --tls-certificate with; by default the chain and the system's authorities."""

    tls_names: tuple[str, ...] = ()
    """Further host names and addresses that clients use for this server; they go into its certificate."""

    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks whose X-Forwarded-For and X-Forwarded-Proto headers are believed."""

    metrics_peers: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    """Addresses or networks that may read /_strongroom/metrics."""

    outbound_addresses: tuple[str, ...] = ()
    """Addresses (HOST:PORT) that functions and registered databases may be at, beyond this server; for everybody, or
    for one account or ARN (WHO=HOST:PORT). None unless named."""

    request_quotas: Switch = "on"
    """Whether requests over a request quota are refused; off only counts them. Quotas of resources hold in any case."""

    test_clock: bool = False
    """Let strongroom clock advance move the time of the house: for tests and rehearsals, never for data that matter."""

    quota_ceilings: tuple[str, ...] = ()
    """Up to where requested quota increases are approved by themselves: 10x (times the default, any quota), or for one
    quota CODE=VALUE or CODE=10x, which then decides for it alone."""

    sandbox: Sandbox = "bubblewrap"
    """What functions run in; unsafe runs them as the server's own user, with all that it may read, reach and change."""

    build_git_sources: tuple[str, ...] = ()
    """Places that builds may have Git repositories cloned from, by this server: paths, or http(s) URLs without a query;
    what is below them is allowed too. None unless named."""

    build_images: Path | None = None
    """Folder of images that builds may name: directories with root file systems, and archives that docker save, or an
    OCI tool, wrote (NAME or NAME.tar)."""

    build_registries: tuple[str, ...] = ()
    """Registries (HOST[:PORT]; http:// in front of it for one without TLS) from which builds may have images pulled,
    without credentials. None unless named."""

    connections_max: int = 4_096
    """Open connections, more are answered 503 and closed."""

    drain_seconds_max: int = 15
    """Seconds that requests in flight get to finish when the server is told to stop."""

    log_level: LogLevel = "info"
    """Least severe log entries to write to standard error."""

    log_format: LogFormat = "console"
    """How log entries look."""

    def __post_init__(self) -> None:
        for name, port in (("https-port", self.https_port), ("http-port", self.http_port)):
            _check(0 <= port <= _PORT_MAX, f"{name} is {port}; a port is a number from 0 to {_PORT_MAX}")
        _check(
            self.https_port != self.http_port or self.https_port == 0,
            f"https-port and http-port are both {self.https_port}; they must differ",
        )
        _check(bool(self.host), "host is empty; 0.0.0.0 listens on all interfaces")
        _check(bool(_ACCOUNT_ID.fullmatch(self.account_id)), f"account-id {self.account_id!r} is not 12 digits")
        _check(bool(_REGION.fullmatch(self.region)), f"region {self.region!r} does not look like one (us-east-1)")
        _check(
            not self.database or self.database.startswith(("postgresql://", "postgres://")),
            "database must be a postgresql:// URL, or empty for SQLite",
        )
        self._check_root_key()
        _check(
            (self.tls_certificate is None) == (self.tls_private_key is None),
            "tls-certificate and tls-private-key come together",
        )
        _check(
            self.tls_ca_bundle is None or self.tls_certificate is not None,
            "tls-ca-bundle belongs to tls-certificate; the server's own authority makes its own bundle",
        )
        _check(
            (self.root_access_key_id is None) == (self.root_secret_access_key is None),
            "root-access-key-id and root-secret-access-key come together",
        )
        _check(self.connections_max >= 1, "connections-max must be at least 1")
        _check(self.drain_seconds_max >= 0, "drain-seconds-max must not be negative")
        _check(self.xks_proxy_milliseconds_max >= 1, "xks-proxy-milliseconds-max must be at least 1")
        parse_clusters(self.cloudhsm_clusters)
        parse_addresses(self.xks_proxy_addresses)
        parse_networks("trusted-proxies", self.trusted_proxies)
        parse_networks("metrics-peers", self.metrics_peers)
        parse_quota_ceilings(self.quota_ceilings)
        parse_outbound_addresses(self.outbound_addresses)
        parse_image_registries(self.build_registries)
        _check(
            self.build_images is None or self.build_images.is_dir(),
            f"build-images is {self.build_images}, which is no directory",
        )

    def _check_root_key(self) -> None:
        sources = [self.root_key_file, self.root_key_passphrase_file, self.root_key_passphrase]
        token = [self.root_key_pkcs11_module, self.root_key_pkcs11_token, self.root_key_pkcs11_pin_file]
        key = [self.root_key_pkcs11_key_label, self.root_key_pkcs11_key_id]
        uses_token = token.count(None) == 0
        _check(
            len(sources) - sources.count(None) + self.root_key_passphrase_prompt + uses_token <= 1,
            "choose one of root-key-file, root-key-passphrase-file, root-key-passphrase, root-key-passphrase-prompt "
            "and root-key-pkcs11-module",
        )
        _check(
            uses_token or token.count(None) == len(token),
            "root-key-pkcs11-module, root-key-pkcs11-token and root-key-pkcs11-pin-file come together",
        )
        _check(
            key.count(None) >= (1 if uses_token else 2),
            "root-key-pkcs11-key-label or root-key-pkcs11-key-id goes with root-key-pkcs11-module",
        )

    @property
    def sqlite_file(self) -> Path:
        """The file of the embedded database, used unless `database` names another."""
        return self.data.absolute() / "strongroom.db"

    @property
    def database_url(self) -> str:
        """The URL of the store: the given PostgreSQL one, or SQLite's in the data directory."""
        return self.database or f"sqlite:///{urllib.parse.quote(str(self.sqlite_file))}"

    @property
    def root_key_kind(self) -> RootKeyKind:
        """Where the root key is, as its fingerprint begins: in a file unless a passphrase or a token is named."""
        if self.root_key_pkcs11_module is not None:
            return "pkcs11"
        if (
            self.root_key_passphrase is not None
            or self.root_key_passphrase_file is not None
            or self.root_key_passphrase_prompt
        ):
            return "passphrase"
        return "key-file"


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_networks(option: str, texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Return the networks that addresses (`10.0.0.1`) or prefixes (`10.0.0.0/8`) name. Raises OperatorError."""
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as error:
        raise OperatorError(f"{option}: {error}") from None


class QuotaCeiling(NamedTuple):
    """Up to which value a quota increase is approved by rule; `is_factor` says that it is a multiple of the default.

    `code` is the quota's (`L-6E3AF000`) in upper case, empty for every quota that has no ceiling of its own.
    """

    code: str
    amount: float
    is_factor: bool


def parse_quota_ceilings(texts: tuple[str, ...]) -> tuple[QuotaCeiling, ...]:
    """Return what `quota_ceilings` says. Raises OperatorError for what it cannot mean, and for two of one quota."""
    ceilings = []
    for text in texts:
        found = _QUOTA_CEILING.fullmatch(text)
        if found is None or not (found["code"] or found["x"]):
            raise OperatorError(f"quota-ceilings: {text!r} is not 10x, CODE=VALUE or CODE=10x")
        ceilings.append(QuotaCeiling((found["code"] or "").upper(), float(found["amount"]), bool(found["x"])))
    codes = [ceiling.code for ceiling in ceilings]
    if len(set(codes)) != len(codes):
        raise OperatorError("quota-ceilings names a quota twice")
    return tuple(ceilings)


def read_store_id(data: Path) -> str | None:
    """Return the random id of the store in `data` (32 hexadecimal digits), or None before its first start.

    Raises OperatorError when the file is damaged: with a wrong id, a wrong root key would be looked for.
    """
    path = data / "store-id"
    try:
        text = path.read_text("ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path} cannot be read: {error}") from None
    if not _STORE_ID.fullmatch(text):
        raise OperatorError(f"{path} is damaged: it should hold 32 hexadecimal digits")
    return text


def make_store_id(data: Path) -> str:
    """Return the id of the store in `data`, making one at first start (durably, before anything refers to it)."""
    found = read_store_id(data)
    if found is not None:
        return found
    store_id = secrets.token_hex(16)
    path = data / "store-id"
    draft = data / "store-id.new"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(store_id + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    return store_id


def default_root_key_file(store_id: str, fingerprint: str = "") -> Path:
    """Return where the root key of a store is kept unless told otherwise.

    The store's random id names the file, so that data can move on the machine, and a copy of the data directory never
    carries its own key. Root keys after the first one also have their fingerprint (`key-file:0123...`) in the name.
    """
    name = f"{store_id}.{fingerprint.rpartition(':')[2]}" if fingerprint else store_id
    return user_configuration_directory() / "root-keys" / f"{name}.key"


def _check(holds: bool, complaint: str) -> None:
    if not holds:
        raise OperatorError(complaint)
