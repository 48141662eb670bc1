"""How tests expect a refusal, from a real client or from a house without a server."""

import contextlib
from collections.abc import Iterator

from botocore.exceptions import ClientError

from strongroom.base.errors import AwsError


@contextlib.contextmanager
def refused(code: str, message: str | None = None, *, match: str = "") -> Iterator[None]:
    """Expect the error `code`, with exactly this message unless it is None, and with `match` somewhere in it."""
    try:
        yield
    except AwsError as error:
        seen = (error.code, error.message)
    except ClientError as error:
        seen = (error.response["Error"]["Code"], error.response["Error"].get("Message", ""))
    else:
        raise AssertionError(f"nothing was refused; {code} was expected")
    assert seen[0] == code, seen
    assert message is None or seen[1] == message, seen
    assert match in seen[1], seen
