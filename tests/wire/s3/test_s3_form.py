"""Browsers' forms: taken apart however they arrive, and held to the policy that somebody signed."""

import asyncio
import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.s3.s3_requests import ROUTES, request
from tests.wire.s3.test_s3_payload import arriving, cut

from strongroom.base.errors import AwsError
from strongroom.wire.http import Body, HttpRequest
from strongroom.wire.s3.form import Form, read_form
from strongroom.wire.s3.form_upload import answer_to_form, params_of_form, read_form_claim
from strongroom.wire.s3.post_policy import LengthRange, read_policy

WALL = datetime(2026, 11, 24, 8, tzinfo=UTC).timestamp()
BOUNDARY = "----WebKitFormBoundaryZ2"


def part(disposition: str, value: bytes, boundary: str = BOUNDARY) -> bytes:
    return f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode() + value + b"\r\n"


def form_body(fields: dict[str, str], file: bytes | None = b"the file", filename: str = "a.txt") -> bytes:
    body = b"".join(part(f'name="{name}"', value.encode()) for name, value in fields.items())
    if file is not None:
        body += part(f'name="file"; filename="{filename}"\r\nContent-Type: text/plain', file)
    return body + f"--{BOUNDARY}--\r\n".encode()


def posted(
    body: bytes, size: int = 1 << 20, content_type: str = f"multipart/form-data; boundary={BOUNDARY}"
) -> HttpRequest:
    return request("POST", "/b", "", {"Content-Type": content_type}, Body(arriving(cut(body, size))))


def read(sent: HttpRequest) -> tuple[dict[str, str], bytes]:
    async def main() -> tuple[dict[str, str], bytes]:
        form = await read_form(sent)
        return form.fields, b"".join([chunk async for chunk in form.file])

    return asyncio.run(main())


def code_of(sent: HttpRequest) -> str:
    with pytest.raises(AwsError) as refusal:
        read(sent)
    return refusal.value.code


class TestForm:
    @settings(max_examples=60, deadline=None)
    @given(
        st.dictionaries(st.from_regex(r"[a-z-]{1,12}", fullmatch=True), st.text(max_size=30), max_size=5),
        st.binary(max_size=300),
        st.integers(1, 100),
    )
    def test_however_it_is_cut(self, fields: dict[str, str], file: bytes, size: int) -> None:
        fields.pop("file", None)
        assert read(posted(form_body(fields, file), size)) == (
            {name: value.replace("${filename}", "a.txt") for name, value in fields.items()},
            file,
        )

    def test_what_looks_like_a_boundary_is_part_of_the_file(self) -> None:
        file = f"\r\n--{BOUNDARY[:-1]}\r\n--\r\n-".encode() * 3
        for size in (1, 7, 1_000):
            assert read(posted(form_body({"key": "k"}, file), size))[1] == file

    def test_names_are_in_any_case_and_may_be_quoted(self) -> None:
        body = part("name=Key", b"k") + part('name="X-Amz-Meta-A\\"b"', b"1") + form_body({})
        assert read(posted(body))[0] == {"key": "k", 'x-amz-meta-a"b': "1"}

    @pytest.mark.parametrize(
        ("filename", "key"),
        [("a.txt", "up/a.txt"), ("C:\\\\Users\\\\me\\\\a b.txt", "up/a b.txt"), ("../../x", "up/x"), ("", "up/")],
    )
    def test_the_name_of_the_file_without_its_folders(self, filename: str, key: str) -> None:
        assert read(posted(form_body({"key": "up/${filename}"}, filename=filename)))[0] == {"key": key}

    def test_what_is_before_and_after_counts_for_nothing(self) -> None:
        body = b"a preamble\r\n" + form_body({"key": "k"}) + b"an epilogue"
        assert read(posted(body)) == ({"key": "k"}, b"the file")
        later = form_body({"key": "k"}).removesuffix(b"--\r\n") + b"\r\n" + form_body({"acl": "public-read"})
        assert read(posted(later))[0] == {"key": "k"}

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b"", "MalformedPOSTRequest"),
            (b"no form at all", "MalformedPOSTRequest"),
            (f"--{BOUNDARY}--\r\n".encode(), "MalformedPOSTRequest"),
            (f"--{BOUNDARY}junk\r\n".encode(), "MalformedPOSTRequest"),
            (f"--{BOUNDARY}\r\n\r\nno disposition".encode() + form_body({}), "MalformedPOSTRequest"),
            (part("filename=x", b"v") + form_body({}), "MalformedPOSTRequest"),
            (part('name="key"', b"\xff") + form_body({}), "MalformedPOSTRequest"),
            (part('name="key"', b"a") + part('name="KEY"', b"b") + form_body({}), "InvalidArgument"),
            (form_body({"key": "k"}, None), "InvalidArgument"),
            (form_body({"key": "k"})[:-40], "IncompleteBody"),
            (form_body({"key": "k" * 21_000}), "MaxPostPreDataLengthExceeded"),
            (form_body({f"x-ignore-{number}": "v" for number in range(300)}), "MaxPostPreDataLengthExceeded"),
            (b"x" * 30_000, "MaxPostPreDataLengthExceeded"),
        ],
    )
    def test_what_is_no_form(self, body: bytes, code: str) -> None:
        assert code_of(posted(body)) == code
        assert code_of(posted(body, 50)) == code

    @pytest.mark.parametrize("suffix", ["", "; boundary=", "; boundary=" + "x" * 71, "; bound=x", '; boundary="\t"'])
    def test_what_is_no_boundary(self, suffix: str) -> None:
        assert code_of(posted(form_body({}), content_type="multipart/form-data" + suffix)) == "MalformedPOSTRequest"

    def test_a_boundary_in_quotation_marks(self) -> None:
        sent = posted(form_body({"key": "k"}), content_type=f'multipart/form-data; charset=x; boundary="{BOUNDARY}"')
        assert read(sent)[0] == {"key": "k"}


def encoded(document: Any) -> str:
    text = document if isinstance(document, str) else json.dumps(document)
    return base64.b64encode(text.encode()).decode()


def checked(conditions: list[Any], **fields: str) -> LengthRange:
    policy = read_policy(encoded({"expiration": "2026-11-24T09:00:00Z", "conditions": conditions}))
    return policy.check({name.replace("_", "-"): value for name, value in fields.items()}, "b", WALL)


def denied(conditions: list[Any], **fields: str) -> str:
    with pytest.raises(AwsError) as refusal:
        checked(conditions, **fields)
    assert (refusal.value.code, refusal.value.status) == ("AccessDenied", 403)
    assert refusal.value.message.startswith("Invalid according to Policy: ")
    return refusal.value.message.removeprefix("Invalid according to Policy: ")


class TestPolicy:
    def test_conditions_that_hold(self) -> None:
        assert checked([{"key": "k"}], key="k") == LengthRange()
        assert checked([["eq", "$Key", "k"]], key="k") == LengthRange()
        assert checked([["starts-with", "$key", "user/"]], key="user/eric") == LengthRange()
        assert checked([["starts-with", "$key", ""], ["starts-with", "$acl", ""]], key="k") == LengthRange()
        assert checked([["starts-with", "$Content-Type", "image/"]], content_type="image/a, image/b") == LengthRange()
        assert checked([{"bucket": "b"}]) == LengthRange()

    def test_lengths(self) -> None:
        assert checked([["content-length-range", 1, "10"]]) == LengthRange(1, 10)
        assert checked([["content-length-range", 1, 10], ["Content-Length-Range", 2, 20]]) == LengthRange(2, 10)

    @pytest.mark.parametrize(
        ("condition", "told"),
        [
            ({"key": "K"}, '["eq", "$key", "K"]'),
            ({"absent": ""}, '["eq", "$absent", ""]'),
            (["eq", "key", "k"], '["eq", "key", "k"]'),
            (["starts-with", "$key", "user/"], '["starts-with", "$key", "user/"]'),
            (["starts-with", "$absent", "u"], '["starts-with", "$absent", "u"]'),
            (["content-length-range", "test", 10], '["content-length-range", "test", "10"]'),
            (["content-length-range", -1, 10], '["content-length-range", "-1", "10"]'),
            ({"bucket": "another"}, '["eq", "$bucket", "another"]'),
        ],
    )
    def test_conditions_that_do_not_hold(self, condition: Any, told: str) -> None:
        assert denied([condition, {"key": "k"}], key="k") == f"Policy Condition failed: {told}"

    def test_one_type_of_several_that_is_not_allowed(self) -> None:
        condition = ["starts-with", "$Content-Type", "image/"]
        assert "Condition failed" in denied([condition], content_type="image/png, text/html")

    def test_every_field_is_in_some_condition(self) -> None:
        assert denied([{"key": "k"}], key="k", acl="public-read") == "Extra input fields: acl"
        assert checked([{"key": "k"}], key="k", policy="p", x_amz_signature="s", x_ignore_this="v")

    def test_it_ends(self) -> None:
        policy = read_policy(encoded({"expiration": "2026-11-24T08:00:00Z", "conditions": []}))
        policy.check({}, "b", WALL - 1)
        with pytest.raises(AwsError, match="Policy expired"):
            policy.check({}, "b", WALL)

    @pytest.mark.parametrize(
        "document",
        [
            "",
            "{",
            "[]",
            "[" * 100_000,
            {"conditions": []},
            {"expiration": "2026-11-24T09:00:00Z"},
            {"expiration": "tomorrow", "conditions": []},
            {"expiration": 5, "conditions": []},
            {"expiration": "2026-11-24T09:00:00Z", "conditions": {}},
            {"expiration": "2026-11-24T09:00:00Z", "conditions": [{"a": "1", "b": "2"}]},
            {"expiration": "2026-11-24T09:00:00Z", "conditions": [{}]},
            {"expiration": "2026-11-24T09:00:00Z", "conditions": [{"a": 1}]},
            {"expiration": "2026-11-24T09:00:00Z", "conditions": [["eq", "$a"]]},
            {"expiration": "2026-11-24T09:00:00Z", "conditions": [["like", "$a", "b"]]},
            {"expiration": "2026-11-24T09:00:00Z", "conditions": [["eq", 1, "b"]]},
            {"expiration": "2026-11-24T09:00:00Z", "conditions": ["eq"]},
            {"expiration": "2026-11-24T09:00:00Z", "conditions": [[]]},
            {"expiration": "2026-11-24T09:00:00Z", "conditions": [{"a": "b"}] * 1_001},
        ],
    )
    def test_what_is_no_policy(self, document: Any) -> None:
        with pytest.raises(AwsError) as refusal:
            read_policy(encoded(document))
        assert (refusal.value.code, refusal.value.status) == ("InvalidPolicyDocument", 400)
        assert refusal.value.message.startswith("Invalid Policy: ")

    def test_what_is_no_base64(self) -> None:
        with pytest.raises(AwsError, match="Invalid JSON"):
            read_policy("not base64!")


SIGNING = {
    "x-amz-algorithm": "AWS4-HMAC-SHA256",
    "x-amz-credential": "AKID/20261124/us-east-1/s3/aws4_request",
    "x-amz-date": "20261124T080000Z",
    "x-amz-signature": "0" * 64,
    "policy": "e30=",
}


class TestClaim:
    def test_nothing_is_claimed(self) -> None:
        assert read_form_claim(Form({"key": "k"}, arriving([]))) is None

    def test_a_policy_that_nobody_signed(self) -> None:
        with pytest.raises(AwsError, match="Access Denied"):
            read_form_claim(Form({"key": "k", "policy": "e30="}, arriving([])))

    @pytest.mark.parametrize("name", SIGNING)
    def test_a_part_that_is_missing(self, name: str) -> None:
        fields = {key: value for key, value in SIGNING.items() if key != name}
        with pytest.raises(AwsError) as refusal:
            read_form_claim(Form(fields, arriving([])))
        assert refusal.value.code == "InvalidArgument"
        assert refusal.value.members["ArgumentName"].lower() == name
        assert refusal.value.message.endswith("If it is specified, please check the order of the fields.")

    @pytest.mark.parametrize("fields", [{"AWSAccessKeyId".lower(): "A", "signature": "x"}, {"signature": "x"}])
    def test_version_2(self, fields: dict[str, str]) -> None:
        with pytest.raises(AwsError, match="Please use AWS4-HMAC-SHA256"):
            read_form_claim(Form(fields, arriving([])))


def form_of(**fields: str) -> Form:
    named = {name if name.startswith("success") else name.replace("_", "-"): v for name, v in fields.items()}
    return Form({"key": "a/k", **named}, arriving([b"12345", b"678"]))


SENT = request("POST", "/b", "", {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
ROUTE = ROUTES.route(SENT)


class TestUpload:
    def test_fields_are_params(self) -> None:
        tagging = "<Tagging><TagSet><Tag><Key>a b</Key><Value>c&amp;d</Value></Tag></TagSet></Tagging>"
        form = form_of(
            acl="private",
            content_type="text/plain",
            x_amz_meta_colour="r\u00f6t",
            tagging=tagging,
            success_action_status="201",
        )
        params = params_of_form(ROUTE, SENT, form, LengthRange())
        body = params.pop("Body")
        assert params == {
            "Bucket": "b",
            "Key": "a/k",
            "ACL": "private",
            "ContentType": "text/plain",
            "Metadata": {"colour": "r\u00f6t"},
            "Tagging": "a+b=c%26d",
        }
        assert body.length is None
        assert asyncio.run(body.read(100)) == b"12345678"

    @pytest.mark.parametrize(
        ("lengths", "code"), [(LengthRange(0, 7), "EntityTooLarge"), (LengthRange(9, 20), "EntityTooSmall")]
    )
    def test_the_length_of_the_file(self, lengths: LengthRange, code: str) -> None:
        body = params_of_form(ROUTE, SENT, form_of(), lengths)["Body"]
        with pytest.raises(AwsError) as refusal:
            asyncio.run(body.read(100))
        assert refusal.value.code == code
        assert refusal.value.members["ProposedSize"] == "8"

    def test_a_form_without_a_key(self) -> None:
        with pytest.raises(AwsError, match="field named 'key'"):
            params_of_form(ROUTE, SENT, Form({}, arriving([])), LengthRange())

    @pytest.mark.parametrize("name", ["x-amz-meta-a b", "x-amz-meta-a\r\nb", "x-amz-meta-a:b"])
    def test_names_that_no_header_has(self, name: str) -> None:
        with pytest.raises(AwsError, match="not one of a header"):
            params_of_form(ROUTE, SENT, Form({"key": "k", name: "v"}, arriving([])), LengthRange())

    @pytest.mark.parametrize("xml", ["", "<a", "<Tagging/>", "<Tagging><TagSet><Tag/></TagSet></Tagging>"])
    def test_tags_that_are_none(self, xml: str) -> None:
        with pytest.raises(AwsError) as refusal:
            params_of_form(ROUTE, SENT, form_of(tagging=xml), LengthRange())
        assert refusal.value.code == "MalformedXML"

    @pytest.mark.parametrize(("asked", "status"), [("200", 200), ("201", 201), ("204", 204), ("404", 204), ("", 204)])
    def test_answers(self, asked: str, status: int) -> None:
        form = form_of(success_action_status=asked)
        response = answer_to_form(ROUTE, SENT, form, {"Key": "a/\u00e9"}, {"ETag": '"e"'})
        assert response.status == status
        headers = dict(response.headers)
        assert headers[b"location"] == b"http://localhost:4566/b/a%2F%C3%A9".replace(b"http", b"https")
        assert headers[b"ETag"] == b'"e"'
        if status == 201:
            assert isinstance(response.body, bytes)
            assert b'<Bucket>b</Bucket><Key>a/\xc3\xa9</Key><ETag>"e"</ETag></PostResponse>' in response.body

    def test_redirections(self) -> None:
        form = form_of(success_action_redirect="https://site.test/done?a=1")
        response = answer_to_form(ROUTE, SENT, form, {"Key": "k"}, {"ETag": '"e"'})
        assert response.status == 303
        assert dict(response.headers)[b"location"] == b"https://site.test/done?a=1&bucket=b&key=k&etag=%22e%22"

    @pytest.mark.parametrize("target", ["javascript:alert(1)", "/relative", "no url", "http://[bad", "ftp://a/b"])
    def test_what_is_no_page_is_not_redirected_to(self, target: str) -> None:
        form = form_of(success_action_redirect=target)
        assert answer_to_form(ROUTE, SENT, form, {"Key": "k"}, {}).status == 204
