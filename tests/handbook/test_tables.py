"""The tables of the handbook say what the code says, and every table that there can be is on a page."""

import re
from dataclasses import fields
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from handbook.command_reference import command_reference
from handbook.hooks import MARK, with_tables
from handbook.metric_table import metric_table
from handbook.service_table import refusal, served, service_names, service_table, unserved
from handbook.setting_tables import KINDS, meanings, setting_table
from tests.handbook.documents import ROOT
from tests.running_server import RunningServer

from strongroom.cli.application import application
from strongroom.model.service import service_model
from strongroom.operations.registry import OPERATIONS

NEED_NOTHING = {
    "cloudtrail": "ListImports",
    "codebuild": "ListSharedProjects",
    "ec2": "DescribeInstances",
    "iam": "ListOrganizationsFeatures",
    "lambda": "ListEventSourceMappings",
    "logs": "ListAnomalies",
    "rds": "DescribeDBClusters",
    "s3": "ListDirectoryBuckets",
    "service-quotas": "GetAutoManagementConfiguration",
    "ssm": "DescribeInstanceInformation",
}
"""An operation of each service that is not served, and can be called without a parameter."""


def marks() -> list[tuple[str, str]]:
    found = [MARK.finditer(path.read_text()) for path in ROOT.glob("docs/**/*.md")]
    return [(mark["kind"], mark["of"] or "") for each in found for mark in each]


def test_every_service_and_every_setting_has_a_page() -> None:
    expected = [("operations", name) for name in service_names()] + [("settings", name) for name in KINDS]
    expected += [("services", ""), ("commands", ""), ("metrics", "")]
    assert sorted(marks()) == sorted(expected)
    for name in service_names():
        assert f"<!-- table: operations {name} -->" in (ROOT / "docs" / "services" / f"{name}.md").read_text()


@pytest.mark.parametrize("service", service_names())
def test_a_page_of_a_service_names_every_operation_once(service: str) -> None:
    table = service_table(service)
    rows = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    refused = re.findall(r"`(\w+)`", table.splitlines()[-1]) if unserved(service) else []
    assert rows == sorted(name for name in service_model(service).operations if (service, name) in OPERATIONS)
    assert refused == [operation.name for operation in unserved(service)]
    assert f"**{len(rows)} of the {len(rows) + len(refused)} operations**" in table


def test_nearly_every_operation_says_what_it_does() -> None:
    everything = [operation for service in service_names() for operation in served(service)]
    silent = [f"{each.service.name}:{each.name}" for each in everything if not each.handler.__doc__]
    assert silent == []


def test_operations_are_refused_as_their_page_says(server: RunningServer) -> None:
    assert set(NEED_NOTHING) | {"kms", "s3control", "secretsmanager", "sts"} == set(service_names())
    for service, name in NEED_NOTHING.items():
        assert name in [operation.name for operation in unserved(service)], f"{service}:{name} is served: take another"
        client: Any = server.client(service)
        if service == "s3":
            continue  # tests/server/test_s3_unserved.py tries each.
        with pytest.raises(ClientError) as caught:
            getattr(client, xform_name(name))()
        error, status = caught.value.response["Error"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
        assert (error["Code"], status) == refusal(service), f"{service}:{name}"
        assert error["Message"] == f"Strongroom does not serve {service}:{name} yet."


@pytest.mark.parametrize("command", KINDS)
def test_every_setting_is_told(command: str) -> None:
    kind = KINDS[command]
    rows = re.findall(
        r"^\| `--([a-z0-9-]+)` \| `(STRONGROOM_[A-Z0-9_]+)` \|.*\| (.+) \|$", setting_table(command), re.M
    )
    names = [field.name for field in fields(kind)]
    assert [(option.replace("-", "_"), variable) for option, variable, _ in rows] == [
        (name, f"STRONGROOM_{name.upper()}") for name in names
    ]
    assert set(meanings(kind)) == set(names)


def test_every_command_and_metric_is_told() -> None:
    reference = command_reference()
    for name in application:
        if not name.startswith("-"):
            assert f"## strongroom {name}\n" in reference
    assert metric_table().count("| `strongroom_") == 7


def test_a_table_that_there_is_not_is_an_error() -> None:
    assert with_tables("<!-- table: metrics -->").startswith("| metric |")
    with pytest.raises(KeyError):
        with_tables("<!-- table: nonsense -->")
    with pytest.raises(KeyError):
        with_tables("<!-- table: settings nonsense -->")
