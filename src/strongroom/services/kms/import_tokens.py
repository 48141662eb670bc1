"""Import tokens: the private half of a wrapping key, sealed, with what it was made for.

A token holds all that its import needs, so nothing is stored about it: it costs no row and no sweep, and works on every
server of a store. `strongroom rekey` ends it.
"""

import json
from typing import NamedTuple, Self

from strongroom.envelope.sealed import SealBroken, Sealer
from strongroom.services.kms import errors

IMPORT_SECONDS = 86_400
"""How long an import token is valid. Source: AWS KMS API Reference, GetParametersForImport."""

_PLACE = "kms import token"


class ImportToken(NamedTuple):
    """A private wrapping key (PKCS #8, DER), the key that it wraps material for, how, and until when (seconds)."""

    key_arn: str
    wrapping_algorithm: str
    valid_to: float
    private_key: bytes

    def seal(self, sealer: Sealer) -> bytes:
        """Return the token as clients carry it."""
        head = json.dumps([self.key_arn, self.wrapping_algorithm, self.valid_to]).encode()
        return sealer.seal(len(head).to_bytes(2) + head + self.private_key, _PLACE)

    @classmethod
    def open(cls, sealer: Sealer, token: bytes) -> Self:
        """Return what a token holds. Raises InvalidImportTokenException for what was never given out here."""
        try:
            opened = sealer.open(token, _PLACE)
        except SealBroken:
            raise errors.invalid_import_token() from None
        end = 2 + int.from_bytes(opened[:2])
        arn, algorithm, valid_to = json.loads(opened[2:end])
        return cls(arn, algorithm, valid_to, opened[end:])
