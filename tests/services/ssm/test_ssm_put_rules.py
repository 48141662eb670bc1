"""What PutParameter takes and what it refuses: names, types, tiers, data types, patterns, tags."""

import time
from typing import Any

import pytest
from tests.opened_house import OpenedHouse
from tests.services.refusals import refused
from tests.services.ssm.asking import InSqliteHouse, ask, put, shown, value

from strongroom.operations.quotas.values import QUOTAS_CACHE_NAME, set_value
from strongroom.services.ssm.names import new_name
from strongroom.services.ssm.quotas import STANDARD_PARAMETERS_QUOTA

LONG_RULES = (
    'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of '
    "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 "
    "symbols .-_"
)
PREFIX = 'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).'
FIFTEEN = "/" + "/".join(f"L{number}" for number in range(1, 16))


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("with space", "ValidationException", LONG_RULES),
        ("a//b", "ValidationException", LONG_RULES),
        ("/a//b", "ValidationException", LONG_RULES),
        ("/a/", "ValidationException", LONG_RULES),
        ("/", "ValidationException", LONG_RULES),
        ("   ", "ValidationException", LONG_RULES),
        ("é", "ValidationException", LONG_RULES),
        ("a\x00", "ValidationException", LONG_RULES),
        ("a:1", "ValidationException", LONG_RULES),
        ("arn:aws:ssm:us-east-1:111122223333:parameter/a", "ValidationException", LONG_RULES),
        ("a/b", "ValidationException", "Parameter name must be a fully qualified name."),
        ("SSMthing", "ValidationException", PREFIX),
        ("awsome", "ValidationException", PREFIX),
        ("/ssm/x", "ValidationException", LONG_RULES),
        ("/AWSsec/x", "AccessDeniedException", "No access to reserved parameter name: AWSsec/x."),
        ("/aws/service/x", "AccessDeniedException", "No access to reserved parameter name: aws/service/x."),
        (
            FIFTEEN + "/name",
            "HierarchyLevelLimitExceededException",
            "A hierarchy can have a maximum of 15 levels. For more information, see Requirements and constraints for "
            "parameter names in the AWS Systems Manager User Guide.",
        ),
        ("x" * 967, "ValidationException", None),
    ],
)
def test_names_that_cannot_be(name: str, code: str, message: str | None) -> None:
    with refused(code, message):
        new_name(name, "111122223333", "us-east-1")


def test_names_that_can_be(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        for name in ("x", "/x", FIFTEEN, "x" * 966, "._-", "/my/aws/x", "9"):
            await put(house, name, name[:20])
            assert await value(house, name) == name[:20]
        # The public parameters of AWS are not here.
        for name in ("/aws/service/ami-amazon-linux-latest/x", "aws-x", "/ssm/x"):
            with refused("ParameterNotFound", ""):
                await shown(house, name)
        # Spaces around a name are no part of it.
        await put(house, "  spaced ")
        assert (await shown(house, " spaced"))["Name"] == "spaced"

    in_sqlite_house(body)


WRONG: list[tuple[str, str | None, dict[str, Any]]] = [
    ("ValidationException", "A parameter type is required when you create a parameter.", {"Type": None}),
    ("ValidationException", None, {"Type": "Number"}),
    ("ValidationException", None, {"Value": ""}),
    ("ValidationException", "The parameter value has characters that are not Unicode text.", {"Value": "\ud800"}),
    (
        "ValidationException",
        'Parameter value can\'t nest another parameter. Do not use "{{}}" in the value.',
        {"Value": "x {{ssm:other}} y"},
    ),
    (
        "ValidationException",
        "KeyId is required for SecureString type parameter only.",
        {"KeyId": "alias/aws/ssm"},
    ),
    (
        "ValidationException",
        "The following data type is not supported: Text (Data type names are all lowercase.)",
        {"DataType": "Text"},
    ),
    (
        "ValidationException",
        "The data type aws:ec2:image needs Amazon EC2, which Strongroom does not serve.",
        {"DataType": "aws:ec2:image", "Value": "ami-12345678"},
    ),
    ("ValidationException", None, {"Type": "StringList", "DataType": "integer", "Value": "1"}),
    (
        "ParameterPatternMismatchException",
        "Parameter value, cannot be validated against allowedPattern: ^\\d+$",
        {"AllowedPattern": "^\\d+$"},
    ),
    ("InvalidAllowedPatternException", None, {"AllowedPattern": "("}),
    ("InvalidAllowedPatternException", None, {"AllowedPattern": "[a&&b]"}),
    ("InvalidAllowedPatternException", None, {"AllowedPattern": "(x+x+)+y", "Value": "x" * 60}),
    ("ValidationException", None, {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}),
    ("ValidationException", None, {"Tags": [{"Key": "aws:a", "Value": "1"}]}),
    ("TooManyTagsError", None, {"Tags": [{"Key": f"{number}", "Value": ""} for number in range(51)]}),
]


def test_what_cannot_be_put(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        for code, message, params in WRONG:
            asked = {"Name": "p", "Value": "value", "Type": "String"} | params
            with refused(code, message):
                await ask(house, "PutParameter", **{name: given for name, given in asked.items() if given is not None})
            with refused("ParameterNotFound"):
                await shown(house, "p")

    in_sqlite_house(body)


def test_what_an_overwrite_may_not_do(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        await put(house, "p", "1", AllowedPattern="[0-9]+", Description="a number")
        with refused("HierarchyTypeMismatchException"):
            await put(house, "p", "2", Overwrite=True, Type="SecureString")
        tags = [{"Key": "a", "Value": "b"}]
        with refused("ValidationException", None):
            await put(house, "p", "2", Overwrite=True, Tags=tags)
        # The pattern stays in force, until another one is given.
        with refused("ParameterPatternMismatchException"):
            await put(house, "p", "two", Overwrite=True)
        assert await put(house, "p", "two", Overwrite=True, AllowedPattern="[a-z]+", Type="String") == 2
        assert await put(house, "p", "2", Overwrite=True, AllowedPattern="") == 3
        strong = "(?=.*[0-9])(?=.*[A-Z])(?!.*(.)\\1)[A-Za-z0-9]{6,}"
        assert await put(house, "p", "Secur3Enough", Overwrite=True, AllowedPattern=strong) == 4
        for weak in ("secur3enough", "Secure", "Seccur3"):
            with refused("ParameterPatternMismatchException"):
                await put(house, "p", weak, Overwrite=True)
        # An overwrite of what is not there makes it, if it says of which type.
        with refused("ValidationException", "A parameter type is required when you create a parameter."):
            await put(house, "q", Overwrite=True)
        assert await put(house, "q", Overwrite=True, Type="String") == 1

    in_sqlite_house(body)


def test_tiers(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        async def tier_of(name: str, size: int, **params: Any) -> str:
            made = await ask(house, "PutParameter", Name=name, Value="x" * size, **({"Type": "String"} | params))
            tier: str = made["Tier"]
            return tier

        assert await tier_of("four", 4_096) == "Standard"
        with refused("ValidationException"):
            await tier_of("more", 4_097)
        # The limit is one of bytes.
        with refused("ValidationException"):
            await put(house, "more", "é" * 2_049)
        assert await tier_of("eight", 8_192, Tier="Advanced") == "Advanced"
        for tier in ("Advanced", "Intelligent-Tiering"):
            with refused(
                "ValidationException", "Advanced tier parameters support a maximum parameter value of 8192 characters."
            ):
                await tier_of("nine", 8_193, Tier=tier)
        assert await tier_of("clever", 100, Tier="Intelligent-Tiering") == "Standard"
        assert await tier_of("clever", 5_000, Tier="Intelligent-Tiering", Overwrite=True) == "Advanced"
        # Once advanced, always advanced.
        for more in ({}, {"Tier": "Intelligent-Tiering"}, {"Tier": "Advanced"}):
            assert await tier_of("clever", 1, Overwrite=True, **more) == "Advanced"
        with refused("ValidationException"):
            await tier_of("clever", 1, Overwrite=True, Tier="Standard")
        assert await tier_of("four", 10, Overwrite=True, Tier="Advanced") == "Advanced"
        history = (await ask(house, "GetParameterHistory", Name="clever"))["Parameters"]
        assert [each["Tier"] for each in history] == ["Standard", *["Advanced"] * 4]

    in_sqlite_house(body)


def test_so_many_parameters_and_no_more(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        await house.house.store.write(
            lambda connection: set_value(connection, STANDARD_PARAMETERS_QUOTA, 2, house.clock.now()),
            invalidates=(QUOTAS_CACHE_NAME,),
        )
        await put(house, "one")
        await put(house, "two")
        with refused(
            "ParameterLimitExceeded",
            "You have reached the maximum number of standard parameters for this AWS account and Region (2). To add "
            "more parameters, either delete existing parameters or upgrade to the advanced-parameter tier (charges "
            "apply).",
        ):
            await put(house, "three")
        await put(house, "one", "again", Overwrite=True)
        await put(house, "three", region="eu-west-1")
        made = await ask(house, "PutParameter", Name="four", Value="x", Type="String", Tier="Intelligent-Tiering")
        assert made["Tier"] == "Advanced"
        await ask(house, "DeleteParameter", Name="one")
        await put(house, "three")

    in_sqlite_house(body)


DATA_TYPES: list[tuple[str, list[str], list[str]]] = [
    ("text", ["anything"], []),
    ("aws:ssm:integration", ["anything"], []),
    ("aws:region", ["eu-west-1"], ["eu-west", "x"]),
    ("aws:account:id", ["111122223333"], ["1", "11112222333x"]),
    ("boolean", ["true", "false"], ["True", "yes", "1"]),
    ("integer", ["0", "-12", "443"], ["1.5", "x", "1e3"]),
    ("float", ["1", "-1.5", "2e10"], ["x", "nan", "inf", "1e9999"]),
    ("binary", ["0101"], ["012"]),
    ("hostname", ["db-1.example.com", "localhost"], ["-x", "a b", "a..b"]),
    ("email", ["a.b@example.com"], ["a@", "@b", "a b@c"]),
    ("ipv4-address", ["10.0.0.1"], ["10.0.0", "::1"]),
    ("ipv6-address", ["::1", "2001:db8::1"], ["10.0.0.1", "x"]),
    ("url", ["https://example.com/x?y"], ["example.com", "https://"]),
    ("json", ['{"a": [1]}'], ["{", '{"a": 1} // no']),
    (
        "jsonc",
        ['"a \\" // \\\\" /* all */', "[1, /* // */ 2] //", '{"a": "//x"} // yes', "/* c */ 1"],
        ["{", "// only"],
    ),
]


def test_data_types(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        for data_type, right, wrong in DATA_TYPES:
            for text in right:
                await put(house, "p", text, DataType=data_type, Tier="Advanced", Type="String", Overwrite=True)
                assert (await shown(house, "p"))["DataType"] == data_type
            for text in wrong:
                with refused("ValidationException", f"The parameter value is not valid for the data type {data_type}."):
                    await put(house, "q", text, DataType=data_type, Tier="Advanced")

    in_sqlite_house(body)


def test_data_types_of_advanced_parameters(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        for data_type, text in (("url", "https://example.com"), ("json", "{}"), ("jsonc", "1 // one")):
            with refused("ValidationException"):
                await put(house, data_type, text, DataType=data_type)
            clever = {"DataType": data_type, "Tier": "Intelligent-Tiering", "Type": "String"}
            assert (await ask(house, "PutParameter", Name=data_type, Value=text, **clever))["Tier"] == "Advanced"

    in_sqlite_house(body)


def test_no_value_takes_long_to_judge(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        costly = {
            "jsonc": ['"\\' * 4_000, "/*" * 4_000, "//" * 4_000, '"' * 8_000],
            "url": ["a://" + "x" * 8_000 + " ", "a" * 8_000],
            "email": ["a." * 4_000 + "@", "a" * 8_000],
            "hostname": ["a-" * 4_000, "a." * 4_000],
            "float": ["1" * 8_000 + "x", "." * 8_000],
            "json": ["[" * 8_000],
        }
        began = time.process_time()
        for data_type, values in costly.items():
            for text in values:
                with refused("ValidationException"):
                    await put(house, "p", text, DataType=data_type, Tier="Advanced")
        with refused("ValidationException"):
            await put(house, "p", "{{" * 400_000)
        assert time.process_time() - began < 1.5

    in_sqlite_house(body)
