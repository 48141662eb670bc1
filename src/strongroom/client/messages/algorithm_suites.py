"""The algorithm suites: how a message's keys are derived, committed to and signed with.

All encrypt with AES-GCM, nonces of 12 and tags of 16 bytes. Source: AWS Encryption SDK Developer Guide, "AWS Encryption
SDK algorithms reference".
"""

from collections.abc import Mapping
from dataclasses import dataclass

from strongroom.client.messages.errors import UnknownFormat


@dataclass(frozen=True, slots=True)
class AlgorithmSuite:
    """One line of the reference's table."""

    suite_id: int
    """As in the header: 0x0578, for one."""

    data_key_bytes: int
    """Length of the data key, and of the key that encrypts."""

    kdf_hash: str | None = None
    """Hash function of HKDF; None where the data key encrypts as it is."""

    signature_curve: str | None = None
    """Curve of the ECDSA key that signs the message; None where nothing is signed."""

    signature_hash: str | None = None
    """Hash function of that signature."""

    commits: bool = False
    """Whether the header binds the message to one data key. Such suites are in version 2 of the format, others in 1."""

    @property
    def message_version(self) -> int:
        """Version of the message format."""
        return 2 if self.commits else 1

    @property
    def signs(self) -> bool:
        """Whether messages end with a signature."""
        return self.signature_curve is not None

    @property
    def message_id_bytes(self) -> int:
        """Length of the message id."""
        return 32 if self.commits else 16

    def __str__(self) -> str:
        parts = [f"AES-{self.data_key_bytes * 8}-GCM"]
        if self.kdf_hash is not None:
            parts.append(f"HKDF-{self.kdf_hash.upper()}")
        if self.commits:
            parts.append("key commitment")
        if self.signature_curve is not None:
            parts.append(f"ECDSA {self.signature_curve}")
        return f"0x{self.suite_id:04x} ({', '.join(parts)})"


COMMITTING_SIGNED = AlgorithmSuite(0x0578, 32, "sha512", "P-384", "sha384", commits=True)
COMMITTING = AlgorithmSuite(0x0478, 32, "sha512", commits=True)

DEFAULT_SUITE = COMMITTING_SIGNED

SUITES: Mapping[int, AlgorithmSuite] = {
    suite.suite_id: suite
    for suite in (
        COMMITTING_SIGNED,
        COMMITTING,
        AlgorithmSuite(0x0378, 32, "sha384", "P-384", "sha384"),
        AlgorithmSuite(0x0346, 24, "sha384", "P-384", "sha384"),
        AlgorithmSuite(0x0214, 16, "sha256", "P-256", "sha256"),
        AlgorithmSuite(0x0178, 32, "sha256"),
        AlgorithmSuite(0x0146, 24, "sha256"),
        AlgorithmSuite(0x0114, 16, "sha256"),
        AlgorithmSuite(0x0078, 32),
        AlgorithmSuite(0x0046, 24),
        AlgorithmSuite(0x0014, 16),
    )
}


def suite_of(suite_id: int) -> AlgorithmSuite:
    """Return the suite of an id in a header. Raises UnknownFormat."""
    suite = SUITES.get(suite_id)
    if suite is None:
        raise UnknownFormat(f"there is no algorithm suite 0x{suite_id:04x}")
    return suite
