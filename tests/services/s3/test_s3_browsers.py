"""What browsers ask: whether a page may use a bucket, and uploads by a form."""

from typing import Any

from tests.opened_house import InHouse, OpenedHouse
from tests.services.refusals import refused
from tests.services.s3.kept import Kept

from strongroom.operations.callers import Caller
from strongroom.services.s3.cross_origin import may_read

RULES = [
    {
        "AllowedMethods": ["PUT", "POST"],
        "AllowedOrigins": ["https://*.example.com", "https://exact.test"],
        "AllowedHeaders": ["x-amz-*", "Content-Type"],
        "ExposeHeaders": ["ETag", "x-amz-request-id"],
        "MaxAgeSeconds": 600,
    },
    {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]},
]
FORBIDDEN = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
    "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
)


async def preflight(kept: Kept, origin: str, method: str, headers: str = "") -> dict[str, Any]:
    asked = {"AccessControlRequestHeaders": headers} if headers else {}
    return await kept.s3(
        "OptionsObject",
        Key="a",
        Origin=origin,
        AccessControlRequestMethod=method,
        caller=Caller.anonymous(),
        **asked,
    )


def test_a_preflight_request(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        kept = await Kept.create(opened)
        with refused("AccessForbidden", "CORSResponse: CORS is not enabled for this bucket."):
            await preflight(kept, "https://app.example.com", "PUT")
        await kept.s3("PutBucketCors", CORSConfiguration={"CORSRules": RULES})
        assert await preflight(kept, "https://app.example.com", "PUT", "X-Amz-Date, content-type") == {
            "AllowOrigin": "https://app.example.com",
            "AllowMethods": "PUT, POST",
            "AllowHeaders": "x-amz-date, content-type",
            "ExposeHeaders": "ETag, x-amz-request-id",
            "MaxAgeSeconds": 600,
            "AllowCredentials": True,
            "Vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
        }
        opened_to_all = await preflight(kept, "https://anybody.test", "GET")
        assert (opened_to_all["AllowOrigin"], "AllowCredentials" in opened_to_all) == ("*", False)
        for origin, method, headers in (
            ("https://example.com", "PUT", ""),
            ("https://exact.test.evil", "PUT", ""),
            ("https://exact.test", "DELETE", ""),
            ("https://exact.test", "PUT", "authorization"),
            ("https://anybody.test", "GET", "x-amz-date"),
        ):
            with refused("AccessForbidden", FORBIDDEN):
                await preflight(kept, origin, method, headers)
        with refused("BadRequest", "Insufficient information. Origin request header needed."):
            await kept.s3("OptionsObject", Key="a")
        with refused("BadRequest", "Invalid Access-Control-Request-Method: PATCH"):
            await preflight(kept, "https://exact.test", "PATCH")

    in_house(body)


def test_what_a_page_is_told_with_an_answer(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        kept = await Kept.create(opened)

        async def told(origin: str, method: str) -> dict[str, Any]:
            params = {"Bucket": kept.bucket, "Origin": origin, "AccessControlRequestMethod": method}
            return await may_read(opened.house, params)

        assert await told("https://exact.test", "PUT") == {}
        await kept.s3("PutBucketCors", CORSConfiguration={"CORSRules": RULES})
        assert (await told("https://exact.test", "PUT"))["ExposeHeaders"] == "ETag, x-amz-request-id"
        assert (await told("https://exact.test", "GET"))["AllowOrigin"] == "*"
        assert await told("https://other.test", "PUT") == {}

    in_house(body)


def test_a_form_stores_what_a_put_would(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        kept = await Kept.create(opened)
        answer = await kept.stream("PostObject", b"from a form", Key="a", ContentType="text/plain")
        head = await kept.s3("HeadObject", Key="a")
        assert (head["ETag"], head["ContentType"]) == (answer["ETag"], "text/plain")
        assert await kept.get("a") == b"from a form"
        opened.caller = Caller.anonymous()
        with refused("AccessDenied"):
            await kept.stream("PostObject", b"from a form", Key="a")

    in_house(body)
