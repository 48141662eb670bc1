"""The steps of a request to S3, in order: route, signature, body, params, operation, answer.

They differ from those of the other services in that a body may be handed on while it still arrives, so that whoever may
not upload is refused before it does.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from strongroom.base.context import Authentication, Origin
from strongroom.base.errors import AwsError
from strongroom.operations.callers import Caller
from strongroom.operations.cross_origin import CROSS_ORIGIN
from strongroom.operations.house import House
from strongroom.operations.perform import perform, record_refusal
from strongroom.operations.registry import Answer
from strongroom.server.begun_answers import begun
from strongroom.server.counters import RequestCounters
from strongroom.server.failures import refusal_of
from strongroom.wire.header_text import text_of_header
from strongroom.wire.http import Headers, HttpRequest, HttpResponse
from strongroom.wire.rest_route import RestRoute
from strongroom.wire.s3 import refusals
from strongroom.wire.s3.form import read_form
from strongroom.wire.s3.form_upload import answer_to_form, check_form_claim, params_of_form, read_form_claim
from strongroom.wire.s3.operations import FORM_UPLOAD, PREFLIGHT, S3Routes, refuse_response_headers
from strongroom.wire.s3.payload import payload_of, unsigned_content_sha256
from strongroom.wire.s3.post_policy import LengthRange, read_policy
from strongroom.wire.s3.protocol import S3_PROTOCOL
from strongroom.wire.s3.signature import S3Claim, check_claim, check_scope, chunk_signer_of, read_claim
from strongroom.wire.scope import ALGORITHM
from strongroom.wire.sigv4 import Credential, Verifier

LATE_OPERATIONS = frozenset({"CompleteMultipartUpload", "CopyObject", "UploadPartCopy"})
"""Operations that may take so long that a client would give up: they are answered 200 before it is known whether."""

PATIENCE_SECONDS = 10.0
"""How long a client is left without a byte by one of them."""


class _Sender(NamedTuple):
    """Who sends a request, for which Region, and from where."""

    caller: Caller
    region: str
    origin: Origin


class S3Pipeline:
    """Answers the requests to S3 of one house."""

    def __init__(self, house: House, counters: RequestCounters, routes: S3Routes, verifier: Verifier) -> None:
        self._house = house
        self._counters = counters
        self._routes = routes
        self._verifier = verifier
        self._late: set[asyncio.Task[Answer]] = set()
        house.before_close(self._finish_late)

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
        if route.operation.name == FORM_UPLOAD:
            return await self._answer_form(route, request)
        claimed = read_claim(request, self._verifier.signers)
        signer = None
        if claimed is None:
            sender, content_sha256 = self._nobody(request), unsigned_content_sha256(request)
            refuse_response_headers(route.query)
        else:
            wall_time = self._house.clock.wall()
            check_claim(claimed, wall_time)
            credential = await self._credential(claimed, request.origin.received_at)
            content_sha256 = claimed.content_sha256
            verified = self._verifier.check(request, claimed.claim, credential, content_sha256, claimed.rules)
            signer = chunk_signer_of(verified, content_sha256)
            sender = _sender(request, claimed, credential, wall_time)
        with self._recorded_refusals(route, sender):
            body = await S3_PROTOCOL.body_of(route, request, payload_of(request, content_sha256, signer))
            params = S3_PROTOCOL.accept(route, request, body)
        return await self._perform(route, request, params, sender)

    async def _answer_form(self, route: RestRoute, request: HttpRequest) -> HttpResponse:
        form = await read_form(request)
        claimed = read_form_claim(form)
        sender, lengths = self._nobody(request), LengthRange()
        if claimed is not None:
            wall_time = self._house.clock.wall()
            check_scope(claimed)
            credential = await self._credential(claimed, request.origin.received_at)
            check_form_claim(claimed.claim, form, credential.secret_access_key, wall_time)
            if credential.is_expired:
                raise refusals.expired_token()
            sender = _sender(request, claimed, credential, wall_time)
        with self._recorded_refusals(route, sender):
            if claimed is not None:
                policy = read_policy(form.fields["policy"])
                lengths = policy.check(form.fields, route.labels["Bucket"], self._house.clock.wall())
            params = params_of_form(route, request, form, lengths)
        answer = await self._call(route, params, sender)
        return answer_to_form(route, request, form, params, answer)

    def _nobody(self, request: HttpRequest) -> "_Sender":
        return _Sender(Caller.anonymous(), self._house.configuration.region, request.origin)

    @contextmanager
    def _recorded_refusals(self, route: RestRoute, sender: "_Sender") -> Iterator[None]:
        """Leave an audit record of a call whose sender is known and whose parameters are refused."""
        try:
            yield
        except AwsError as error:
            names = route.operation
            record_refusal(self._house, names.service.name, names.name, error, **sender._asdict())
            raise

    async def _credential(self, claimed: S3Claim, now: float) -> Credential:
        """Return who holds the access key that a request names. Raises AwsError when nobody does.

        `now` is the time of the house, in seconds, by which sessions end.
        """
        claim = claimed.claim
        access_key_id = claim.scope.access_key_id
        found = await self._house.principals.find(access_key_id, claim.session_token)
        if found is None:
            raise refusals.invalid_token() if claim.session_token else refusals.unknown_access_key(access_key_id)
        return Credential(access_key_id, found.secret_access_key, found.caller, found.expires_at <= now)

    async def _call(self, route: RestRoute, params: dict[str, Any], sender: "_Sender") -> Answer:
        names = route.operation
        return await perform(self._house, names.service.name, names.name, params, **sender._asdict())

    async def _perform(
        self, route: RestRoute, request: HttpRequest, params: dict[str, Any], sender: "_Sender"
    ) -> HttpResponse:
        operation = route.operation
        doing = self._call(route, params, sender)
        if operation.name not in LATE_OPERATIONS:
            return await begun(S3_PROTOCOL.answer(operation, await doing, request))
        task = asyncio.create_task(doing)
        # Whoever hangs up does not undo what was asked for: the task is kept until it is done.
        self._late.add(task)
        task.add_done_callback(self._forget)
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

    def _forget(self, task: asyncio.Task[Answer]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            # The audit trail tells of a failure that no client waits for any more.
            task.exception()

    async def _finish_late(self) -> None:
        """Let what clients no longer wait for come to its end, or cut it when the server has to."""
        if self._late:
            _, unfinished = await asyncio.wait(self._late, timeout=self._house.configuration.drain_seconds_max)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)

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
        return S3_PROTOCOL.headers_of(route.service.operations[PREFLIGHT], allowed)


def _sender(request: HttpRequest, claimed: S3Claim, credential: Credential, wall_time: float) -> _Sender:
    """Return who sends a request whose signature holds, with what policies may ask of that signature."""
    claim = claimed.claim
    age_ms = max(0, int((wall_time - claim.signed_at) * 1000))
    authentication = Authentication(
        claimed.auth_type, ALGORITHM.decode(), age_ms, claimed.content_sha256.decode("ascii")
    )
    origin = request.origin._replace(authentication=authentication)
    return _Sender(credential.principal, claim.scope.region, origin)
