"""Requests that are signed in their URL: whoever has the URL may send it, as it is and in its time."""

import ssl
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import botocore.auth
import pytest
from tests.running_server import RunningServer


@pytest.fixture
def sts(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client that signs in Python even where awscrt is installed, so that a test can choose the time of signing."""
    monkeypatch.setitem(botocore.auth.AUTH_TYPE_MAPS, "v4-query", botocore.auth.SigV4QueryAuth)
    return server.client("sts")


def presigned(sts: Any, seconds: int = 60) -> str:
    url: str = sts.generate_presigned_url("get_caller_identity", Params={}, ExpiresIn=seconds, HttpMethod="GET")
    return url


def get(server: RunningServer, url: str, method: str = "GET") -> tuple[int, str]:
    """Send a request without any signature but the URL's. Returns status and body."""
    context = ssl.create_default_context(cafile=str(server.ca_bundle))
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), context=context, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_a_url_tells_who_signed_it(server: RunningServer, sts: Any) -> None:
    status, body = get(server, presigned(sts))
    assert status == 200
    assert "<Arn>arn:aws:iam::000000000000:root</Arn>" in body


def test_it_may_be_used_again_in_its_time(server: RunningServer, sts: Any) -> None:
    url = presigned(sts)
    assert [get(server, url)[0] for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("GetCallerIdentity", "GetSessionToken"),
        ("X-Amz-Expires=60", "X-Amz-Expires=61"),
        ("us-east-1", "us-west-2"),
        ("Version=2011-06-15", "Version=2011-06-15&Extra=1"),
    ],
)
def test_an_altered_url_is_refused(server: RunningServer, sts: Any, old: str, new: str) -> None:
    url = presigned(sts)
    assert old in url
    status, body = get(server, url.replace(old, new))
    assert status == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in body


def test_another_method_is_refused(server: RunningServer, sts: Any) -> None:
    status, body = get(server, presigned(sts), "POST")
    assert (status, "<Code>SignatureDoesNotMatch</Code>" in body) == (403, True)


def test_it_expires(server: RunningServer, sts: Any) -> None:
    url = presigned(sts, seconds=1)
    time.sleep(2.1)
    status, body = get(server, url)
    assert status == 403
    assert "Signature expired" in body


def test_a_long_lasting_one_holds_beyond_the_skew_that_others_are_allowed(server: RunningServer, sts: Any) -> None:
    an_hour_ago = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)
    with patch.object(botocore.auth, "get_current_datetime", return_value=an_hour_ago):
        holds, over = presigned(sts, seconds=2 * 3600), presigned(sts, seconds=1800)
        too_long = presigned(sts, seconds=8 * 24 * 3600)
    assert get(server, holds)[0] == 200
    assert get(server, over)[0] == 403
    assert get(server, too_long)[0] == 400
