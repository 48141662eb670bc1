"""External keys: the vector of docs/formats.md, which a key in a file and a key in a token open."""

from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.envelope.test_formats import VECTORS, as_documented, field
from tests.softhsm import put_key

from strongroom.crypto.aead import DerivedKeyAead
from strongroom.hsm.key import IV_BYTES, TokenKey
from strongroom.hsm.token import TokenLogin, open_token
from strongroom.server.xks_proxy.external_key import IN_TOKEN, ExternalKey, full_aad
from strongroom.server.xks_proxy.key_files import open_key_files
from strongroom.services.kms.key_stores.xks_protocol import SealedByProxy

KEY, AAD, PLAINTEXT = (field("external-key", name) for name in ("key", "additional data", "plaintext"))


def part(name: str) -> bytes:
    return field("external-key", name)


def test_a_key_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "vector.key"
    path.parent.mkdir()
    path.write_text(VECTORS["external-key"]["line"])
    path.chmod(0o600)
    key = open_key_files(tmp_path, ("vector",), make=False).keys["vector"]
    sealed = SealedByProxy(part("ciphertext"), b"\x01", part("n"), part("tag"))
    assert key.open(sealed, AAD) == PLAINTEXT
    assert full_aad(AAD, b"\x01") == part("authenticated")
    blob = part("n") + part("ciphertext") + part("tag")
    assert as_documented(KEY, part("n"), PLAINTEXT, part("authenticated")) == blob
    assert DerivedKeyAead(KEY).decrypt(blob, part("authenticated")) == PLAINTEXT


def test_a_key_in_a_token(token_login: TokenLogin) -> None:
    with open_token(token_login) as token:
        key = ExternalKey(TokenKey(token, put_key(token, KEY)), IN_TOKEN, IV_BYTES)
        sealed = SealedByProxy(part("ciphertext in a token"), b"\x02", part("iv in a token"), part("tag in a token"))
        assert key.open(sealed, AAD) == PLAINTEXT
    assert full_aad(AAD, b"\x02") == part("authenticated in a token")
    whole = AESGCM(KEY).encrypt(part("iv in a token"), PLAINTEXT, part("authenticated in a token"))
    assert whole == part("ciphertext in a token") + part("tag in a token")
