"""The steps of a request, in order: body, route, signature, params, operation, answer. S3 has its own.

Whatever refuses, refuses with an AwsError, which is answered in the protocol that the client speaks.
"""

import re
import time

from strongroom.base.errors import AwsError
from strongroom.model.patterns import prepare_unicode_classes
from strongroom.model.service import service_model
from strongroom.operations.callers import Caller
from strongroom.operations.house import House
from strongroom.operations.perform import perform, record_refusal
from strongroom.operations.periodic import Turn
from strongroom.operations.registry import BODY_BYTES_MAX, OPERATIONS, SERVICES
from strongroom.server.counters import RequestCounters
from strongroom.server.failures import refusal_of
from strongroom.server.logs import logger
from strongroom.server.s3_pipeline import S3Pipeline
from strongroom.wire.http import HttpRequest, HttpResponse
from strongroom.wire.route import Route, Router
from strongroom.wire.sigv4 import Credential, Verifier, check_time_and_scope, payload_hash

_REGION = re.compile(r"(?=.{1,32}$)[a-z0-9]+(-[a-z0-9]+)*")
"""A Region's name: at most 32 lower-case letters, digits and single hyphens. Each name is a Region of its own."""


def _is_signed(request: HttpRequest) -> bool:
    return b"authorization" in request.fields or b"X-Amz-" in request.query_string


def _longer_bodies() -> dict[bytes, int]:
    """Return how long a body may be, by X-Amz-Target, of the operations that take more than others."""
    return {
        f"{service_model(service).target_prefix}.{name}".encode(): operation.body_bytes_max
        for (service, name), operation in OPERATIONS.items()
        if operation.body_bytes_max != BODY_BYTES_MAX
    }


class Pipeline:
    """Answers the AWS requests of one house."""

    def __init__(self, house: House, counters: RequestCounters) -> None:
        self._house = house
        self._counters = counters
        models = [service_model(name) for name in SERVICES]
        self._longer_by_name = {
            (service, name): operation.body_bytes_max
            for (service, name), operation in OPERATIONS.items()
            if operation.body_bytes_max != BODY_BYTES_MAX
        }
        self._router = Router(models, (house.configuration.host, *house.configuration.tls_names))
        self._verifier = Verifier()
        s3 = self._router.s3
        self._s3 = None if s3 is None else S3Pipeline(house, counters, s3, self._verifier)
        self._signers = self._verifier.signers
        self._body_bytes_max = _longer_bodies()
        self._principals = house.principals
        self._wall_time = house.clock.wall

    async def prepare(self) -> None:
        """Decode and compile what every operation needs, a few milliseconds at a time: no first call has to wait."""
        turn = Turn()
        for name in SERVICES:
            service_model(name).settle(operation for service, operation in OPERATIONS if service == name)
            await turn.let_others()
        for _ in prepare_unicode_classes():
            await turn.let_others()
        for service, name in OPERATIONS:
            try:
                service_model(service).operations[name].prepare()
            except ValueError as problem:
                logger.error("operation not prepared", service=service, operation=name, exc_info=problem)
            await turn.let_others()

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request. Raises nothing: what was not foreseen is an InternalFailure that tells nothing."""
        if self._s3 is not None and self._router.is_for_s3(request):
            return await self._s3.handle(request)
        started = time.perf_counter()
        request_id = request.origin.request_id
        route: Route | None = None
        code = ""
        try:
            route = self._router.route_by_path(request)
            if route is None:
                target = request.fields.get(b"x-amz-target", b"")
                body = await request.body.read(self._body_bytes_max.get(target, BODY_BYTES_MAX))
                route = self._router.route(request, body)
            else:
                body = await self._body_of(request, route)
            signer = self._signers.verify(
                request, body, self._principals.known, self._wall_time(), route.signing.service
            )
            if signer is not None:
                caller, region = signer[0].caller, signer[1]
            elif route.operation.is_unsigned and not _is_signed(request):
                caller, region = Caller.anonymous(), self._house.configuration.region
            else:
                caller, region = await self._authenticate(request, route, body)
            try:
                params = route.protocol.accept(route.operation, request, body)
            except AwsError as error:
                self._record_refusal(route, error, caller, request, region)
                raise
            answer = await perform(
                self._house,
                route.service.name,
                route.operation.name,
                params,
                caller=caller,
                origin=request.origin,
                region=region,
            )
            response = route.protocol.answer(route.operation, answer, request_id)
        except Exception as problem:
            refusal = refusal_of(problem, request_id)
            code = refusal.code
            response = self._refuse(request, route, refusal)
        if route is None:
            self._counters.count("", "", code, time.perf_counter() - started)
        else:
            names = route.operation
            self._counters.count(names.service.name, names.name, code, time.perf_counter() - started)
        return response

    async def _body_of(self, request: HttpRequest, route: Route) -> bytes:
        """Return the body of a request whose operation is known. Raises AwsError (413) for one that is too long.

        A body that is longer than most is read only from who names an access key that there is.
        """
        name = route.operation.name
        most = self._longer_by_name.get((route.service.name, name))
        if most is None:
            return await request.body.read(BODY_BYTES_MAX)
        claim = self._verifier.read(request, route.signing)
        if await self._principals.find(claim.scope.access_key_id, claim.session_token) is None:
            raise route.signing.refusals.unknown_token()
        try:
            return await request.body.read(most)
        except AwsError as error:
            if error.status != 413:
                raise
            message = f"Request must be smaller than {most} bytes for the {name} operation"
            raise AwsError(error.code, message, 413) from None

    async def _authenticate(self, request: HttpRequest, route: Route, body: bytes) -> tuple[Caller, str]:
        """Return who signed the request, and for which Region. Raises AwsError unless exactly this was signed."""
        rules = route.signing
        claim = self._verifier.read(request, rules)
        check_time_and_scope(claim, self._wall_time(), rules)
        if _REGION.fullmatch(claim.scope.region) is None:
            raise rules.refusals.wrong_signature("Credential should be scoped to a valid region.")
        access_key_id = claim.scope.access_key_id
        found = await self._principals.find(access_key_id, claim.session_token)
        if found is None:
            raise rules.refusals.unknown_token()
        is_expired = found.expires_at <= request.origin.received_at
        credential = Credential(access_key_id, found.secret_access_key, found.caller, is_expired)
        verified = self._verifier.check(request, claim, credential, payload_hash(request, body, rules), rules)
        return found.caller, verified.region

    def _record_refusal(self, route: Route, error: AwsError, caller: Caller, request: HttpRequest, region: str) -> None:
        """Leave an audit record of a call whose sender is known and whose parameters were refused."""
        names = route.operation
        record_refusal(
            self._house, names.service.name, names.name, error, caller=caller, origin=request.origin, region=region
        )

    def _refuse(self, request: HttpRequest, route: Route | None, error: AwsError) -> HttpResponse:
        protocol = route.protocol if route is not None else self._router.protocol_of(request)
        service = route.service if route is not None else None
        return protocol.error(error, service, request.origin.request_id)
