"""What happens to parameters by itself: they expire, and notifications are noted, as their policies say."""

import json
from datetime import timedelta
from typing import Any

from tests.opened_house import InHouse, OpenedHouse
from tests.services.refusals import refused
from tests.services.ssm.asking import ARN, InSqliteHouse, ask, names, put, records, value

from strongroom.base.clock import as_datetime

DAY = 86_400


def _policy(kind: str, **attributes: str) -> dict[str, Any]:
    return {"Type": kind, "Version": "1.0", "Attributes": attributes}


def _expiration(house: OpenedHouse, days: float) -> dict[str, Any]:
    at = as_datetime(house.clock.now() + days * DAY).isoformat(timespec="milliseconds")
    return _policy("Expiration", Timestamp=at.replace("+00:00", "Z"))


async def _events(house: OpenedHouse) -> list[tuple[str, str]]:
    """Return what Parameter Store did by itself: the events' names, and the types of the policies."""
    own = [record for record in await records(house) if record.identity.type == "AWS Internal"]
    return [(record.operation, (record.details or {})["policyType"]) for record in own]


async def _statuses(house: OpenedHouse, name: str) -> list[str]:
    filters = [{"Key": "Name", "Values": [name]}]
    described = (await ask(house, "DescribeParameters", ParameterFilters=filters))["Parameters"][0]
    return [policy["PolicyStatus"] for policy in described["Policies"]]


def test_a_parameter_expires(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        policies = json.dumps([_expiration(house, 10)])
        await put(house, "/soon", Policies=policies, Tier="Advanced")
        await put(house, "/later", Policies=json.dumps([_expiration(house, 30)]), Tier="Advanced")
        await put(house, "/never")
        house.clock.advance(timedelta(days=9))
        await house.run_periodic_work()
        assert await value(house, "/soon") == "value"
        # A new value does not change when it expires.
        await put(house, "/soon", "new", Overwrite=True)
        house.clock.advance(timedelta(days=1, seconds=1))
        # It is gone when its time is over, before anybody has cleared it away.
        for operation in ("GetParameter", "GetParameterHistory"):
            with refused("ParameterNotFound"):
                await ask(house, operation, Name="/soon")
        assert await names(house, "GetParametersByPath", Path="/") == ["/later", "/never"]
        assert await names(house, "DescribeParameters") == ["/later", "/never"]
        assert await _events(house) == []
        await house.run_periodic_work()
        await house.run_periodic_work()
        assert await _events(house) == [("DeleteParameter", "Expiration")]
        event = next(record for record in await records(house) if record.identity.type == "AWS Internal")
        assert [one.arn for one in event.resources] == [f"{ARN}/soon"]
        assert await put(house, "/soon", "anew") == 1
        assert await value(house, "/later") == "value"

    in_house(body)


def test_the_name_of_an_expired_parameter_is_free_at_once(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        await put(house, "/p", Policies=json.dumps([_expiration(house, 1)]), Tier="Advanced", Type="StringList")
        house.clock.advance(timedelta(days=2))
        assert await put(house, "/p", "anew") == 1
        assert await value(house, "/p") == "anew"
        assert await _events(house) == [("DeleteParameter", "Expiration")]
        await house.run_periodic_work()
        assert await value(house, "/p") == "anew"

    in_sqlite_house(body)


def test_notifications_are_noted_once(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        policies = [
            _expiration(house, 30),
            _policy("ExpirationNotification", Before="5", Unit="Days"),
            _policy("NoChangeNotification", After="48", Unit="Hours"),
        ]
        await put(house, "/p", Policies=json.dumps(policies), Tier="Advanced")
        described = (await ask(house, "DescribeParameters"))["Parameters"][0]["Policies"]
        assert [json.loads(policy["PolicyText"]) for policy in described] == policies
        assert [policy["PolicyType"] for policy in described] == [policy["Type"] for policy in policies]
        assert await _statuses(house, "/p") == ["Pending", "Pending", "Pending"]
        house.clock.advance(timedelta(days=2, seconds=1))
        for _ in range(2):
            await house.run_periodic_work()
        assert await _events(house) == [("NoChangeNotification", "NoChangeNotification")]
        assert await _statuses(house, "/p") == ["Pending", "Pending", "Finished"]
        # A change begins the wait anew.
        await put(house, "/p", "new", Overwrite=True)
        assert await _statuses(house, "/p") == ["Pending", "Pending", "Pending"]
        house.clock.advance(timedelta(days=24))
        await house.run_periodic_work()
        assert sorted(await _events(house)) == [
            ("ExpirationNotification", "ExpirationNotification"),
            ("NoChangeNotification", "NoChangeNotification"),
            ("NoChangeNotification", "NoChangeNotification"),
        ]
        assert await value(house, "/p") == "new"
        house.clock.advance(timedelta(days=5))
        await house.run_periodic_work()
        assert (await _events(house))[-1] == ("DeleteParameter", "Expiration")
        assert await names(house, "DescribeParameters") == []

    in_house(body)


def test_policies_are_replaced_and_taken_away(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        await put(house, "/p", Policies=json.dumps([_expiration(house, 1)]), Tier="Intelligent-Tiering")
        await put(house, "/p", "new", Overwrite=True)
        assert await _statuses(house, "/p") == ["Pending"]
        for nothing in ("[{}]", "[]"):
            await put(house, "/p", "new", Overwrite=True, Policies=json.dumps([_expiration(house, 1)]))
            await put(house, "/p", "new", Overwrite=True, Policies=nothing)
            assert await _statuses(house, "/p") == []
        house.clock.advance(timedelta(days=3))
        await house.run_periodic_work()
        assert await value(house, "/p") == "new"

    in_sqlite_house(body)


def test_policies_that_cannot_be(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        expiration = _expiration(house, 1)
        attribute, kind = "InvalidPolicyAttributeException", "InvalidPolicyTypeException"
        before = _policy("ExpirationNotification", Before="1", Unit="Days")
        wrong: list[tuple[str, Any]] = [
            (attribute, "no JSON"),
            (attribute, {"Type": "Expiration"}),
            (attribute, ["Expiration"]),
            (kind, [_policy("Rotation", After="1", Unit="Days")]),
            (kind, [{}, expiration]),
            (attribute, [expiration | {"Version": "2.0"}]),
            (attribute, [expiration | {"More": "x"}]),
            (attribute, [_policy("Expiration", Timestamp="tomorrow")]),
            (attribute, [_policy("Expiration", Timestamp="2030-01-01T00:00:00")]),
            (attribute, [_policy("Expiration", Timestamp="2018-12-02T21:34:33.000Z")]),
            (attribute, [_policy("Expiration", Before="1", Unit="Days")]),
            (attribute, [_policy("NoChangeNotification", After="1", Unit="Weeks")]),
            (attribute, [_policy("NoChangeNotification", After="0", Unit="Days")]),
            (attribute, [_policy("NoChangeNotification", After="x", Unit="Days")]),
            (attribute, [_policy("NoChangeNotification", After="1")]),
            (attribute, [{"Type": "NoChangeNotification", "Version": "1.0"}]),
            ("IncompatiblePolicyException", [expiration, expiration]),
            ("IncompatiblePolicyException", [before]),
            ("PoliciesLimitExceededException", [expiration, *[before] * 10]),
        ]
        for code, policies in wrong:
            text = policies if isinstance(policies, str) else json.dumps(policies)
            with refused(code):
                await put(house, "/p", Policies=text, Tier="Advanced")
        with refused("ValidationException"):
            await put(house, "/p", Policies=json.dumps([expiration]))
        await put(house, "/p", Policies=json.dumps([expiration, *[before] * 9]), Tier="Advanced")

    in_sqlite_house(body)
