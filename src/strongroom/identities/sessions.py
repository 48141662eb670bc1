"""Session tokens: everything about temporary credentials, sealed, in the hands of whoever uses them.

Nothing is stored about a session. Its policies and tags, who it acts for and until when are in the token; the role or
user behind it, with its policies, is looked up at every request, so a session ends with them.
Source: AWS STS API Reference, "Credentials"; IAM User Guide, "Revoking IAM role temporary security credentials".
"""

import base64
import binascii
import zlib

import msgspec

from strongroom.envelope.sealed import SealBroken, Sealer

SESSION_TOKEN_CHARACTERS_MAX = 12_288
SESSION_BYTES_MAX = 65_536

ROLE_SESSION = "role"
USER_SESSION = "user"
ROOT_SESSION = "root"
FEDERATED_SESSION = "federated"

_PLACE = "sessions/{access_key_id}"


class SessionTooLarge(ValueError):  # noqa: N818 (it says what happened)
    """What a session holds does not fit into a session token."""


class Session(msgspec.Struct, array_like=True, frozen=True, gc=False, kw_only=True):
    """What a session token holds.

    `kind` is one of the four above: AssumeRole makes ROLE_SESSION, GetSessionToken USER_SESSION or ROOT_SESSION,
    GetFederationToken FEDERATED_SESSION. `issuer_id` is the unique id of the role or user behind it, the account id for
    the root user. `name` is the role session's or federated user's name. Times are seconds since the epoch, of the real
    clock. `policies` and `policy_arns` are the session policies that were passed, `has_policies` whether any were.
    `provider` is the ARN of who vouched for a web identity, `claims` what the provider's token said that conditions may
    ask, by condition key in lower case. `chained` is whether a role session assumed this role.
    """

    kind: str
    access_key_id: str
    secret_access_key: str
    account_id: str
    issuer_id: str
    name: str = ""
    issued_at: float
    expires_at: float
    has_policies: bool = False
    policies: tuple[str, ...] = ()
    policy_arns: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    transitive_tags: tuple[str, ...] = ()
    source_identity: str = ""
    mfa_authenticated: bool = False
    provider: str = ""
    claims: dict[str, str | list[str]] = {}
    chained: bool = False

    def __repr__(self) -> str:
        return f"Session(access_key_id={self.access_key_id!r}, kind={self.kind!r})"


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Session).decode


def token_of(session: Session, sealer: Sealer, characters_min: int = 0) -> str:
    """Return the session token that stands for `session`, of `characters_min` characters at least.

    Raises SessionTooLarge when it would have more than SESSION_TOKEN_CHARACTERS_MAX.
    """
    encoded = _encode(session)
    packed = zlib.compress(encoded, 6)
    place = _PLACE.format(access_key_id=session.access_key_id)
    token = base64.b64encode(sealer.seal(packed, place)).decode()
    if len(token) < characters_min:
        # What follows the end of a compressed stream is not read.
        lacking_bytes = (characters_min - len(token)) * 3 // 4 + 3
        token = base64.b64encode(sealer.seal(packed + bytes(lacking_bytes), place)).decode()
    if len(encoded) > SESSION_BYTES_MAX or len(token) > SESSION_TOKEN_CHARACTERS_MAX:
        raise SessionTooLarge
    return token


def session_of(access_key_id: str, token: str, sealer: Sealer) -> Session | None:
    """Return what a session token holds, or None when it is not one that was given out with this access key id."""
    if len(token) > SESSION_TOKEN_CHARACTERS_MAX:
        return None
    try:
        sealed = base64.b64decode(token, validate=True)
        packed = sealer.open(sealed, _PLACE.format(access_key_id=access_key_id))
        session = _decode(zlib.decompressobj().decompress(packed, SESSION_BYTES_MAX))
    except (ValueError, binascii.Error, SealBroken, zlib.error, msgspec.DecodeError):
        return None
    return session if session.access_key_id == access_key_id else None
