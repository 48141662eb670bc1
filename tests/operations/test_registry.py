"""Operations as data: what is registered, and what cannot be."""

import asyncio
from pathlib import Path

import pytest
from tests.opened_house import opened_house
from tests.services.refusals import refused

from strongroom.model.service import service_model
from strongroom.operations.call import Call
from strongroom.operations.periodic import PERIODIC, periodic
from strongroom.operations.registry import (
    INNER_OPERATIONS,
    OPERATIONS,
    Answer,
    find_operation,
    inner_operation,
    no_permission,
    operation,
    serve,
)
from strongroom.services.kms.service import KMS
from strongroom.services.sts.service import STS


def test_every_operation_is_one_of_its_model() -> None:
    assert {name for name, _ in OPERATIONS} == {
        "kms",
        "iam",
        "sts",
        "service-quotas",
        "s3",
        "s3control",
        "ssm",
        "secretsmanager",
        "logs",
        "cloudtrail",
        "lambda",
        "codebuild",
        "ec2",
        "rds",
    }
    for (service, name), served in OPERATIONS.items():
        assert (served.service.name, served.name) == (service, name)
        assert served.model.name == name


def test_no_client_can_ask_for_an_inner_operation() -> None:
    assert {service for service, _ in INNER_OPERATIONS} == {"codebuild"}
    for (service, name), served in INNER_OPERATIONS.items():
        assert name not in service_model(service).operations
        assert find_operation(service, name) is served
        assert served.needs is not no_permission
        assert served.model.redacted({"anything": "secret"}) == {}
        with pytest.raises(ValueError, match="twice"):
            inner_operation(served.service, name, needs=served.needs)(served.handler)


def test_only_who_asks_who_it_is_needs_no_permission() -> None:
    free = {key for key, served in OPERATIONS.items() if served.needs is no_permission}
    assert free == {("sts", "GetCallerIdentity")}


def test_every_kms_operation_has_a_quota() -> None:
    assert [key for key, served in OPERATIONS.items() if served.service is KMS and not served.quota] == []


def test_nothing_is_registered_twice() -> None:
    async def handler(call: Call) -> Answer:
        return {}

    with pytest.raises(ValueError, match="twice"):
        operation(STS, "GetCallerIdentity", needs=no_permission)(handler)
    with pytest.raises(ValueError, match="twice"):
        serve(KMS)
    name, work = next(iter(PERIODIC.items()))
    with pytest.raises(ValueError, match="twice"):
        periodic(name)(work)


def test_what_is_not_served_is_refused(tmp_path: Path) -> None:
    assert find_operation("iam", "CreateSAMLProvider") is None

    async def main() -> None:
        async with opened_house(tmp_path) as house:
            with refused("UnsupportedOperationException"):
                await house.call("iam", "CreateSAMLProvider", Name="x", SAMLMetadataDocument="x" * 1000)

    asyncio.run(main())
