"""Which pages of other sites may use a bucket: what browsers ask beforehand, and what they are told with each answer.

Source: Amazon S3 User Guide, "Using cross-origin resource sharing (CORS)"; Amazon S3 API Reference, CORSRule.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.cross_origin import cross_origin
from strongroom.operations.house import House
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3.buckets import Bucket, BucketDirectory
from strongroom.services.s3.service import S3

CORS_SETTING = "CORSConfiguration"
_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"

Rule = Mapping[str, Any]


def _bad_request(message: str) -> AwsError:
    return AwsError("BadRequest", message, 400)


def _forbidden(message: str, params: Mapping[str, Any]) -> AwsError:
    members = {
        "Method": params.get("AccessControlRequestMethod"),
        "ResourceType": "OBJECT" if params.get("Key") else "BUCKET",
    }
    return AwsError("AccessForbidden", f"CORSResponse: {message}", 403, members=members)


async def _needs_of_preflight(call: Call) -> Sequence[Requirement]:
    # A browser asks without credentials, before it sends any: the rules are all that it may learn, and need no secret.
    call.target = await call.house.part(BucketDirectory).find(call.params["Bucket"])
    return ()


@operation(S3, "OptionsObject", needs=_needs_of_preflight, reads_only=True)
async def options_object(call: Call) -> Answer:
    """Answer a browser's preflight request.

    Raises BadRequest for one that lacks a header, AccessForbidden when no rule allows what it asks. Source: Amazon S3
    User Guide, "Using cross-origin resource sharing (CORS)".
    """
    bucket: Bucket = call.target
    params = call.params
    if not params.get("Origin"):
        raise _bad_request("Insufficient information. Origin request header needed.")
    method = params.get("AccessControlRequestMethod")
    if method not in ("GET", "PUT", "POST", "DELETE", "HEAD"):
        raise _bad_request(f"Invalid Access-Control-Request-Method: {'null' if method is None else method[:64]}")
    rules = _rules_of(bucket)
    if not rules:
        raise _forbidden("CORS is not enabled for this bucket.", params)
    asked = [name.strip().lower() for name in (params.get("AccessControlRequestHeaders") or "").split(",")]
    asked = [name for name in asked if name]
    for rule in rules:
        if _allows(rule, params["Origin"], method, asked):
            allowed = {"AllowHeaders": ", ".join(asked)} if asked else {}
            return {**_told(rule, params["Origin"]), **allowed}
    raise _forbidden(
        "This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
        "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS "
        "spec.",
        params,
    )


@cross_origin(S3)
async def may_read(house: House, params: Mapping[str, Any]) -> Answer:
    """Return what the page that sent a request is told with its answer; nothing where no rule is about it."""
    bucket = await house.part(BucketDirectory).find(params["Bucket"])
    origin, method = params["Origin"], params["AccessControlRequestMethod"]
    for rule in _rules_of(bucket):
        if _allows(rule, origin, method, ()):
            return _told(rule, origin)
    return {}


def _rules_of(bucket: Bucket) -> Sequence[Rule]:
    rules: Sequence[Rule] = (bucket.settings.get(CORS_SETTING) or {}).get("CORSRules") or ()
    return rules


def _allows(rule: Rule, origin: str, method: str, headers: Sequence[str]) -> bool:
    allowed = [pattern.lower() for pattern in rule.get("AllowedHeaders") or ()]
    return (
        method in rule["AllowedMethods"]
        and any(_fits(pattern, origin) for pattern in rule["AllowedOrigins"])
        and all(any(_fits(pattern, name) for pattern in allowed) for name in headers)
    )


def _fits(pattern: str, text: str) -> bool:
    """Whether a text is what a pattern says, which may have one `*` for any text."""
    before, star, after = pattern.partition("*")
    if not star:
        return pattern == text
    return len(text) >= len(before) + len(after) and text.startswith(before) and text.endswith(after)


def _told(rule: Rule, origin: str) -> Answer:
    # Credentials go only to pages of origins that the rule names; a browser sends none where any origin will do.
    is_open = "*" in rule["AllowedOrigins"]
    told: Answer = {
        "AllowOrigin": "*" if is_open else origin,
        "AllowMethods": ", ".join(rule["AllowedMethods"]),
        "Vary": _VARY,
    }
    if rule.get("ExposeHeaders"):
        told["ExposeHeaders"] = ", ".join(rule["ExposeHeaders"])
    if rule.get("MaxAgeSeconds") is not None:
        told["MaxAgeSeconds"] = rule["MaxAgeSeconds"]
    if not is_open:
        told["AllowCredentials"] = True
    return told
