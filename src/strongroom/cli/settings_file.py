"""`strongroom.toml`: one line an option, `https-port = 4567`. What it does not know, it refuses."""

import difflib
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from cyclopts import App, ArgumentCollection
from cyclopts.config import Dict

from strongroom.base.configuration import Configuration, default_data_directory, user_configuration_directory
from strongroom.base.errors import OperatorError
from strongroom.base.xks_proxy_configuration import XksProxyConfiguration
from strongroom.cli.settings_variables import settable

FILE_NAME = "strongroom.toml"
FILE_BYTES_MAX = 1_048_576

_SECRETS = ("root_key_passphrase", "root_secret_access_key")


class SettingsFile:
    """A source of options, after flags and variables.

    The file is `--config FILE`, else `strongroom.toml` in the data directory, else the one in the user's configuration
    directory. One file serves every command, so a setting that the command at hand has no use for is passed over.
    """

    def __call__(self, app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """Add what the file says to the arguments. Raises OperatorError for a file that cannot be meant."""
        path = _locate(arguments)
        if path is None:
            return
        source = Dict(data=read_settings(path), source=str(path), use_commands_as_keys=False, allow_unknown=True)
        source(app, commands, settable(arguments))


def read_settings(path: Path) -> dict[str, Any]:
    """Return the settings in a TOML file, by option name with underscores. Raises OperatorError."""
    try:
        with path.open("rb") as file:
            mode = path.stat().st_mode
            text = file.read(FILE_BYTES_MAX).decode()
        found = tomllib.loads(text)
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise OperatorError(f"{path} is not TOML: {error}") from None
    known = [field.name for kind in (Configuration, XksProxyConfiguration) for field in fields(kind)]
    settings: dict[str, Any] = {}
    for key, value in found.items():
        name = key.replace("-", "_")
        if name not in known:
            raise OperatorError(f"{path}: there is no setting {key!r}{_did_you_mean(name, known)}")
        if name in settings:
            raise OperatorError(f"{path}: {key!r} is set twice")
        if isinstance(value, dict):
            raise OperatorError(f"{path}: {key!r} must be a value, not a table")
        settings[name] = value
    if mode & 0o077 and any(name in settings for name in _SECRETS):
        raise OperatorError(f"{path} holds a secret and is open to others than its owner: run chmod 600 {path}")
    return settings


def _did_you_mean(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0].replace('_', '-')!r}?" if close else ""


def _locate(arguments: ArgumentCollection) -> Path | None:
    chosen = _given(arguments, "--config")
    if chosen is not None:
        return Path(chosen)
    data = _given(arguments, "--data")
    for directory in (Path(data) if data else default_data_directory(), user_configuration_directory()):
        path = directory / FILE_NAME
        if path.is_file():
            return path
    return None


def _given(arguments: ArgumentCollection, option: str) -> str | None:
    for argument in arguments:
        if argument.name == option and argument.tokens:
            return argument.tokens[-1].value
    return None
