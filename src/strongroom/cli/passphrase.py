"""A passphrase from the person at the terminal."""

import getpass
from dataclasses import replace

from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError


def with_passphrase(configuration: Configuration) -> Configuration:
    """Return the configuration with the passphrase that it says to ask for. Raises OperatorError without a terminal."""
    if not configuration.root_key_passphrase_prompt:
        return configuration
    return replace(
        configuration,
        root_key_passphrase_prompt=False,
        root_key_passphrase=ask_passphrase("Passphrase of the root key: "),
    )


def ask_passphrase(prompt: str) -> str:
    """Return what was typed, unseen. Raises OperatorError when there is no terminal or nothing was typed."""
    try:
        typed = getpass.getpass(prompt)
    except (EOFError, OSError):
        raise OperatorError("there is no terminal to ask for the passphrase; use its variable or a file") from None
    if not typed:
        raise OperatorError("no passphrase was typed")
    return typed
