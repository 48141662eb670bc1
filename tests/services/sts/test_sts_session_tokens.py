"""Session tokens at the door: signed requests, from the signature to the answer, without a socket."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.identities_made import ACCOUNT, Identities, allow, house_to_be_served, trust

from strongroom.base.clock import Clock
from strongroom.base.context import Origin, new_request_id
from strongroom.identities.sessions import session_of, token_of
from strongroom.server.counters import RequestCounters
from strongroom.server.pipeline import Pipeline
from strongroom.wire.http import HttpRequest, HttpResponse

INVALID = "The security token included in the request is invalid."
EXPIRED = "The security token included in the request is expired"


class AtTheDoor:
    """A house with a session of the role `Reader`, and a pipeline in front of it."""

    def __init__(self, clock: Clock, house: Any) -> None:
        self.clock = clock
        self.house = house
        self.made = Identities(house)
        self.pipeline = Pipeline(house, RequestCounters())

    async def make(self) -> "AtTheDoor":
        self.ann = await self.made.user("ann", allow("sts:AssumeRole"))
        self.role = await self.made.role("Reader", allow("kms:ListKeys"), trusts=[trust(ACCOUNT)])
        self.given = await self.assume()
        return self

    async def assume(self) -> Credentials:
        body = {"RoleArn": self.role.arn, "RoleSessionName": "work"}
        keys = Credentials(self.ann.access_key_id, self.ann.secret_access_key)
        status, text = await self.sts("AssumeRole", keys, **body)
        assert status == 200, text
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
        return Credentials(*(text.partition(f"<{name}>")[2].partition("<")[0] for name in names))

    async def sts(self, operation: str, keys: Credentials, **params: str) -> tuple[int, str]:
        body = urlencode({"Action": operation, "Version": "2011-06-15", **params}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        response = await self._send(keys, "sts", body, headers)
        assert isinstance(response.body, bytes)
        return response.status, response.body.decode()

    async def list_keys(self, keys: Credentials) -> tuple[int, Any]:
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TrentService.ListKeys"}
        response = await self._send(keys, "kms", b"{}", headers)
        assert isinstance(response.body, bytes)
        told = json.loads(response.body)
        return response.status, told.get("__type", "Keys" if "Keys" in told else "")

    async def _send(self, keys: Credentials, service: str, body: bytes, headers: dict[str, str]) -> HttpResponse:
        request = AWSRequest("POST", "http://localhost/", data=body, headers={"Host": "localhost", **headers})
        SigV4Auth(keys, service, "us-east-1").add_auth(request)
        pairs = [(name.lower().encode(), str(value).encode()) for name, value in request.headers.items()]
        now = self.clock.now()
        origin = Origin(new_request_id(now), now, "127.0.0.1", False)
        query = request.url.partition("?")[2].encode()
        return await self.pipeline.handle(HttpRequest("POST", b"/", query, pairs, origin, body))


def at_the_door(tmp_path: Path, body: Any) -> None:
    async def main() -> None:
        clock = Clock()
        house = await house_to_be_served(tmp_path, clock)
        try:
            await body(await AtTheDoor(clock, house).make())
        finally:
            await house.close()

    asyncio.run(main())


def damaged(token: str, at: int) -> str:
    return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]


def changed(keys: Credentials, **members: Any) -> Credentials:
    kept = {"access_key": keys.access_key, "secret_key": keys.secret_key, "token": keys.token}
    return Credentials(**(kept | members))


def test_only_the_whole_token_with_its_own_keys_signs(tmp_path: Path) -> None:
    async def body(door: AtTheDoor) -> None:
        given, other = door.given, await door.assume()
        # Before and after the right credentials were seen: the short way in checks as much as the long one.
        for _ in range(2):
            for wrong in (
                changed(given, token=None),
                changed(given, token=other.token),
                changed(given, access_key=other.access_key),
                changed(given, token=given.token[:-4]),
                changed(given, token=given.token + "AAAA"),
                changed(given, token="AAAA" + given.token),
                changed(given, token="not a token"),
                changed(given, token="A" * 20_000),
                *(changed(given, token=damaged(given.token, at)) for at in range(0, len(given.token) - 4, 29)),
            ):
                assert await door.list_keys(wrong) == (400, "UnrecognizedClientException")
            mismatch = await door.list_keys(changed(given, secret_key=other.secret_key))
            assert mismatch == (400, "InvalidSignatureException")
            for _ in range(3):
                assert await door.list_keys(given) == (200, "Keys")

    at_the_door(tmp_path, body)


def test_a_long_term_key_takes_no_token(tmp_path: Path) -> None:
    async def body(door: AtTheDoor) -> None:
        keys = Credentials(door.ann.access_key_id, door.ann.secret_access_key)
        assert (await door.sts("GetCallerIdentity", keys))[0] == 200
        status, text = await door.sts("GetCallerIdentity", changed(keys, token=door.given.token))
        assert status == 403
        assert INVALID in text

    at_the_door(tmp_path, body)


def test_a_token_ends_when_its_time_is_over(tmp_path: Path) -> None:
    async def body(door: AtTheDoor) -> None:
        for step, allowed in ((0, True), (3_590, True), (11, False), (36_399, False)):
            # Clients sign with the real time, which stays: a session ends by the clock of the house.
            door.clock.advance(timedelta(seconds=step))
            status, kind = await door.list_keys(door.given)
            assert (status, kind) == ((200, "Keys") if allowed else (400, "ExpiredTokenException"))
            status, text = await door.sts("GetCallerIdentity", door.given)
            assert status == (200 if allowed else 403)
            assert allowed or ("<Code>ExpiredToken</Code>" in text and EXPIRED in text)
        # What is given out then is good again.
        door.given = await door.assume()
        assert await door.list_keys(door.given) == (200, "Keys")

    at_the_door(tmp_path, body)


def test_what_is_revoked_is_revoked_on_the_short_way_too(tmp_path: Path) -> None:
    async def body(door: AtTheDoor) -> None:
        for _ in range(3):
            assert await door.list_keys(door.given) == (200, "Keys")
        await door.made.delete_policy(door.role)
        assert await door.list_keys(door.given) == (400, "AccessDeniedException")
        await door.made.put_policy(door.role, "inline", json.dumps({"Statement": allow("kms:ListKeys")}))
        assert await door.list_keys(door.given) == (200, "Keys")
        await door.made.delete(door.role)
        for _ in range(2):
            assert await door.list_keys(door.given) == (400, "UnrecognizedClientException")

    at_the_door(tmp_path, body)


def test_a_token_holds_no_secret_in_the_clear_and_opens_nowhere_else(tmp_path: Path) -> None:
    async def body(door: AtTheDoor) -> None:
        sealer, given = door.house.sealer, door.given
        session = session_of(given.access_key, given.token, sealer)
        assert session is not None
        assert (session.secret_access_key, session.issuer_id) == (given.secret_key, door.role.unique_id)
        assert given.secret_key not in repr(session)
        assert session_of("ASIAAAAAAAAAAAAAAAAA", given.token, sealer) is None
        assert session_of(given.access_key, "\ud800" + given.token, sealer) is None
        again = token_of(session, sealer)
        assert again != given.token
        assert session_of(given.access_key, again, sealer) == session

    at_the_door(tmp_path, body)
