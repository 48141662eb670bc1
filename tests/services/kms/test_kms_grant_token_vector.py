"""The grant token of `docs/formats.md` is what the document's words make, and what the code opens."""

import base64
import hmac
import re
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.services.refusals import refused

from strongroom.envelope.keyring import Keyring, KeyringRow, row_aad
from strongroom.envelope.root import KeyFileRoot
from strongroom.envelope.sealed import Sealer
from strongroom.services.kms.grants.grant_tokens import NamedGrant, new_token, open_token

DOCUMENT = Path(__file__).parents[3] / "docs" / "formats.md"
BLOCK = re.search(r"^```vector-kms-grant-token\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
assert BLOCK is not None
VECTOR = dict(line.split(": ", 1) for line in BLOCK.group(1).splitlines())
GRANT = NamedGrant(VECTOR["region"], VECTOR["key id"], VECTOR["grant id"])


def octets(name: str) -> bytes:
    return bytes.fromhex(VECTOR[name].removeprefix("0x"))


def test_the_documents_words_make_the_token() -> None:
    header = b"SR\x01\x01" + int(VECTOR["number"]).to_bytes(4, "big")
    label = b"strongroom aes-256-gcm message key v1"
    parts = b"\x00\x00\x00\x01" + label + b"\x00" + octets("n") + b"\x00\x00\x01\x00"
    message_key = hmac.digest(octets("storage key"), parts, "sha256")
    plaintext = "\n".join(GRANT).encode()
    sealed = AESGCM(message_key).encrypt(bytes(12), plaintext, header + b"kms grant token")
    assert base64.urlsafe_b64encode(header + octets("n") + sealed).decode() == VECTOR["token"]


def test_the_code_opens_the_token(tmp_path: Path) -> None:
    root = KeyFileRoot(bytes(32), tmp_path / "root.key")
    number = int(VECTOR["number"])
    # The wrapped key of a keyring row is the version 0x01, then the storage key encrypted under the wrapping key.
    wrapped = root.wrap(octets("storage key"), row_aad(number, 0))
    sealer = Sealer(Keyring.load([KeyringRow(number, 0, root.fingerprint, "", wrapped)], root))
    assert open_token(sealer, VECTOR["token"]) == GRANT
    tokens = {new_token(sealer, GRANT) for _ in range(2)}
    assert len(tokens) == 2
    assert {open_token(sealer, token) for token in tokens} == {GRANT}


def test_a_token_is_valid_on_its_own_server_alone(tmp_path: Path) -> None:
    root = KeyFileRoot(bytes(32), tmp_path / "root.key")
    first, second = (Sealer(Keyring.create(root, now=0)) for _ in range(2))
    with refused("InvalidGrantTokenException"):
        open_token(second, new_token(first, GRANT))
