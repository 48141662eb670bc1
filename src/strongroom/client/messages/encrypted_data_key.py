"""A message's data key, encrypted under one wrapping key."""

from dataclasses import dataclass

KMS_PROVIDER = "aws-kms"
FIELD_BYTES_MAX = 0xFFFF


@dataclass(frozen=True, slots=True)
class EncryptedDataKey:
    """The data key as one provider of wrapping keys encrypted it; any one of a message's opens it.

    Raises ValueError for a field that does not fit into a message.
    """

    provider_id: str
    """Who can open it: `KMS_PROVIDER`, or the namespace of a raw wrapping key."""

    provider_info: bytes
    """Which wrapping key; for KMS the key's ARN."""

    ciphertext: bytes
    """The encrypted data key; for KMS what GenerateDataKey or Encrypt gave."""

    def __post_init__(self) -> None:
        for field in (self.provider_id.encode(), self.provider_info, self.ciphertext):
            if len(field) > FIELD_BYTES_MAX:
                raise ValueError(f"a field of an encrypted data key has at most {FIELD_BYTES_MAX} bytes")

    @classmethod
    def of_kms(cls, key_arn: str, ciphertext: bytes) -> "EncryptedDataKey":
        """Return the data key as the KMS key with this ARN encrypted it."""
        return cls(KMS_PROVIDER, key_arn.encode(), ciphertext)

    @property
    def kms_key_arn(self) -> str | None:
        """The ARN of the KMS key that opens it; None when it is for something else than KMS."""
        if self.provider_id != KMS_PROVIDER:
            return None
        return self.provider_info.decode(errors="replace")
