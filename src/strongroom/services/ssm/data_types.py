"""Data types of parameters: what a value has to look like. No refusal repeats the value.

Source: AWS Systems Manager API Reference, PutParameter (`DataType`); User Guide, "Working with parameter data types in
Parameter Store".
"""

import ipaddress
import json
import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress

from strongroom.model.regions import region_names
from strongroom.services.ssm import errors
from strongroom.services.ssm.parameters import STRING_LIST

TEXT = "text"
IMAGE = "aws:ec2:image"
_OF_ADVANCED = frozenset({"url", "json", "jsonc"})

_INTEGER = re.compile(r"[+-]?[0-9]{1,400}")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_BINARY = re.compile(r"[01]+")
_HOST_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_EMAIL_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#]\S*")


def _is_host_name(value: str) -> bool:
    name = value.removesuffix(".")
    return len(name) <= 253 and all(_HOST_LABEL.fullmatch(label) for label in name.split("."))


def _is_email(value: str) -> bool:
    local, at, domain = value.rpartition("@")
    return bool(at) and len(local) <= 64 and bool(_EMAIL_LOCAL.fullmatch(local)) and _is_host_name(domain)


def _is_address(kind: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address]) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        with suppress(ValueError):
            kind(value)
            return True
        return False

    return check


def _is_json(value: str) -> bool:
    with suppress(ValueError, RecursionError):
        json.loads(value)
        return True
    return False


def _is_json_with_comments(value: str) -> bool:
    kept: list[str] = []
    at, is_text = 0, False
    while at < len(value):
        here, pair = value[at], value[at : at + 2]
        if not is_text and pair in ("//", "/*"):
            closing = "\n" if pair == "//" else "*/"
            end = value.find(closing, at + 2)
            if end < 0 and pair == "/*":
                return False
            at = len(value) if end < 0 else end + len(closing)
            kept.append(" ")
            continue
        taken = pair if is_text and here == "\\" else here
        is_text = is_text if taken != '"' else not is_text
        kept.append(taken)
        at += len(taken)
    return _is_json("".join(kept))


def _is_float(value: str) -> bool:
    return bool(_DECIMAL.fullmatch(value)) and math.isfinite(float(value))


_CHECKS: Mapping[str, Callable[[str], object]] = {
    TEXT: lambda value: True,
    "aws:ssm:integration": lambda value: True,
    "aws:region": lambda value: value in region_names(),
    "aws:account:id": re.compile(r"[0-9]{12}").fullmatch,
    "boolean": lambda value: value in ("true", "false"),
    "integer": _INTEGER.fullmatch,
    "float": _is_float,
    "binary": _BINARY.fullmatch,
    "hostname": _is_host_name,
    "email": _is_email,
    "ipv4-address": _is_address(ipaddress.IPv4Address),
    "ipv6-address": _is_address(ipaddress.IPv6Address),
    "url": _URL.fullmatch,
    "json": _is_json,
    "jsonc": _is_json_with_comments,
}


def needs_advanced_tier(data_type: str) -> bool:
    """Whether a data type is for advanced parameters only."""
    return data_type in _OF_ADVANCED


def check_data_type(data_type: str, type_: str, value: str) -> None:
    """Raise ValidationException for a data type that is none, that the type can't have, or that the value is not of.

    Images are refused: whether there is such an image only Amazon EC2 could tell.
    """
    if data_type == IMAGE:
        raise errors.validation(f"The data type {IMAGE} needs Amazon EC2, which Strongroom does not serve.")
    check = _CHECKS.get(data_type)
    if check is None:
        raise errors.validation(
            f"The following data type is not supported: {data_type} (Data type names are all lowercase.)"
        )
    if type_ == STRING_LIST and data_type != TEXT:
        raise errors.validation(f"The data type {data_type} is not supported for StringList parameters.")
    if not check(value):
        raise errors.validation(f"The parameter value is not valid for the data type {data_type}.")
