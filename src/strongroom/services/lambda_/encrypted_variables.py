"""The stored form of environment variables, under a data key that encrypts them alone.

Source: docs/formats.md, "Environment variables".
"""

import json
from collections.abc import Mapping

from strongroom.crypto.aead import AuthenticationFailed, decrypt_once, encrypt_once

HEADER = b"LV\x01\x01"
"""Begins the ciphertext: its format's version, and the algorithm."""


def encoded(variables: Mapping[str, str]) -> bytes:
    """Return variables as JSON. Raises UnicodeEncodeError for text that is no Unicode: half a surrogate pair."""
    return json.dumps(variables, ensure_ascii=False, separators=(",", ":")).encode()


def encrypted(data_key: bytes, variables: Mapping[str, str], function_arn: str) -> bytes:
    """Return variables under a data key that encrypts nothing else, ever; the function is authenticated with them."""
    return HEADER + encrypt_once(data_key, encoded(variables), HEADER + function_arn.encode())


def decrypted(data_key: bytes, ciphertext: bytes, function_arn: str) -> dict[str, str]:
    """Return the variables. Raises AuthenticationFailed for what was not encrypted for this function."""
    if not ciphertext.startswith(HEADER):
        raise AuthenticationFailed
    variables: dict[str, str] = json.loads(
        decrypt_once(data_key, ciphertext[len(HEADER) :], HEADER + function_arn.encode())
    )
    return variables
