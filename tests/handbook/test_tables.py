"""The tables of the handbook say what the code says, and every table that there can be is on a page."""

import re
from dataclasses import fields

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


def needs_nothing(service: str) -> str | None:
    """Return an operation of a service that is not served and can be called without a parameter, if there is one."""
    found = [each for each in unserved(service) if each.input is None or not each.input.required]
    return next((each.name for each in found if not each.is_deprecated and not each.is_unsigned), None)


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
    tried = 0
    for service in service_names():
        client, name = server.client(service), needs_nothing(service)
        # Those of S3 are all tried, one by one, by tests/server/test_s3_unserved.py.
        if name is None or service in ("s3", "s3control"):
            continue
        with pytest.raises(ClientError) as caught:
            getattr(client, xform_name(name))()
        error, status = caught.value.response["Error"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
        assert (error["Code"], status) == refusal(service), f"{service}:{name}"
        assert error["Message"] == f"Strongroom does not serve {service}:{name} yet."
        tried += 1
    assert tried >= 8


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
