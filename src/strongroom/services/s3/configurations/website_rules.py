"""What a website configuration may say. Source: Amazon S3 API Reference, PutBucketWebsite; WebsiteConfiguration."""

from collections.abc import Mapping
from typing import Any

from strongroom.services.s3 import errors

ROUTING_RULES_MAX = 50


def require_valid_website(configuration: Mapping[str, Any]) -> None:
    """Raise InvalidArgument, InvalidRequest or MalformedXML for a website that Amazon S3 does not take."""
    everything, index = configuration.get("RedirectAllRequestsTo"), configuration.get("IndexDocument")
    if everything is not None:
        if any(configuration.get(name) is not None for name in ("IndexDocument", "ErrorDocument", "RoutingRules")):
            raise errors.invalid_argument(
                "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
                "RedirectAllRequestsTo",
                "not null",
            )
        return
    if index is None:
        raise errors.invalid_argument(
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
            "IndexDocument",
            "null",
        )
    if not index["Suffix"] or "/" in index["Suffix"]:
        raise errors.invalid_argument("The IndexDocument Suffix is not well formed", "IndexDocument", index["Suffix"])
    error = configuration.get("ErrorDocument")
    if error is not None and not error["Key"]:
        raise errors.invalid_argument("The ErrorDocument Key is not well formed", "ErrorDocument", error["Key"])
    rules = configuration.get("RoutingRules") or ()
    if len(rules) > ROUTING_RULES_MAX:
        raise errors.invalid_request(
            f"{len(rules)} routing rules provided, the number of routing rules in a website configuration is limited "
            f"to {ROUTING_RULES_MAX}."
        )
    for rule in rules:
        _require_valid_redirect(rule["Redirect"])


def _require_valid_redirect(redirect: Mapping[str, Any]) -> None:
    if not redirect:
        raise errors.malformed_xml()
    if redirect.get("ReplaceKeyWith") is not None and redirect.get("ReplaceKeyPrefixWith") is not None:
        raise errors.invalid_request("You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
    code = redirect.get("HttpRedirectCode")
    if code is not None and not (len(code) == 3 and code.isascii() and code.isdigit() and code[0] == "3"):
        raise errors.invalid_request(
            f"The provided HTTP redirect code ({code[:16]}) is not valid. Valid codes are 3XX except 300."
        )
