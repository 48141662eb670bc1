"""Which of S3's operations a request asks for: by method, bucket, key, sub-resource and a few headers.

Source: Amazon S3 API Reference, the "Request Syntax" of each operation; answers of AWS.
"""

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from strongroom.model.service import ServiceModel
from strongroom.wire.canonical import query_pairs
from strongroom.wire.http import HttpRequest
from strongroom.wire.rest import Query, query_of
from strongroom.wire.rest_route import NO_RULES, RestRoute, RestTable
from strongroom.wire.s3 import refusals
from strongroom.wire.s3.address import Hosts

FORM_UPLOAD, PREFLIGHT = "PostObject", "OptionsObject"
"""Two operations that only browsers ask for."""

# Object Lambda and directory buckets have end points of their own.
_ELSEWHERE = ("WriteGetObjectResponse", "ListDirectoryBuckets", FORM_UPLOAD, PREFLIGHT)

_CONTROL_PATH = b"/v20180820/"

_FORM = b"multipart/form-data"


class S3Routes:
    """Finds the operations of S3, and of S3 Control if that is served too."""

    def __init__(self, hosts: Hosts, service: ServiceModel, control: ServiceModel | None) -> None:
        self._hosts = hosts
        self._table = RestTable(service, _ELSEWHERE)
        self._control = None if control is None else RestTable(control)
        self.service = service

    def route(self, request: HttpRequest) -> RestRoute:
        """Return where a request goes. Raises AwsError (`MethodNotAllowed`, `InvalidURI`) when that is nowhere."""
        query = _query(request)
        if self._control is not None and request.raw_path.startswith(_CONTROL_PATH):
            route = self._route_control(self._control, request, query)
            if route is not None:
                return route
        raw_path = self._path_of(request)
        if request.method == "OPTIONS":
            _check_preflight(request)
            return self._route_object(request, raw_path, query, PREFLIGHT)
        found = self._table.place_of(raw_path)
        if found is None:
            raise refusals.method_not_allowed(request.method, "SERVICE")
        rules, labels = found
        resource_type = "OBJECT" if "Key" in labels else "BUCKET" if labels else "SERVICE"
        if request.method == "POST" and resource_type == "BUCKET" and _is_form_upload(request):
            return self._route_object(request, raw_path, query, FORM_UPLOAD)
        rule = rules.get(request.method, NO_RULES).best(query, request.fields)
        if rule is None:
            if request.method == "POST" and resource_type == "BUCKET":
                raise refusals.not_a_form()
            raise refusals.method_not_allowed(request.method, resource_type)
        self._check_sub_resources(query, rule.literals, rule.known, request.method)
        return RestRoute(rule.operation, _text(labels), query)

    def _path_of(self, request: HttpRequest) -> bytes:
        """Return the path of a request with the bucket in it, wherever the client put it."""
        raw_path = request.raw_path or b"/"
        bucket = self._hosts.bucket_of(request.origin.host)
        if bucket:
            return b"/%b%b" % (bucket.encode(), b"" if raw_path == b"/" else raw_path)
        # The slash after a bucket that no key follows means nothing.
        return raw_path[:-1] if raw_path.count(b"/") == 2 and raw_path.endswith(b"/") else raw_path

    def _check_sub_resources(self, query: Query, literals: Iterable[str], known: frozenset[str], method: str) -> None:
        """Refuse a sub-resource that exists, but not here: what was asked is not what would be done."""
        for name in query:
            if name in self._table.literals and name not in literals and name not in known:
                raise refusals.method_not_allowed(method, name.upper())

    def _route_control(self, table: RestTable, request: HttpRequest, query: Query) -> RestRoute | None:
        if b"x-amz-account-id" not in request.fields:
            return None
        found = table.place_of(request.raw_path)
        rule = None if found is None else found[0].get(request.method, NO_RULES).best(query, request.fields)
        if found is None or rule is None:
            raise refusals.method_not_allowed(request.method, "ACCOUNT")
        return RestRoute(rule.operation, _text(found[1]), query)

    def _route_object(self, request: HttpRequest, raw_path: bytes, query: Query, operation: str) -> RestRoute:
        bucket, _, key = raw_path[1:].partition(b"/")
        labels = {"Bucket": unquote_to_bytes(bucket)} if bucket else {}
        if key:
            labels["Key"] = unquote_to_bytes(key)
        return RestRoute(self.service.operations[operation], _text(labels), query)


def _check_preflight(request: HttpRequest) -> None:
    if not request.fields.get(b"origin"):
        raise refusals.bad_request("Insufficient information. Origin request header needed.")
    if not request.fields.get(b"access-control-request-method"):
        raise refusals.bad_request("Invalid Access-Control-Request-Method: null")


def refuse_response_headers(query: Query) -> None:
    """Raise AwsError (`InvalidRequest`, 400) for headers of the answer that somebody who did not sign asks for."""
    if any(name.startswith("response-") for name in query):
        raise refusals.invalid_request("Request specific response headers cannot be used for anonymous GET requests.")


def _is_form_upload(request: HttpRequest) -> bool:
    """Return whether the request is a browser's upload by a form."""
    return request.fields.get(b"content-type", b"").partition(b";")[0].strip().lower() == _FORM


def _query(request: HttpRequest) -> Query:
    if not request.query_string:
        return {}
    try:
        return query_of(query_pairs(request.query_string))
    except UnicodeDecodeError:
        raise refusals.invalid_uri() from None


def _text(labels: dict[str, bytes]) -> dict[str, str]:
    try:
        return {name: value.decode() for name, value in labels.items()}
    except UnicodeDecodeError:
        raise refusals.invalid_uri() from None
