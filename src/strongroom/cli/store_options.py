"""The options that say which store a command works on, and what opens it."""

from dataclasses import dataclass, field
from pathlib import Path

from strongroom.base.configuration import Configuration, default_data_directory
from strongroom.cli.passphrase import with_passphrase


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """A part of `Configuration`, by the same names."""

    data: Path = field(default_factory=default_data_directory)
    """Directory of the data."""

    database: str = field(default="", repr=False)
    """URL of a PostgreSQL database (postgresql://...); empty for SQLite in the data directory."""

    blobs: str = field(default="", repr=False)
    """URL of the object store of large objects (s3://bucket/prefix); empty for files in the data directory."""

    root_key_file: Path | None = None
    """File of the root key."""

    root_key_passphrase_file: Path | None = None
    """File whose first line is the passphrase of the root key."""

    root_key_passphrase: str | None = field(default=None, repr=False)
    """The passphrase itself; give it by its variable, for options are seen by other users of the machine."""

    root_key_passphrase_prompt: bool = False
    """Ask for the passphrase on the terminal."""

    root_key_pkcs11_module: Path | None = None
    """PKCS#11 module whose token holds the root key."""

    root_key_pkcs11_token: str | None = None
    """Label of that token."""

    root_key_pkcs11_pin_file: Path | None = None
    """File whose first line is the PIN of the token's user."""

    def configuration(self, region: str, account_id: str) -> Configuration:
        """Return the configuration of the server on this store. Asks for the passphrase if it is to be asked for."""
        return with_passphrase(
            Configuration(
                data=self.data.expanduser().absolute(),
                database=self.database,
                blobs=self.blobs,
                root_key_file=self.root_key_file,
                root_key_passphrase_file=self.root_key_passphrase_file,
                root_key_passphrase=self.root_key_passphrase,
                root_key_passphrase_prompt=self.root_key_passphrase_prompt,
                root_key_pkcs11_module=self.root_key_pkcs11_module,
                root_key_pkcs11_token=self.root_key_pkcs11_token,
                root_key_pkcs11_pin_file=self.root_key_pkcs11_pin_file,
                region=region,
                account_id=account_id,
            )
        )
