"""The steps of a request to S3, in order: route, signature, body, params, operation, answer.

They differ from those of the other services in that a body may be handed on while it still arrives, so that whoever may
not upload is refused before it does.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from strongroom.base.context import Authentication, Origin
from strongroom.base.errors import AwsError
from strongroom.operations.callers import Caller
from strongroom.operations.cross_origin import CROSS_ORIGIN
from strongroom.operations.house import House
from strongroom.operations.perform import perform, record_refusal
from strongroom.operations.registry import Answer
from strongroom.server.counters import RequestCounters
from strongroom.server.failures import refusal_of
from strongroom.wire.header_text import text_of_header
from strongroom.wire.http import Headers, HttpRequest, HttpResponse
from strongroom.wire.rest_route import RestRoute
from strongroom.wire.s3 import refusals
from strongroom.wire.s3.chunked import ChunkSigner
from strongroom.wire.s3.operations import S3Routes
from strongroom.wire.s3.payload import Payload, payload_of, unsigned_content_sha256
from strongroom.wire.s3.protocol import S3_PROTOCOL
from strongroom.wire.s3.signature import S3Claim, check_claim, chunk_signer_of, read_claim
from strongroom.wire.scope import ALGORITHM
from strongroom.wire.sigv4 import Credential, Verified, Verifier

LATE_OPERATIONS = frozenset({"CompleteMultipartUpload", "CopyObject", "UploadPartCopy"})
"""Operations that may take so long that a client would give up: they are answered 200 before it is known whether."""

PATIENCE_SECONDS = 10.0
"""How long a client is left without a byte by one of them."""


class S3Pipeline:
    """Answers the requests to S3 of one house."""

    def __init__(self, house: House, counters: RequestCounters, routes: S3Routes, verifier: Verifier) -> None:
        self._house = house
        self._counters = counters
        self._routes = routes
        self._verifier = verifier
        self._late: set[asyncio.Task[Answer]] = set()

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request. Raises nothing: what was not foreseen is an InternalError that tells nothing."""
        started = time.perf_counter()
        route: RestRoute | None = None
        code = ""
        try:
            route = self._routes.route(request)
            response = await self._answer(route, request)
        except Exception as problem:
            error = refusal_of(problem, request.origin.request_id)
            code = error.code
            response = S3_PROTOCOL.error(
                error,
                self._routes.service if route is None else route.service,
                request,
                None if route is None else route.operation,
            )
        if route is None:
            self._counters.count("", "", code, time.perf_counter() - started)
            return response
        names = route.operation
        self._counters.count(names.service.name, names.name, code, time.perf_counter() - started)
        if b"origin" in request.fields and request.method != "OPTIONS":
            response.headers += await self._cross_origin_headers(route, request)
        return response

    async def _answer(self, route: RestRoute, request: HttpRequest) -> HttpResponse:
        claimed = read_claim(request, self._verifier.signers)
        caller, region, origin = Caller.anonymous(), self._house.configuration.region, request.origin
        content_sha256, signer = unsigned_content_sha256(request), None
        if claimed is not None:
            wall_time = self._house.clock.wall()
            check_claim(claimed, wall_time)
            verified = await self._verified(request, claimed, wall_time)
            caller, region = verified.credential.principal, verified.region
            content_sha256 = claimed.content_sha256
            signer = chunk_signer_of(verified, content_sha256)
            origin = _with_authentication(origin, claimed, wall_time)
        try:
            body = await self._body(route, request, content_sha256, signer)
            params = S3_PROTOCOL.accept(route, request, body)
        except AwsError as error:
            names = route.operation
            record_refusal(
                self._house, names.service.name, names.name, error, caller=caller, origin=origin, region=region
            )
            raise
        return await self._perform(route, request, params, caller, origin, region)

    async def _verified(self, request: HttpRequest, claimed: S3Claim, wall_time: float) -> Verified:
        """Return the proof of who signed. Raises AwsError unless exactly this was signed."""
        claim = claimed.claim
        access_key_id = claim.scope.access_key_id
        found = await self._house.principals.find(access_key_id, claim.session_token)
        if found is None:
            raise refusals.invalid_token() if claim.session_token else refusals.unknown_access_key(access_key_id)
        is_expired = found.expires_at <= wall_time
        credential = Credential(access_key_id, found.secret_access_key, found.caller, is_expired)
        return self._verifier.check(request, claim, credential, claimed.content_sha256, claimed.rules)

    async def _body(
        self, route: RestRoute, request: HttpRequest, content_sha256: bytes, signer: ChunkSigner | None
    ) -> bytes | Payload:
        payload = payload_of(request, content_sha256, signer)
        if S3_PROTOCOL.reads_stream(route.operation):
            if payload.length is None or not _states_length(request):
                raise refusals.missing_length()
            return payload
        return await payload.read(S3_PROTOCOL.body_bytes_max(route.operation))

    async def _perform(
        self,
        route: RestRoute,
        request: HttpRequest,
        params: dict[str, Any],
        caller: Caller,
        origin: Origin,
        region: str,
    ) -> HttpResponse:
        operation = route.operation
        doing = perform(
            self._house,
            operation.service.name,
            operation.name,
            params,
            caller=caller,
            origin=origin,
            region=region,
        )
        if operation.name not in LATE_OPERATIONS:
            return S3_PROTOCOL.answer(operation, await doing, request)
        task = asyncio.create_task(doing)
        # Whoever hangs up does not undo what was asked for: the task is kept until it is done.
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        done, _ = await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
        if done:
            return S3_PROTOCOL.answer(operation, task.result(), request)
        return S3_PROTOCOL.late_answer(self._late_body(route, request, task), request)

    async def _late_body(
        self, route: RestRoute, request: HttpRequest, task: asyncio.Task[Answer]
    ) -> AsyncIterator[bytes]:
        """Yield white space while a client waits, then the answer or the error."""
        while not task.done():
            yield b" "
            await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
        try:
            yield S3_PROTOCOL.late_body(route.operation, task.result())
        except Exception as problem:
            yield S3_PROTOCOL.late_error(refusal_of(problem, request.origin.request_id), request)

    async def _cross_origin_headers(self, route: RestRoute, request: HttpRequest) -> Headers:
        ask, bucket = CROSS_ORIGIN.get(route.service.name), route.labels.get("Bucket")
        if ask is None or bucket is None:
            return []
        asked = {
            "Bucket": bucket,
            "Origin": text_of_header(request.fields[b"origin"]),
            "AccessControlRequestMethod": request.method,
        }
        try:
            allowed = await ask(self._house, asked)
        except Exception as problem:
            # Without these headers a browser keeps the answer from the page: that is the safe side.
            refusal_of(problem, request.origin.request_id)
            return []
        return S3_PROTOCOL.headers_of(route.service.operations["OptionsObject"], allowed)


def _with_authentication(origin: Origin, claimed: S3Claim, wall_time: float) -> Origin:
    age_ms = max(0, int((wall_time - claimed.claim.signed_at) * 1000))
    return origin._replace(
        authentication=Authentication(
            claimed.auth_type, ALGORITHM.decode(), age_ms, claimed.content_sha256.decode("ascii")
        )
    )


def _states_length(request: HttpRequest) -> bool:
    fields = request.fields
    return b"content-length" in fields or b"x-amz-decoded-content-length" in fields
