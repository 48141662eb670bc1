"""What a message is written and read with: the data key, and for whom it is encrypted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from strongroom.client.messages.algorithm_suites import AlgorithmSuite
from strongroom.client.messages.encrypted_data_key import EncryptedDataKey
from strongroom.crypto.elliptic_curve import EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class EncryptionMaterials:
    """What messages are written with. The data key may serve several messages of a suite that derives keys.

    `encryption_context` is that of `signed_context`: whoever encrypted the data key bound it to the same.
    Raises ValueError for parts that do not belong together.
    """

    suite: AlgorithmSuite
    data_key: bytes | bytearray = field(repr=False)
    encrypted_data_keys: tuple[EncryptedDataKey, ...]
    encryption_context: Mapping[str, str]
    signing_key: EllipticCurvePrivateKey | None = None

    def __post_init__(self) -> None:
        if len(self.data_key) != self.suite.data_key_bytes:
            raise ValueError(f"a data key of this suite has {self.suite.data_key_bytes} bytes")
        if not self.encrypted_data_keys:
            raise ValueError("a message needs an encrypted data key")
        curve = self.signing_key.curve if self.signing_key is not None else None
        if curve != self.suite.signature_curve:
            raise ValueError("the signing key is not of this suite")


@dataclass(frozen=True, slots=True)
class DecryptionMaterials:
    """What a message is read with: the data key, and which of the message's encrypted data keys gave it."""

    data_key: bytes | bytearray = field(repr=False)
    encrypted_data_key: EncryptedDataKey
