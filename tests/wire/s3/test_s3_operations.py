"""Which operation a request asks for, and which service: by host, path, sub-resource, headers and signature."""

import pytest
from tests.wire.s3.s3_requests import ROUTER, ROUTES, params_of, request
from tests.wire.wire_requests import code_of

from strongroom.base.errors import AwsError
from strongroom.wire.http import HttpRequest
from strongroom.wire.s3.address import Hosts


class TestHosts:
    @pytest.mark.parametrize(
        ("host", "bucket"),
        [
            ("localhost", ""),
            ("localhost:4566", ""),
            ("s3.localhost", ""),
            ("photos.localhost:4566", "photos"),
            ("photos.s3.localhost", "photos"),
            ("a.b.s3.localhost:443", "a.b"),
            ("PHOTOS.S3.LOCALHOST.", "photos"),
            ("127.0.0.1:4566", ""),
            ("[::1]:4566", ""),
            ("photos.127.0.0.1", ""),
            ("s3.amazonaws.com", ""),
            ("s3.eu-west-1.amazonaws.com", ""),
            ("s3-eu-west-1.amazonaws.com", ""),
            ("photos.s3.amazonaws.com", "photos"),
            ("a.b.s3.eu-west-1.amazonaws.com", "a.b"),
            ("photos.s3-us-west-2.amazonaws.com", "photos"),
            ("photos.s3.dualstack.eu-west-1.amazonaws.com", "photos"),
            ("photos.s3-accelerate.amazonaws.com", "photos"),
            ("photos.s3.cn-north-1.amazonaws.com.cn", "photos"),
            ("111122223333.s3-control.us-east-1.amazonaws.com", ""),
            ("strongroom.test", ""),
            ("photos.strongroom.test", "photos"),
            ("photos.s3.strongroom.test", "photos"),
            ("s3.strongroom.test", ""),
            ("unknown.example", ""),
            ("", ""),
            ("x" * 300, ""),
        ],
    )
    def test_buckets_in_names(self, host: str, bucket: str) -> None:
        hosts = Hosts(["strongroom.test", "s3.strongroom.test"])
        assert hosts.bucket_of(host) == hosts.bucket_of(host) == bucket

    def test_what_is_remembered_is_bounded(self) -> None:
        hosts = Hosts()
        for number in range(3_000):
            assert hosts.bucket_of(f"b{number}.localhost") == f"b{number}"


OPERATIONS = [
    ("GET", "/", "", {}, "ListBuckets"),
    ("GET", "/b", "", {}, "ListObjects"),
    ("GET", "/b/", "", {}, "ListObjects"),
    ("GET", "/b", "list-type=2&prefix=x", {}, "ListObjectsV2"),
    ("GET", "/b", "prefix=x&x-id=ListObjects", {}, "ListObjects"),
    ("GET", "/b", "versions", {}, "ListObjectVersions"),
    ("GET", "/b", "uploads", {}, "ListMultipartUploads"),
    ("GET", "/b", "location", {}, "GetBucketLocation"),
    ("GET", "/b", "lifecycle=", {}, "GetBucketLifecycleConfiguration"),
    ("GET", "/b", "notification", {}, "GetBucketNotificationConfiguration"),
    ("GET", "/b", "analytics&id=x", {}, "GetBucketAnalyticsConfiguration"),
    ("GET", "/b", "analytics", {}, "ListBucketAnalyticsConfigurations"),
    ("HEAD", "/b", "", {}, "HeadBucket"),
    ("PUT", "/b", "", {}, "CreateBucket"),
    ("PUT", "/b/", "", {}, "CreateBucket"),
    ("PUT", "/b", "acl", {}, "PutBucketAcl"),
    ("DELETE", "/b", "", {}, "DeleteBucket"),
    ("DELETE", "/b", "cors", {}, "DeleteBucketCors"),
    ("POST", "/b", "delete", {}, "DeleteObjects"),
    ("POST", "/b", "", {"Content-Type": "multipart/form-data; boundary=x"}, "PostObject"),
    ("GET", "/b/k", "", {}, "GetObject"),
    ("GET", "/b/k", "versionId=1&partNumber=2", {}, "GetObject"),
    ("GET", "/b/k", "response-content-type=a%2Fb", {}, "GetObject"),
    ("GET", "/b/k", "X-Amz-Signature=0&X-Amz-Date=1", {}, "GetObject"),
    ("GET", "/b/k", "attributes", {"x-amz-object-attributes": "ETag"}, "GetObjectAttributes"),
    ("GET", "/b/k", "uploadId=1", {}, "ListParts"),
    ("GET", "/b/k", "tagging&versionId=3", {}, "GetObjectTagging"),
    ("GET", "/b/k", "legal-hold", {}, "GetObjectLegalHold"),
    ("HEAD", "/b/k", "", {}, "HeadObject"),
    ("PUT", "/b/k", "", {}, "PutObject"),
    ("PUT", "/b/k", "x-id=PutObject&unknown=1", {}, "PutObject"),
    ("PUT", "/b/k", "", {"x-amz-copy-source": "/a/b"}, "CopyObject"),
    ("PUT", "/b/k", "partNumber=1&uploadId=2", {}, "UploadPart"),
    ("PUT", "/b/k", "partNumber=1&uploadId=2", {"x-amz-copy-source": "/a/b"}, "UploadPartCopy"),
    ("PUT", "/b/k", "renameObject", {"x-amz-rename-source": "/b/a"}, "RenameObject"),
    ("PUT", "/b/k", "encryption", {}, "UpdateObjectEncryption"),
    ("POST", "/b/k", "uploads", {}, "CreateMultipartUpload"),
    ("POST", "/b/k", "uploadId=1", {}, "CompleteMultipartUpload"),
    ("POST", "/b/k", "restore", {}, "RestoreObject"),
    ("POST", "/b/k", "select&select-type=2", {}, "SelectObjectContent"),
    ("DELETE", "/b/k", "versionId=1", {}, "DeleteObject"),
    ("DELETE", "/b/k", "uploadId=1", {}, "AbortMultipartUpload"),
    ("OPTIONS", "/b/k", "", {"Origin": "o", "Access-Control-Request-Method": "PUT"}, "OptionsObject"),
    ("OPTIONS", "/b", "", {"Origin": "o", "Access-Control-Request-Method": "PUT"}, "OptionsObject"),
]


@pytest.mark.parametrize(("method", "path", "query", "headers", "operation"), OPERATIONS)
def test_operations(method: str, path: str, query: str, headers: dict[str, str], operation: str) -> None:
    by_path = ROUTES.route(request(method, path, query, headers))
    assert by_path.operation.name == operation
    if path != "/":
        by_host = ROUTES.route(request(method, path[2:] or "/", query, headers, host="b.s3.localhost"))
        assert by_host == by_path


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/b/a%2Fb", "a/b"),
        ("/b//", "/"),
        ("/b//a", "/a"),
        ("/b/a//b/", "a//b/"),
        ("/b/..", ".."),
        ("/b/../x", "../x"),
        ("/b/%2E%2E/x", "../x"),
        ("/b/a+b%20c", "a+b c"),
        ("/b/%E6%BC%A2%F0%9F%98%80", "\u6f22\U0001f600"),
        ("/b/%00%0A", "\0\n"),
        ("/b/%25", "%"),
        ("/b/_strongroom/health", "_strongroom/health"),
    ],
)
def test_keys_are_what_was_sent(path: str, key: str) -> None:
    for sent in (request("GET", path), request("GET", path[2:], host="b.localhost")):
        assert ROUTES.route(sent).labels == {"Bucket": "b", "Key": key}


def refused(sent: HttpRequest) -> AwsError:
    with pytest.raises(AwsError) as refusal:
        ROUTES.route(sent)
    return refusal.value


@pytest.mark.parametrize(
    ("method", "path", "query", "resource_type"),
    [
        ("POST", "/", "", "SERVICE"),
        ("DELETE", "/", "", "SERVICE"),
        ("HEAD", "/", "", "SERVICE"),
        ("PATCH", "/b", "", "BUCKET"),
        ("POST", "/b/k", "", "OBJECT"),
        ("PUT", "/b/k", "versioning", "VERSIONING"),
        ("PUT", "/b/k", "uploads", "UPLOADS"),
        ("DELETE", "/b/k", "acl", "ACL"),
        ("GET", "/b/k", "policy", "POLICY"),
        ("PUT", "/b", "uploads", "UPLOADS"),
        ("DELETE", "/b", "versioning", "VERSIONING"),
    ],
)
def test_what_cannot_be_asked(method: str, path: str, query: str, resource_type: str) -> None:
    error = refused(request(method, path, query))
    assert (error.code, error.status) == ("MethodNotAllowed", 405)
    assert error.members == {"Method": method, "ResourceType": resource_type}


def test_a_preflight_that_asks_about_nothing() -> None:
    error = refused(request("OPTIONS", "/b/k", "", {"Access-Control-Request-Method": "PUT"}))
    assert (error.code, error.status) == ("BadRequest", 400)
    assert error.message == "Insufficient information. Origin request header needed."
    assert refused(request("OPTIONS", "/b/k", "", {"Origin": "o"})).code == "BadRequest"


def test_a_post_to_a_bucket_that_is_no_form() -> None:
    error = refused(request("POST", "/b", "", {"Content-Type": "text/plain"}))
    assert (error.code, error.status) == ("PreconditionFailed", 412)
    assert error.members["Condition"] == "Bucket POST must be of the enclosure-type multipart/form-data"


@pytest.mark.parametrize("sent", [request("GET", "/b/%FF"), request("GET", "/b", "prefix=%FF")])
def test_what_is_not_utf_8(sent: HttpRequest) -> None:
    assert refused(sent).code == "InvalidURI"


def test_a_part_without_its_upload_is_not_a_whole_object() -> None:
    for query in ("partNumber=1", "uploadId=1"):
        sent = request("PUT", "/b/k", query, {"Content-Length": "0"})
        assert ROUTES.route(sent).operation.name == "UploadPart"
        assert code_of(lambda sent=sent: params_of(sent)) == "InvalidRequest"


class TestControl:
    PATH = "/v20180820/configuration/publicAccessBlock"

    def test_accounts_have_operations_of_their_own(self) -> None:
        for host in ("localhost", "111122223333.s3-control.us-east-1.amazonaws.com", "111122223333.localhost"):
            route = ROUTES.route(request("GET", self.PATH, "", {"x-amz-account-id": "111122223333"}, host=host))
            assert route.operation.name == "GetPublicAccessBlock"
            assert route.service.name == "s3control"

    def test_without_the_header_it_is_a_bucket(self) -> None:
        assert ROUTES.route(request("GET", self.PATH)).service.name == "s3"

    def test_what_is_not_there(self) -> None:
        error = refused(request("PATCH", self.PATH, "", {"x-amz-account-id": "111122223333"}))
        assert error.code == "MethodNotAllowed"


SCOPE = "AWS4-HMAC-SHA256 Credential=A/20261124/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("sent", "is_for_s3"),
    [
        (request("GET", "/b/k"), True),
        (request("GET", "/"), True),
        (request("PUT", "/b"), True),
        (request("OPTIONS", "/b/k"), True),
        (request("GET", "/", "prefix=Action", host="b.localhost"), True),
        (request("POST", "/", "", {"Content-Type": "multipart/form-data; boundary=x"}, host="b.localhost"), True),
        (request("GET", "/b", "", {"Authorization": SCOPE.format("s3")}), True),
        (request("GET", "/b", "", {"Authorization": "AWS AKID:c2ln"}), True),
        (request("GET", "/b", "", {"Authorization": "nonsense"}), True),
        (request("GET", "/", "X-Amz-Credential=A%2F20261124%2Fus-east-1%2Fs3%2Faws4_request"), True),
        (request("GET", "/", "X-Amz-Credential=A%2F20261124%2Fus-east-1%2Fsts%2Faws4_request"), False),
        (request("POST", "/", "", {"Authorization": SCOPE.format("sts")}), False),
        (request("POST", "/", "", FORM), False),
        (request("GET", "/", "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"), False),
        (request("POST", "/", "", {"X-Amz-Target": "TrentService.Encrypt"}), False),
        (request("POST", "/service/Kms/operation/Encrypt", "", {"Smithy-Protocol": "rpc-v2-cbor"}), False),
    ],
)
def test_which_requests_are_for_s3(sent: HttpRequest, is_for_s3: bool) -> None:
    assert ROUTER.is_for_s3(sent) is is_for_s3
