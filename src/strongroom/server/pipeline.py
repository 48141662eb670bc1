"""The steps of a request, in order: route, body, signature, params, operation, answer.

Whatever refuses, refuses with an AwsError, which is answered in the protocol that the client speaks.
"""

import hashlib
import time

from strongroom.base.errors import AwsError
from strongroom.model.service import service_model
from strongroom.operations.house import House
from strongroom.operations.perform import perform
from strongroom.operations.registry import SERVICES
from strongroom.server.counters import RequestCounters
from strongroom.server.logs import logger
from strongroom.storage.errors import StorageUnavailable
from strongroom.wire.http import HttpRequest, HttpResponse
from strongroom.wire.protocol import internal_failure
from strongroom.wire.route import Route, Router
from strongroom.wire.sigv4 import Credential, Verified, Verifier, check_time_and_scope

BODY_BYTES_MAX = 1024 * 1024
"""The largest body of a JSON or query request. The largest that KMS needs is a key policy or a ciphertext: 128 KiB."""


class Pipeline:
    """Answers the AWS requests of one house."""

    def __init__(self, house: House, counters: RequestCounters) -> None:
        self._house = house
        self._counters = counters
        self._router = Router(service_model(name) for name in SERVICES)
        self._verifier = Verifier()

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request. Raises nothing: what was not foreseen is an InternalFailure that tells nothing."""
        started = time.perf_counter()
        request_id = request.origin.request_id
        route: Route | None = None
        code = ""
        try:
            body = await request.body.read(BODY_BYTES_MAX)
            route = self._router.route(request, body)
            verified = await self._authenticate(request, route, body)
            params = route.protocol.parse(route.operation, request, body)
            route.operation.validate(params)
            answer = await perform(
                self._house,
                route.service.name,
                route.operation.name,
                params,
                caller=verified.credential.principal,
                origin=request.origin,
                region=verified.region,
            )
            response = route.protocol.answer(route.operation, answer, request_id)
        except AwsError as error:
            code = error.code
            response = self._refuse(request, route, error)
        except StorageUnavailable as error:
            logger.error("storage unavailable", request_id=request_id, reason=str(error))
            code = "ServiceUnavailable"
            refusal = AwsError(code, "The service is temporarily unable to store or read its data. Try again.", 503)
            response = self._refuse(request, route, refusal)
        except Exception as error:
            # Nothing that was not foreseen may reach the client in words; the cause stays in the log.
            logger.error("request failed", request_id=request_id, exc_info=error)
            code = "InternalFailure"
            response = self._refuse(request, route, internal_failure())
        if route is None:
            self._counters.count("", "", code, time.perf_counter() - started)
        else:
            names = route.operation
            self._counters.count(names.service.name, names.name, code, time.perf_counter() - started)
        return response

    async def _authenticate(self, request: HttpRequest, route: Route, body: bytes) -> Verified:
        """Return whose signature the request carries. Raises AwsError unless it holds for exactly this request."""
        rules = route.signing
        claim = self._verifier.read(request, rules)
        check_time_and_scope(claim, self._house.clock.wall(), rules)
        access_key_id = claim.scope.access_key_id
        principals = self._house.principals
        found = principals.known(access_key_id) or await principals.find(access_key_id)
        # No session token was ever given out, so whoever sends one did not get it here.
        if found is None or claim.session_token is not None:
            raise rules.refusals.unknown_token()
        credential = Credential(access_key_id, found.secret_access_key, found.caller)
        payload_hash = hashlib.sha256(body).hexdigest().encode()
        declared_hash = request.fields.get(b"x-amz-content-sha256")
        if declared_hash is not None and declared_hash != payload_hash:
            raise rules.refusals.wrong_signature()
        return self._verifier.check(request, claim, credential, payload_hash, rules)

    def _refuse(self, request: HttpRequest, route: Route | None, error: AwsError) -> HttpResponse:
        protocol = route.protocol if route is not None else self._router.protocol_of(request)
        service = route.service if route is not None else None
        return protocol.error(error, service, request.origin.request_id)
