"""What an operator may choose for `strongroom xks-proxy`, with its defaults.

As with `Configuration`, every field is an option, a variable and a line of `strongroom.toml`. What has the same name
there means the same; the rest begins with `xks`, so that one file can hold both.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from strongroom.base.configuration import Configuration, LogFormat, LogLevel
from strongroom.base.errors import OperatorError

_PATH_PREFIX = re.compile(r"(/[A-Za-z0-9_-]+){0,8}")
_PATH_CHARACTERS_MAX = 128
_API = "/kms/xks/v1"


def default_xks_directory() -> Path:
    """Return where a proxy's files live unless told otherwise (`~/.local/share/strongroom-xks-proxy` on Linux)."""
    import platformdirs

    return platformdirs.user_data_path("strongroom-xks-proxy")


@dataclass(frozen=True, slots=True, kw_only=True)
class XksProxyConfiguration:
    """The choices of one proxy. Raises OperatorError for a value that cannot be meant."""

    xks_directory: Path = field(default_factory=default_xks_directory)
    """Directory of the proxy's files: its credential, its certificates, and its keys unless they are in a token."""

    xks_key_ids: tuple[str, ...] = ()
    """External key ids to serve: names of key files, or labels of keys in the token."""

    xks_make_keys: bool = False
    """Make the keys that are not there yet. Without it, a missing key is an error."""

    xks_pkcs11_module: Path | None = None
    """PKCS#11 module (a vendor's shared library) whose token holds the keys, instead of files."""

    xks_pkcs11_token: str | None = None
    """Label of that token."""

    xks_pkcs11_pin_file: Path | None = None
    """File whose first line is the PIN of the token's user; only its owner may read it."""

    xks_credential_files: tuple[Path, ...] = ()
    """Credentials of KMS, in the format of AWS's console; by default one that is made at first start. Read again on
    SIGHUP."""

    xks_path_prefix: str = ""
    """What comes before /kms/xks/v1 in the path."""

    xks_principals: tuple[str, ...] = ()
    """ARNs (with * and ?) of the AWS principals that may use the keys; by default all whom KMS lets."""

    xks_port: int = 4568
    """Port for HTTPS; 0 picks a free one."""

    host: str = "127.0.0.1"
    """Address to listen on (0.0.0.0 or :: for all interfaces)."""

    tls_certificate: Path | None = None
    """Your own certificate chain (PEM), instead of one from the proxy's own authority."""

    tls_private_key: Path | None = None
    """Private key of --tls-certificate (PEM, not encrypted)."""

    tls_names: tuple[str, ...] = ()
    """Further host names and addresses that KMS uses for this proxy; they go into its certificate."""

    connections_max: int = 4_096
    """Open connections, more are answered 503 and closed."""

    drain_seconds_max: int = 15
    """Seconds that requests in flight get to finish when the proxy is told to stop."""

    log_level: LogLevel = "info"
    """Least severe log entries to write to standard error."""

    log_format: LogFormat = "console"
    """How log entries look."""

    def __post_init__(self) -> None:
        token = [self.xks_pkcs11_module, self.xks_pkcs11_token, self.xks_pkcs11_pin_file]
        if 0 < token.count(None) < len(token):
            raise OperatorError("xks-pkcs11-module, xks-pkcs11-token and xks-pkcs11-pin-file come together")
        if not _PATH_PREFIX.fullmatch(self.xks_path_prefix) or len(self.path) > _PATH_CHARACTERS_MAX:
            raise OperatorError(
                f"xks-path-prefix {self.xks_path_prefix!r} is not like /a/path, with letters and digits"
            )
        if not self.xks_key_ids:
            raise OperatorError("no keys to serve: name them with xks-key-ids")
        self.listening()

    @property
    def path(self) -> str:
        """The path that KMS is told (XksProxyUriPath)."""
        return self.xks_path_prefix + _API

    def listening(self) -> Configuration:
        """Return what the proxy has in common with a server. Raises OperatorError."""
        return Configuration(
            data=self.xks_directory,
            host=self.host,
            https_port=self.xks_port,
            http_port=0,
            tls_certificate=self.tls_certificate,
            tls_private_key=self.tls_private_key,
            tls_names=self.tls_names,
            connections_max=self.connections_max,
            drain_seconds_max=self.drain_seconds_max,
            log_level=self.log_level,
            log_format=self.log_format,
        )
