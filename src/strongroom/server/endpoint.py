"""`endpoint.json` in the data directory: where the server listens, for `strongroom env`. No secrets in it."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

FILE_NAME = "endpoint.json"
FILE_BYTES_MAX = 65_536
_REQUIRED = ("https", "http", "region", "account_id", "ca_bundle")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where clients find the server that last ran on a data directory, and where it found its root key's file.

    `root_key_file` is a path, empty when the root key is in no file: `strongroom env` then finds the file also when the
    server was told another one than the default. `has_test_clock` says that the server lets its clock be moved.
    """

    https: str
    http: str
    region: str
    account_id: str
    ca_bundle: str
    root_key_file: str = ""
    has_test_clock: bool = False

    def write(self, data: Path) -> None:
        """Put the file in place, whole or not at all, readable by its owner only."""
        draft = data / f"{FILE_NAME}.new"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        draft.rename(data / FILE_NAME)

    @classmethod
    def read(cls, data: Path) -> "Endpoint | None":
        """Return what the last server wrote, or None when no server was ever ready here or the file is damaged."""
        try:
            with (data / FILE_NAME).open(encoding="utf-8") as file:
                members = json.loads(file.read(FILE_BYTES_MAX))
            required = {name: str(members[name]) for name in _REQUIRED}
            return cls(
                **required,
                root_key_file=str(members.get("root_key_file", "")),
                has_test_clock=members.get("has_test_clock") is True,
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None
