"""What S3 has and Strongroom does not serve says so: every operation of the models that has no handler."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from tests.running_server import RunningServer

from strongroom.model.service import service_model
from strongroom.model.shapes import Reference, Shape
from strongroom.operations.registry import OPERATIONS
from strongroom.server.house import SERVED

ELSEWHERE = {
    "WriteGetObjectResponse",
    "ListDirectoryBuckets",
    "CreateSession",
    "DeleteAccessPointScope",
    "GetAccessPointScope",
    "ListAccessPointsForDirectoryBuckets",
    "PutAccessPointScope",
}
"""Operations of Object Lambda and directory buckets: clients sign them for services that have other end points."""

WORDS = {"Bucket": "rooms", "Key": "a", "AccountId": "000000000000", "RenameSource": "/rooms/a"}


def unserved(service: str) -> list[str]:
    """Return the operations of a service that have no handler."""
    assert SERVED
    operations = service_model(service).operations.values()
    names = [each.name for each in operations if not each.is_deprecated and (service, each.name) not in OPERATIONS]
    return sorted(set(names) - ELSEWHERE)


def params_of(shape: Shape | None) -> dict[str, Any]:
    """Return the least that a request must say."""
    if shape is None:
        return {}
    return {name: WORDS.get(name) or value_of(shape.members[name]) for name in shape.required}


def value_of(reference: Reference) -> Any:
    shape = reference.target
    if shape.enum:
        return next(iter(shape.enum))
    if shape.type == "structure":
        return params_of(shape)
    if shape.type == "list":
        return [value_of(shape.element)]
    if shape.type == "map":
        return {}
    simple = {"boolean": True, "integer": 1, "long": 1, "timestamp": datetime(2026, 1, 1, tzinfo=UTC), "blob": b"x"}
    return simple.get(shape.type, "12345678901234567890")


@pytest.fixture(scope="module")
def s3(server: RunningServer) -> Any:
    client = server.client("s3")
    client.create_bucket(Bucket="rooms")
    return client


@pytest.mark.parametrize("name", unserved("s3"))
def test_an_operation_of_s3(s3: Any, name: str) -> None:
    refused(s3, "s3", name)


def test_every_operation_of_s3_control(server: RunningServer) -> None:
    client = server.client("s3control")
    # Clients put the account before the host, where no name of a test's server can be found.
    client.meta.events.register("before-sign.s3-control", lambda request, **_: to_host(request, server.https))
    # CreateBucket is one of Outposts, which names no account: its path is that of an object to everybody else.
    for name in set(unserved("s3control")) - {"CreateBucket"}:
        refused(client, "s3control", name)


def to_host(request: Any, endpoint: str) -> None:
    request.url = endpoint + "/v20180820/" + request.url.partition("/v20180820/")[2]


def refused(client: Any, service: str, name: str) -> None:
    operation = service_model(service).operations[name]
    if not hasattr(client, xform_name(name)):
        pytest.skip("no SDK has it")
    with pytest.raises(ClientError) as caught:
        getattr(client, xform_name(name))(**params_of(operation.input))
    error, status = caught.value.response["Error"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert (error["Code"], status) == ("NotImplemented", 501), name
    assert error["Message"] == f"Strongroom does not serve {service}:{name} yet."
