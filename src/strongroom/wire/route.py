"""Which service, which operation and which protocol a request is for.

The JSON protocols name service and operation in X-Amz-Target. The query protocol and EC2's name the operation in
Action, and the service is the one that the signature is scoped to (or, unsigned, the one with that Version). The
protocol smithy-rpc-v2-cbor names both in the path. S3 names the operation in method, path and query string
(`s3.operations`): a request is S3's when its signature is scoped to S3, or when it has none and is nobody else's. The
other REST services are found by the signature's scope alone.

What botocore 1.44 sends: kms, ssm, secretsmanager, logs and cloudtrail list only JSON and speak it, sts and iam only
query; codebuild lists smithy-rpc-v2-cbor first, then json, and a client takes the first that it knows.
"""

from collections.abc import Iterable
from typing import NamedTuple

from strongroom.base.errors import AwsError
from strongroom.model.service import OperationModel, ServiceModel
from strongroom.wire.canonical import query_pairs
from strongroom.wire.http import HttpRequest
from strongroom.wire.protocol import WireProtocol
from strongroom.wire.protocols import EC2, JSON_1_0, JSON_1_1, QUERY, REST_JSON, RPC_CBOR
from strongroom.wire.query import is_form, parameters_of
from strongroom.wire.refusals import quoted
from strongroom.wire.rest import query_of
from strongroom.wire.rest_route import NO_RULES, RestTable
from strongroom.wire.rpc_cbor import HEADER as RPC_HEADER
from strongroom.wire.rpc_cbor import NAME_IN_HEADER as RPC_CBOR_IN_HEADER
from strongroom.wire.rpc_cbor import PATH as RPC_PATH
from strongroom.wire.s3.address import Hosts
from strongroom.wire.s3.operations import S3Routes
from strongroom.wire.sigv4 import SigningRules

_JSON_CONTENT_TYPES: dict[bytes | None, WireProtocol] = {
    b"application/x-amz-json-1.0": JSON_1_0,
    b"application/x-amz-json-1.1": JSON_1_1,
    b"application/json": JSON_1_1,
}


class Route(NamedTuple):
    """Where a request goes, and what its signature must be like."""

    operation: OperationModel
    protocol: WireProtocol
    signing: SigningRules

    @property
    def service(self) -> ServiceModel:
        """The service that the operation belongs to."""
        return self.operation.service


class Router:
    """Routes requests to the operations of the services that are served."""

    def __init__(self, services: Iterable[ServiceModel], hosts: Iterable[str] = ()) -> None:
        """`hosts` are further names by which the server is known, below which S3's buckets have names."""
        self.s3: S3Routes | None = None
        self._by_signing_name: dict[str, ServiceModel] = {}
        self._by_version: dict[str, ServiceModel] = {}
        self._targets: dict[bytes, Route] = {}
        self._actions: dict[tuple[str, str, str], Route] = {}
        self._called: dict[tuple[bytes, bytes], Route] = {}
        self._tables: dict[str, RestTable] = {}
        named = {service.name: service for service in services}
        for service in named.values():
            self._add(service)
        if "s3" in named:
            self.s3 = S3Routes(Hosts(hosts), named["s3"], named.get("s3control"))

    def _add(self, service: ServiceModel) -> None:
        self._by_signing_name.setdefault(service.signing_name, service)
        if "json" in service.protocols:
            protocol = JSON_1_0 if service.json_version == "1.0" else JSON_1_1
            rules = SigningRules(service.signing_name, protocol.refusals)
            # Some SDKs leave out the package before the name (`com.amazonaws...CloudTrail_20131101`), as AWS lets them.
            prefixes = {service.target_prefix, service.target_prefix.rpartition(".")[2]}
            for name, operation in service.operations.items():
                for prefix in prefixes:
                    self._targets[f"{prefix}.{name}".encode()] = Route(operation, protocol, rules)
        if "rest-json" in service.protocols:
            self._tables[service.name] = RestTable(service)
        if "smithy-rpc-v2-cbor" in service.protocols:
            rules = SigningRules(service.signing_name, RPC_CBOR.refusals)
            for name, operation in service.operations.items():
                self._called[service.target_prefix.encode(), name.encode()] = Route(operation, RPC_CBOR, rules)
        for protocol in (QUERY, EC2):
            if protocol.name in service.protocols:
                self._by_version[service.api_version] = service
                rules = SigningRules(service.signing_name, protocol.refusals)
                for name, operation in service.operations.items():
                    self._actions[service.name, service.api_version, name] = Route(operation, protocol, rules)

    def protocol_of(self, request: HttpRequest) -> WireProtocol:
        """Return the protocol that a request's headers speak of: the one to refuse it in. Never raises."""
        content_type = _media_type(request)
        protocol = _JSON_CONTENT_TYPES.get(content_type)
        if RPC_HEADER in request.fields:
            return RPC_CBOR
        if b"x-amz-target" in request.fields or content_type == b"application/cbor":
            return protocol or JSON_1_1
        scoped = self.service_of_scope(request)
        if scoped is not None and scoped.name in self._tables:
            return REST_JSON
        if scoped is not None and EC2.name in scoped.protocols:
            return EC2
        return protocol or QUERY

    def is_for_s3(self, request: HttpRequest) -> bool:
        """Return whether S3 has to answer a request, or to refuse it. Its body is not looked at."""
        if self.s3 is None or b"x-amz-target" in request.fields:
            return False
        scoped = self.service_of_scope(request)
        if scoped is not None:
            return scoped.signing_name == self.s3.service.signing_name
        if request.raw_path.startswith(b"/service/") or RPC_HEADER in request.fields:
            return False
        return request.raw_path != b"/" or not (is_form(request) or b"Action=" in request.query_string)

    def route_by_path(self, request: HttpRequest) -> Route | None:
        """Return where a request goes whose path tells, None for one that other things tell about.

        Raises AwsError when its path is that of no operation.
        """
        fields = request.fields
        if b"x-amz-target" in fields or b"smithy-protocol" in fields or request.raw_path.startswith(b"/service/"):
            return None
        scoped = self.service_of_scope(request)
        table = None if scoped is None else self._tables.get(scoped.name)
        return None if table is None else self._route_path(request, table)

    def route(self, request: HttpRequest, body: bytes) -> Route:
        """Return where a request goes. Raises AwsError when it names no operation of a service that is served."""
        fields = request.fields
        target = fields.get(b"x-amz-target")
        if target is not None:
            route = self._targets.get(target)
            if (
                route is not None
                and request.method == "POST"
                and _JSON_CONTENT_TYPES.get(fields.get(b"content-type")) is route.protocol
            ):
                return route
            return self._route_target(request, target)
        if request.raw_path.startswith(b"/service/") or RPC_HEADER in request.fields:
            return self._route_call(request)
        scoped = self.service_of_scope(request)
        table = None if scoped is None else self._tables.get(scoped.name)
        if table is not None:
            return self._route_path(request, table)
        if request.method not in {"GET", "POST"}:
            raise _unknown_operation("", 404)
        return self._route_action(request, body, scoped)

    def _route_target(self, request: HttpRequest, target: bytes) -> Route:
        route = self._targets.get(target)
        if route is None:
            raise _unknown_operation(f"Strongroom serves no operation {quoted(target)}.", 400)
        if request.method != "POST":
            raise _unknown_operation("", 404)
        protocol = _JSON_CONTENT_TYPES.get(_media_type(request))
        if protocol is route.protocol:
            return route
        if protocol is None:
            raise _unknown_operation(
                "A request with X-Amz-Target has the content type application/x-amz-json-1.1.", 404
            )
        # A client may speak the other version of JSON than the service's own; it is answered in the one that it speaks.
        return Route(route.operation, protocol, route.signing)

    def _route_path(self, request: HttpRequest, table: RestTable) -> Route:
        found = table.place_of(request.raw_path)
        rules = NO_RULES if found is None else found[0].get(request.method, NO_RULES)
        try:
            rule = rules.best(query_of(query_pairs(request.query_string)), request.fields)
        except UnicodeDecodeError:
            rule = None
        if rule is None:
            raise _unknown_operation("", 404)
        return Route(rule.operation, REST_JSON, SigningRules(table.service.signing_name, REST_JSON.refusals))

    def _route_action(self, request: HttpRequest, body: bytes, scoped: ServiceModel | None) -> Route:
        given: dict[bytes, bytes] = {}
        for name, value in parameters_of(request, body):
            if name in {b"Action", b"Version"}:
                given.setdefault(name, value)
        action, version = given.get(b"Action"), given.get(b"Version")
        if action is None:
            if not request.query_string and not is_form(request):
                raise _unknown_operation("", 404)
            raise AwsError("MissingAction", "The request must contain the parameter Action.", 400)
        action_text = quoted(action)
        version_text = "NO_VERSION_SPECIFIED" if version is None else quoted(version)
        service = scoped or self._by_version.get(version_text)
        if service is not None:
            route = self._actions.get((service.name, version_text, action_text))
            if route is not None:
                return route
        raise AwsError("InvalidAction", f"Could not find operation {action_text} for version {version_text}", 400)

    def _route_call(self, request: HttpRequest) -> Route:
        if request.fields.get(RPC_HEADER) != RPC_CBOR_IN_HEADER:
            raise _unknown_operation("Of Smithy's protocols with a path, Strongroom serves rpc-v2-cbor.", 404)
        path = RPC_PATH.fullmatch(request.raw_path)
        route = None if path is None else self._called.get((path["service"], path["operation"]))
        if route is None:
            raise _unknown_operation(
                f"Strongroom serves no operation {quoted(request.raw_path)} in smithy-rpc-v2-cbor.", 404
            )
        if request.method != "POST":
            raise _unknown_operation("", 404)
        return route

    def service_of_scope(self, request: HttpRequest) -> ServiceModel | None:
        """Return the service that a request's signature claims to be scoped to, or None. Nothing is verified here."""
        header = request.fields.get(b"authorization")
        if header is not None:
            credential = header.partition(b"Credential=")[2].partition(b",")[0]
        elif b"X-Amz-Credential=" in request.query_string:
            # One parameter alone is looked at: a query string with too many of them is refused elsewhere.
            sent = request.query_string.partition(b"X-Amz-Credential=")[2].partition(b"&")[0]
            credential = query_pairs(sent)[0][0] if sent else b""
        else:
            return None
        parts = credential.split(b"/")
        return self._by_signing_name.get(quoted(parts[3])) if len(parts) == 5 else None


def _media_type(request: HttpRequest) -> bytes:
    return request.fields.get(b"content-type", b"").partition(b";")[0].strip().lower()


def _unknown_operation(text: str, status: int) -> AwsError:
    return AwsError("UnknownOperationException", text, status)
