"""How a body is cut into frames, and what is authenticated beside each.

A frame is `number (4) || nonce (12) || ciphertext || tag (16)`, and the last one
`0xffffffff (4) || number (4) || nonce (12) || length (4) || ciphertext || tag (16)`. A body of one piece is
`nonce (12) || length (8) || ciphertext || tag (16)`. Source: AWS Encryption SDK Developer Guide, "AWS Encryption SDK
message format reference" and "Body additional authenticated data (AAD) reference for the AWS Encryption SDK".
"""

from strongroom.crypto.aead import TAG_BYTES
from strongroom.crypto.counted_aead import NONCE_BYTES

LAST_FRAME = 0xFFFFFFFF
FRAMES_MAX = 0xFFFFFFFF - 1
NUMBER_BYTES = 4

FRAME_HEAD_BYTES = NUMBER_BYTES + NONCE_BYTES
FRAME_OVERHEAD_BYTES = FRAME_HEAD_BYTES + TAG_BYTES
LAST_FRAME_HEAD_BYTES = NUMBER_BYTES + NUMBER_BYTES + NONCE_BYTES + 4
LAST_FRAME_OVERHEAD_BYTES = LAST_FRAME_HEAD_BYTES + TAG_BYTES
ONE_PIECE_HEAD_BYTES = NONCE_BYTES + 8

FRAME = b"AWSKMSEncryptionClient Frame"
FINAL_FRAME = b"AWSKMSEncryptionClient Final Frame"
ONE_PIECE = b"AWSKMSEncryptionClient Single Block"


def body_aad(message_id: bytes, kind: bytes, number: int, length: int) -> bytes:
    """Return what is authenticated beside a frame's ciphertext: its message, kind, number and length."""
    return b"".join((message_id, kind, number.to_bytes(4), length.to_bytes(8)))
