"""The QR code from which an authenticator app learns the seed of a virtual MFA device.

segno draws it, a library in pure Python that needs no other: error correction and masks are not ours to write again.
Source: IAM API Reference, "VirtualMFADevice".
"""

import base64
import io
from urllib.parse import quote

PIXELS_PER_MODULE = 5


def qr_code_png(device_name: str, account_id: str, seed: bytes) -> bytes:
    """Return a PNG picture of the QR code for a device's seed. Takes some milliseconds of CPU."""
    # Few requests need it, and it takes longer to import than most requests take.
    import segno

    secret = base64.b32encode(seed).decode("ascii")
    address = f"otpauth://totp/{quote(device_name, safe='@')}@{account_id}?secret={secret}"
    picture = io.BytesIO()
    segno.make_qr(address).save(picture, kind="png", scale=PIXELS_PER_MODULE)
    return picture.getvalue()
