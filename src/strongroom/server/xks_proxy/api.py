"""The proxy API: who asks, for which key, do it, answer. What is encrypted or decrypted is never logged."""

import re
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from strongroom import __version__
from strongroom.base.clock import Clock
from strongroom.base.errors import AwsError, OperatorError
from strongroom.crypto.aead import AuthenticationFailed
from strongroom.crypto.mac import equal
from strongroom.policy.wildcards import TextMatcher
from strongroom.server.logs import logger
from strongroom.server.xks_proxy.external_key import ExternalKey
from strongroom.server.xks_proxy.key_manager import KeyManager
from strongroom.server.xks_proxy.requests import (
    DecryptRequest,
    EncryptRequest,
    Metadata,
    decrypt_request,
    encrypt_request,
    metadata_of,
    parse,
    refusal,
)
from strongroom.services.kms.key_stores import xks_protocol
from strongroom.services.kms.key_stores.xks_protocol import encode
from strongroom.wire.http import HttpRequest, HttpResponse
from strongroom.wire.refusals import Refusals
from strongroom.wire.sigv4 import Credential, SigningRules, Verifier

BODY_BYTES_MAX = 65_536
CLOCK_SKEW_SECONDS_MAX = 300
MESSAGE_CHARACTERS_MAX = 511
LOGGED_CHARACTERS_MAX = 256
HEALTH_SECONDS_MAX = 5.0
"""How old an answer about the key manager may be; the specification allows a minute."""

_UNAUTHENTICATED = ("AuthenticationFailedException", 401)
_RULES = SigningRules(
    xks_protocol.SIGNING_NAME,
    Refusals(
        missing=_UNAUTHENTICATED,
        missing_text="The request is not signed.",
        incomplete=_UNAUTHENTICATED,
        mismatch=_UNAUTHENTICATED,
        unknown_client=_UNAUTHENTICATED,
        expired_token=_UNAUTHENTICATED,
    ),
)
_JSON = (b"content-type", b"application/json")
_KEY_PATH = re.compile(r"/keys/([^/]*)/(metadata|encrypt|decrypt)")
_UNPRINTABLE = re.compile(r"[^ -~]")

Answer = dict[str, Any]


class XksApi:
    """Answers KMS. `path` begins the paths of all operations; `credentials` may be replaced while it serves."""

    def __init__(
        self,
        path: str,
        manager: KeyManager,
        credentials: Mapping[str, Credential],
        may_use: TextMatcher,
        clock: Clock,
    ) -> None:
        self.credentials = credentials
        self._path = path
        self._manager = manager
        self._may_use = may_use
        self._wall_time = clock.wall
        self._verifier = Verifier()
        self._health: tuple[float, str] = (float("-inf"), "")

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""
        if request.method != "POST":
            return HttpResponse(405, [(b"allow", b"POST"), _JSON], b"{}")
        started = time.perf_counter()
        told: dict[str, str] = {}
        status, error_name = 200, ""
        try:
            answer = await self._answer(request, told)
        except AwsError as error:
            error_name, status, answer = _refused(error)
        except Exception as error:
            logger.error("request failed", request_id=request.origin.request_id, exc_info=error)
            error_name, status, answer = _refused(refusal("InternalException"))
        milliseconds = round((time.perf_counter() - started) * 1000, 2)
        logger.info("asked", **told, status=status, error=error_name, milliseconds=milliseconds)
        return HttpResponse(status, [_JSON], msgspec.json.encode(answer))

    async def health_status(self) -> str:
        """Return the health of the key manager, ACTIVE or UNAVAILABLE, looked at `HEALTH_SECONDS_MAX` ago at most."""
        checked_at, status = self._health
        now = time.monotonic()
        if now - checked_at > HEALTH_SECONDS_MAX:
            try:
                await self._manager.run(self._manager.check)
                status = "ACTIVE"
            except (AwsError, OperatorError, AuthenticationFailed) as error:
                logger.error("key manager unavailable", reason=str(error))
                status = "UNAVAILABLE"
            self._health = (now, status)
        return status

    async def _answer(self, request: HttpRequest, told: dict[str, str]) -> Answer:
        body = await request.body.read(BODY_BYTES_MAX)
        self._authenticate(request, body)
        path = request.raw_path.decode("latin-1")
        if request.query_string or not path.startswith(self._path):
            raise refusal("InvalidUriPathException")
        path = path[len(self._path) :]
        if path == "/health":
            _tell(told, "health", metadata_of(parse(body), required=()))
            return await self._describe_health()
        match = _KEY_PATH.fullmatch(path)
        if match is None:
            raise refusal("InvalidUriPathException")
        key_id, operation = match.groups()
        members = parse(body)
        required = ("awsPrincipalArn",) if operation == "metadata" else ("awsPrincipalArn", "kmsKeyArn")
        metadata = metadata_of(members, required=required)
        _tell(told, operation, metadata, key_id)
        if not self._may_use(metadata.principal_arn):
            raise refusal("AccessDeniedException")
        key = self._manager.keys.get(key_id)
        if key is None:
            raise refusal("KeyNotFoundException")
        return await self._use(key, operation, members)

    async def _use(self, key: ExternalKey, operation: str, members: Answer) -> Answer:
        if operation == "encrypt":
            to_encrypt = encrypt_request(members)
            return await self._manager.run(lambda: _encrypt(key, to_encrypt))
        if operation == "decrypt":
            to_decrypt = decrypt_request(members)
            return await self._manager.run(lambda: _decrypt(key, to_decrypt))
        await self._manager.run(key.must_exist)
        return {"keySpec": xks_protocol.KEY_SPEC, "keyUsage": xks_protocol.KEY_USAGES, "keyStatus": "ENABLED"}

    async def _describe_health(self) -> Answer:
        manager = self._manager
        return {
            "xksProxyFleetSize": 1,
            "xksProxyVendor": "Strongroom",
            "xksProxyModel": f"Strongroom {__version__}",
            "ekmVendor": manager.vendor,
            "ekmFleetDetails": [{"id": manager.id, "model": manager.model, "healthStatus": await self.health_status()}],
        }

    def _authenticate(self, request: HttpRequest, body: bytes) -> None:
        now = self._wall_time()
        verified = self._verifier.verify(request, body, self._credential, now, _RULES)
        if verified.is_presigned or abs(now - verified.signed_at) > CLOCK_SKEW_SECONDS_MAX:
            raise AwsError(_UNAUTHENTICATED[0], "The signature is not of this time.", _UNAUTHENTICATED[1])

    def _credential(self, access_key_id: str, session_token: str | None) -> Credential | None:
        return self.credentials.get(access_key_id) if session_token is None else None


def _encrypt(key: ExternalKey, request: EncryptRequest) -> Answer:
    sealed = key.seal(request.plaintext, request.aad)
    answer = {
        "ciphertext": encode(sealed.ciphertext),
        "ciphertextMetadata": encode(sealed.metadata),
        "initializationVector": encode(sealed.iv),
        "authenticationTag": encode(sealed.tag),
    }
    if request.wants_integrity_value:
        # The value comes first and the trial second: it then vouches for the very bytes that were seen to open.
        answer["ciphertextDataIntegrityValue"] = encode(xks_protocol.integrity_value(request.aad, sealed))
        if not equal(key.open(sealed, request.aad), request.plaintext):
            raise refusal("InternalException")
    return answer


def _decrypt(key: ExternalKey, request: DecryptRequest) -> Answer:
    try:
        return {"plaintext": encode(key.open(request.sealed, request.aad))}
    except AuthenticationFailed:
        raise refusal("InvalidCiphertextException") from None


def _refused(error: AwsError) -> tuple[str, int, Answer]:
    name, status = error.code, error.status
    if name not in xks_protocol.ERROR_STATUSES:
        # What the server refuses by itself: a body that is too long, or never came.
        name = "UnsupportedOperationException" if status == 413 else "ValidationException"
        status = xks_protocol.ERROR_STATUSES[name]
    answer: Answer = {"errorName": name}
    if error.message:
        answer["errorMessage"] = _printable(error.message, MESSAGE_CHARACTERS_MAX)
    return name, status, answer


def _tell(told: dict[str, str], operation: str, metadata: Metadata, key_id: str = "") -> None:
    """Note for the log what KMS says of its request. Its texts are anybody's."""
    known = {
        "operation": operation,
        "key_id": key_id,
        "kms_request_id": metadata.request_id,
        "kms_operation": metadata.operation,
        "principal": metadata.principal_arn,
        "kms_key": metadata.key_arn,
    }
    told.update((name, _printable(text, LOGGED_CHARACTERS_MAX)) for name, text in known.items() if text)


def _printable(text: str, characters_max: int) -> str:
    return _UNPRINTABLE.sub("?", text[:characters_max])
