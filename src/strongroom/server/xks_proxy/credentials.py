"""What KMS signs its requests with: JSON files in the format that AWS's console takes.

{"XksProxyUriPath": "/kms/xks/v1",
 "XksProxyAuthenticationCredential": {"AccessKeyId": "...", "RawSecretAccessKey": "..."}}

Source: AWS KMS External Key Store Proxy API Specification, "XKS proxy configuration in AWS KMS console", "Appendix A".
"""

import base64
import json
import re
from pathlib import Path

from strongroom.base.errors import OperatorError
from strongroom.base.private_file import read_private, write_private
from strongroom.base.xks_proxy_configuration import XksProxyConfiguration
from strongroom.crypto.random import random_bytes
from strongroom.wire.sigv4 import Credential

FILE_NAME = "credential.json"
FILE_BYTES_MAX = 4_096

_ACCESS_KEY_ID = re.compile(r"[A-Z2-7]{20,30}")
_SECRET_ACCESS_KEY = re.compile(r"[A-Za-z0-9/+=]{43,64}")
_ACCESS_KEY_ID_CHARACTERS = 20
_SECRET_BYTES = 32


def credential_files(configuration: XksProxyConfiguration) -> tuple[Path, ...]:
    """Return the files with the credentials; one is made at first start, if none is named. Raises OperatorError."""
    if configuration.xks_credential_files:
        return configuration.xks_credential_files
    path = configuration.xks_directory / FILE_NAME
    if not path.exists():
        content = json.dumps(
            {
                "XksProxyUriPath": configuration.path,
                "XksProxyAuthenticationCredential": {
                    "AccessKeyId": base64.b32encode(random_bytes(20)).decode()[:_ACCESS_KEY_ID_CHARACTERS],
                    "RawSecretAccessKey": base64.b64encode(random_bytes(_SECRET_BYTES)).decode(),
                },
            },
            indent=2,
        )
        try:
            write_private(path, content.encode() + b"\n")
        except OSError as error:
            raise OperatorError(f"the credential file {path} cannot be made: {error.strerror}") from None
    return (path,)


def read_credentials(paths: tuple[Path, ...]) -> dict[str, Credential]:
    """Return the credentials in the files, by access key id. Raises OperatorError."""
    found = [_read(path) for path in paths]
    credentials = {credential.access_key_id: credential for credential in found}
    if len(credentials) != len(found):
        raise OperatorError("two of the xks-credential-files have the same access key id")
    return credentials


def _read(path: Path) -> Credential:
    try:
        members = json.loads(read_private(path, "credential file", FILE_BYTES_MAX))
        credential = members["XksProxyAuthenticationCredential"]
        access_key_id, secret = credential["AccessKeyId"], credential["RawSecretAccessKey"]
        if _ACCESS_KEY_ID.fullmatch(access_key_id) and _SECRET_ACCESS_KEY.fullmatch(secret):
            return Credential(access_key_id, secret, None)
    except (ValueError, KeyError, TypeError):
        pass
    raise OperatorError(
        f"the credential file {path} does not hold an XksProxyAuthenticationCredential: an AccessKeyId of 20 to 30 "
        "characters A-Z and 2-7, and a RawSecretAccessKey of 43 to 64 letters, digits, '/', '+' and '='"
    )
