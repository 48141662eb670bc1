"""Signed requests with something changed."""

from collections.abc import Callable

from tests.wire.wire_requests import ORIGIN

from strongroom.wire.http import HttpRequest

Tampering = Callable[[HttpRequest], HttpRequest]


def changed(request: HttpRequest, name: bytes, change: Callable[[bytes], bytes]) -> HttpRequest:
    headers = [(key, change(value) if key == name else value) for key, value in request.headers]
    assert headers != request.headers
    return HttpRequest(request.method, request.raw_path, request.query_string, headers, ORIGIN, request.body)


def without(request: HttpRequest, name: bytes) -> HttpRequest:
    headers = [(key, value) for key, value in request.headers if key != name]
    return HttpRequest(request.method, request.raw_path, request.query_string, headers, ORIGIN, request.body)


def with_header(request: HttpRequest, name: bytes, value: bytes) -> HttpRequest:
    headers = [*request.headers, (name, value)]
    return HttpRequest(request.method, request.raw_path, request.query_string, headers, ORIGIN, request.body)


def with_query(request: HttpRequest, query: bytes) -> HttpRequest:
    return HttpRequest(request.method, request.raw_path, query, request.headers, ORIGIN, request.body)


# Each makes a request that nobody has signed.
TAMPERINGS: list[Tampering] = [
    lambda r: changed(r, b"x-amz-target", lambda v: b"TrentService.ScheduleKeyDeletion"),
    lambda r: changed(r, b"host", lambda v: b"elsewhere"),
    lambda r: changed(r, b"content-type", lambda v: b"application/x-amz-json-1.0"),
    lambda r: changed(r, b"x-amz-date", lambda v: b"20261124T080001Z"),
    lambda r: with_header(r, b"x-amz-target", b"TrentService.ScheduleKeyDeletion"),
    lambda r: with_query(r, b"a=1"),
    lambda r: HttpRequest("PUT", r.raw_path, r.query_string, r.headers, ORIGIN, r.body),
    lambda r: HttpRequest(r.method, b"/elsewhere", r.query_string, r.headers, ORIGIN, r.body),
    lambda r: without(r, b"content-type"),
    lambda r: changed(r, b"authorization", lambda v: v[:-1] + (b"0" if v[-1:] != b"0" else b"1")),
    lambda r: changed(r, b"authorization", lambda v: v.replace(b"Signature=", b"Signature=0")),
    lambda r: changed(r, b"authorization", lambda v: v[:-64] + v[-64:].upper()),
    lambda r: changed(r, b"authorization", lambda v: v.replace(b"eu-central-1", b"us-east-1")),
    lambda r: changed(r, b"authorization", lambda v: v.replace(b"content-type;", b"")),
]
