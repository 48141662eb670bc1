"""Values of parameters on their way into a version and out of it.

Every content is sealed by the house when it is stored. That of a SecureString is encrypted by KMS before, as the caller
and under the parameter's ARN: a standard one by Encrypt, an advanced one under a data key.

Source: AWS KMS Developer Guide, "How AWS Systems Manager Parameter Store uses AWS KMS".
"""

import base64
from typing import NamedTuple

from strongroom.base.errors import AwsError
from strongroom.crypto.aead import AuthenticationFailed
from strongroom.operations.call import Call
from strongroom.operations.data_keys import decrypt_data_key, encrypt_data_key, generate_data_key
from strongroom.services.ssm import errors
from strongroom.services.ssm.envelopes import encrypted_data_key_of, open_envelope, seal_in_envelope
from strongroom.services.ssm.kms_refusals import as_ssm_refuses
from strongroom.services.ssm.parameters import SECURE_STRING, STANDARD, Parameter, Version

DEFAULT_KEY = "alias/aws/ssm"
CONTEXT_ARN = "PARAMETER_ARN"


class Content(NamedTuple):
    """What is stored of a value; and of a SecureString the ARN of the key that it is encrypted under."""

    stored: bytes
    key_arn: str | None

    def __repr__(self) -> str:
        return f"Content({self.key_arn!r}, hidden)"


async def content_of(call: Call, value: str, arn: str, type_: str, tier: str, key_id: str) -> Content:
    """Return what is stored of a value of the parameter `arn`. Raises AwsError as SSM does when KMS refuses."""
    plaintext = value.encode()
    if type_ != SECURE_STRING:
        return Content(plaintext, None)
    context = {CONTEXT_ARN: arn}
    try:
        if tier == STANDARD:
            made = await encrypt_data_key(call, plaintext, key_id, context)
            return Content(made.ciphertext, made.key_arn)
        made = await generate_data_key(call, key_id, context)
    except AwsError as error:
        raise as_ssm_refuses(call, error) from None
    return Content(seal_in_envelope(made.plaintext, made.ciphertext, plaintext, arn), made.key_arn)


async def value_of(call: Call, parameter: Parameter, version: Version, *, with_decryption: bool) -> str:
    """Return the value of a version; without decryption, of a SecureString its ciphertext in base64.

    Raises AwsError as SSM does when KMS refuses.
    """
    if parameter.type != SECURE_STRING:
        return version.content.decode()
    if not with_decryption:
        return base64.b64encode(version.content).decode("ascii")
    content, key_arn, arn = version.content, version.details["key_arn"], parameter.arn
    is_envelope = version.details["tier"] != STANDARD
    try:
        encrypted = encrypted_data_key_of(content) if is_envelope else content
        decrypted = await decrypt_data_key(call, encrypted, key_arn, {CONTEXT_ARN: arn})
        return (open_envelope(decrypted, content, arn) if is_envelope else decrypted).decode()
    except AwsError as error:
        raise as_ssm_refuses(call, error) from None
    except AuthenticationFailed:
        raise errors.invalid_key_id("The value does not open with its data key.") from None
