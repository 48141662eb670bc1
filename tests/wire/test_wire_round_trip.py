"""What botocore sends, the wire reads; what the wire answers, botocore reads: the same values, for every operation."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from tests.wire.model_values import Values, botocore_operation
from tests.wire.wire_requests import ORIGIN, as_bytes

from strongroom.base.errors import AwsError
from strongroom.model.service import OperationModel, service_model
from strongroom.wire.http import HttpRequest, HttpResponse
from strongroom.wire.protocol import WireProtocol
from strongroom.wire.protocols import EC2, JSON_1_0, JSON_1_1, QUERY, RPC_CBOR
from strongroom.wire.route import Router

SERVED = ("kms", "sts")
TO_COME = ("iam", "ssm", "secretsmanager", "logs", "codebuild", "cloudtrail", "service-quotas")
REQUEST_ID = "0192e4c2-0000-7000-8000-000000000000"


def protocol_of(service: str) -> WireProtocol:
    model = service_model(service)
    if "smithy-rpc-v2-cbor" in model.protocols:
        return RPC_CBOR
    if "ec2" in model.protocols:
        return EC2
    if "query" in model.protocols:
        return QUERY
    return JSON_1_0 if model.json_version == "1.0" else JSON_1_1


def botocore_protocol(service: str) -> str:
    protocol = protocol_of(service)
    return "json" if protocol in (JSON_1_0, JSON_1_1) else protocol.name


def operations(*services: str) -> list[OperationModel]:
    return [operation for name in services for operation in service_model(name).operations.values()]


def name_of(operation: OperationModel) -> str:
    return f"{operation.service.name}-{operation.name}"


def speaks_query(operation: OperationModel) -> bool:
    return protocol_of(operation.service.name) in (QUERY, EC2)


def sent_by_botocore(operation: OperationModel, params: dict[str, Any]) -> tuple[HttpRequest, bytes]:
    service = operation.service.name
    serializer = create_serializer(botocore_protocol(service), include_validation=False)
    sent = serializer.serialize_to_request(params, botocore_operation(service, operation.name))
    body = sent["body"]
    if isinstance(body, dict):
        from botocore.awsrequest import AWSRequest

        prepared = AWSRequest(method="POST", url="http://localhost/", data=body, headers=sent["headers"]).prepare()
        body = prepared.body
    headers = [(name.lower().encode(), as_bytes(value)) for name, value in sent["headers"].items()]
    raw = as_bytes(body or b"")
    return HttpRequest(sent["method"], sent["url_path"].encode(), b"", headers, ORIGIN, raw), raw


def read_by_botocore(operation: OperationModel, response: HttpResponse) -> dict[str, Any]:
    service = operation.service.name
    parser = create_parser(botocore_protocol(service))
    shape = botocore_operation(service, operation.name).output_shape
    raw = {
        "status_code": response.status,
        "headers": {name.decode(): value.decode() for name, value in response.headers},
        "body": response.body,
    }
    parsed: dict[str, Any] = parser.parse(raw, shape)
    metadata = parsed.pop("ResponseMetadata")
    assert metadata["RequestId"] == REQUEST_ID
    assert metadata["HTTPStatusCode"] == response.status
    return parsed


def check_request(operation: OperationModel, params: dict[str, Any]) -> None:
    request, body = sent_by_botocore(operation, params)
    assert protocol_of(operation.service.name).parse(operation, request, body) == params


def check_answer(operation: OperationModel, answer: dict[str, Any]) -> None:
    response = protocol_of(operation.service.name).answer(operation, answer, REQUEST_ID)
    assert response.status == 200
    assert read_by_botocore(operation, response) == answer


@pytest.mark.parametrize("operation", operations(*SERVED), ids=name_of)
def test_requests(operation: OperationModel) -> None:
    if operation.input is None:
        check_request(operation, {})
        return
    for seed in range(12):
        values = Values((name_of(operation), seed), fullness=seed / 11, none_empty=speaks_query(operation))
        check_request(operation, values.of(operation.input))


@pytest.mark.parametrize("operation", operations(*SERVED), ids=name_of)
def test_answers(operation: OperationModel) -> None:
    if operation.output is None:
        response = protocol_of(operation.service.name).answer(operation, {}, REQUEST_ID)
        assert read_by_botocore(operation, response) == {}
        return
    for seed in range(12):
        check_answer(operation, Values((name_of(operation), seed), fullness=seed / 11).of(operation.output))


def test_times_of_key_material() -> None:
    """Whole seconds and parts of them, in the answers and in the request that have one."""
    model = service_model("kms").operations
    for moment in (datetime(2026, 11, 24, 8, tzinfo=UTC), datetime(2038, 1, 19, 3, 14, 8, 123_000, UTC)):
        imported = {"KeyId": "k", "ImportToken": b"t", "EncryptedKeyMaterial": b"m", "ValidTo": moment}
        check_request(model["ImportKeyMaterial"], imported)
        check_answer(model["GetParametersForImport"], {"KeyId": "k", "ParametersValidTo": moment})
        check_answer(model["DescribeKey"], {"KeyMetadata": {"KeyId": "k", "ValidTo": moment, "DeletionDate": moment}})
        check_answer(model["ListKeyRotations"], {"Rotations": [{"RotationDate": moment, "ValidTo": moment}]})
        check_answer(model["ReplicateKey"], {"ReplicaKeyMetadata": {"KeyId": "k", "CreationDate": moment}})


EC2_OPERATIONS = ("Vpc", "Subnet", "SecurityGroup", "RouteTable", "NatGateway", "NetworkInterface", "Tags")


def test_the_networks_of_ec2() -> None:
    chosen = [each for each in operations("ec2") if any(noun in each.name for noun in EC2_OPERATIONS)]
    assert len(chosen) > 100
    for operation in chosen:
        if operation.input is not None:
            params = Values(name_of(operation), none_empty=True).of(operation.input)
            check_request(operation, without_empty_lists(params))
        if operation.output is not None:
            check_answer(operation, Values(name_of(operation)).of(operation.output))


def without_empty_lists(value: Any) -> Any:
    """Leave out what the EC2 query protocol has no way to say."""
    if isinstance(value, dict):
        kept = {name: without_empty_lists(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in ([], {})}
    if isinstance(value, list):
        return [kept for item in value if (kept := without_empty_lists(item)) not in ([], {})]
    return value


def test_codebuild_finds_its_operations_by_their_path() -> None:
    router = Router([service_model("codebuild")])
    for operation in operations("codebuild"):
        request, body = sent_by_botocore(operation, {})
        route = router.route(request, body)
        assert (route.operation, route.protocol) == (operation, RPC_CBOR)


@pytest.mark.parametrize("service", TO_COME)
def test_services_to_come(service: str) -> None:
    for operation in operations(service):
        if operation.input is not None:
            values = Values(name_of(operation), none_empty=speaks_query(operation))
            check_request(operation, values.of(operation.input))
        if operation.output is not None and not any(m.target.eventstream for m in operation.output.members.values()):
            check_answer(operation, Values(name_of(operation)).of(operation.output))


@pytest.mark.parametrize("service", SERVED)
def test_errors(service: str) -> None:
    model = service_model(service)
    operation = next(iter(model.operations.values()))
    for shape in {id(shape): shape for shape in model.errors.values()}.values():
        error = AwsError(shape.name, "What <went> wrong & \u00e9")
        parsed = read_by_botocore(operation, protocol_of(service).error(error, model, REQUEST_ID))
        expected = shape.error.code if service == "sts" and shape.error is not None else shape.name
        assert parsed["Error"]["Code"] == expected
        assert parsed["Error"]["Message"] == "What <went> wrong & \u00e9"
