"""What CORS rules may say. Source: Amazon S3 User Guide, "Elements of a CORS configuration"; answers of AWS."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from strongroom.services.s3 import errors

RULES_MAX = 100
METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")
ID_CHARACTERS_MAX = 255

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'+.^_`|~-]+")


def require_valid_rules(configuration: Mapping[str, Any]) -> None:
    """Raise MalformedXML or InvalidRequest for a CORS configuration that Amazon S3 does not take."""
    rules = configuration["CORSRules"]
    if not 1 <= len(rules) <= RULES_MAX:
        raise errors.malformed_xml()
    for rule in rules:
        if not rule["AllowedOrigins"] or not rule["AllowedMethods"] or len(rule.get("ID") or "") > ID_CHARACTERS_MAX:
            raise errors.malformed_xml()
        for method in rule["AllowedMethods"]:
            if method not in METHODS:
                raise errors.invalid_request(
                    f"Found unsupported HTTP method in CORS config. Unsupported method is {method[:64]}"
                )
        _require_one_wildcard("AllowedOrigin", rule["AllowedOrigins"])
        _require_one_wildcard("AllowedHeader", rule.get("AllowedHeaders") or ())
        for name in rule.get("ExposeHeaders") or ():
            _require_header_name(name)
        if (rule.get("MaxAgeSeconds") or 0) < 0:
            raise errors.malformed_xml()


def _require_one_wildcard(element: str, values: Iterable[str]) -> None:
    for value in values:
        if not value:
            raise errors.malformed_xml()
        if value.count("*") > 1:
            raise errors.invalid_request(f'{element} "{value[:256]}" can not have more than one wildcard.')


def _require_header_name(name: str) -> None:
    if "*" in name:
        raise errors.invalid_request(
            f'ExposeHeader "{name[:256]}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
        )
    if _HEADER_NAME.fullmatch(name) is None:
        raise errors.invalid_request(f'ExposeHeader "{name[:256]}" contains invalid character.')
