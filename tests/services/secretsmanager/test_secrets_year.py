"""A year of rotations, by a clock that is moved by hours: each window has its rotation, and none has two."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.opened_house import opened_house
from tests.services.secretsmanager.rotating import Rotating

from strongroom.operations.house import House
from strongroom.operations.managed_rotations import CREATE, FINISH, ManagedSecret

HOUR = 3_600
HOURS, HOURS_OF_HOURLY = 365 * 24, 30 * 24
SCHEDULES = {
    "days": {"AutomaticallyAfterDays": 30},
    "nights": {"AutomaticallyAfterDays": 30, "Duration": "3h"},
    "hours": {"ScheduleExpression": "rate(4 hours)"},
    "twice-a-month": {"ScheduleExpression": "cron(0 16 1,15 * ? *)", "Duration": "2h"},
    "sundays": {"ScheduleExpression": "cron(0 2 ? * SUN *)"},
}


def test_a_year_without_a_missed_rotation_or_one_too_many(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            rotating = Rotating(house)
            names, begun = {}, defaultdict[str, list[float]](list)
            for name, rules in SCHEDULES.items():
                arn = await rotating.make(f"safe!{name}")
                names[arn] = name
                later = {"RotateImmediately": False, "RotationRules": rules}
                await rotating.secrets("RotateSecret", SecretId=arn, **later)

            async def step_of(house_: House, secret: ManagedSecret, step: str) -> None:
                if step == CREATE:
                    begun[names[secret.arn]].append(house.clock.now())
                    new = {"ClientRequestToken": secret.version_id, "SecretString": secret.version_id}
                    await rotating.safe.perform(house_, secret, "PutSecretValue", VersionStages=["AWSPENDING"], **new)
                elif step == FINISH:
                    await rotating.safe.finish(house_, secret)

            rotating.safe.rotate = step_of  # type: ignore[method-assign]
            first = (house.clock.now() // HOUR + 1) * HOUR
            for hour in (*range(HOURS_OF_HOURLY), *range(HOURS_OF_HOURLY + int(first // HOUR) % 2, HOURS, 2)):
                house.clock.advance(timedelta(seconds=max(0.0, first + hour * HOUR + 1 - house.clock.now())))
                await rotating.round()
                if hour == HOURS_OF_HOURLY - 1:
                    await rotating.as_owner("CancelRotateSecret", SecretId="safe!hours")
            last = house.clock.now()
            for arn, name in names.items():
                newest = (await rotating.secrets("DescribeSecret", SecretId=arn))["VersionIdsToStages"]
                assert await rotating.secrets.value(arn) in newest
                assert sorted(newest.values()) == [["AWSCURRENT"], ["AWSPREVIOUS"]], name
        hours_of = {name: [int(at // HOUR) for at in times] for name, times in begun.items()}
        expected = {name: windows(name, first, last) for name in SCHEDULES}
        for name in SCHEDULES:
            assert hours_of[name] == expected[name], name

    asyncio.run(main())


def windows(name: str, first: float, last: float) -> list[int]:
    """Return the hours in which the windows of a schedule begin, worked out from the calendar alone."""
    hours = range(int(first // HOUR), int(last // HOUR) + 1)
    made = int(first // HOUR) - 1
    if name == "hours":
        return [hour for hour in hours[:HOURS_OF_HOURLY] if (hour - made) % 4 == 0]
    if name in ("days", "nights"):
        return [hour for hour in hours if hour % 24 == 0 and (hour // 24 - made // 24) % 30 == 0]
    moments = ((hour, datetime.fromtimestamp(hour * HOUR, UTC)) for hour in hours)
    if name == "sundays":
        return [hour for hour, at in moments if (at.weekday(), at.hour) == (6, 2)]
    return [hour for hour, at in moments if at.day in (1, 15) and at.hour == 16]
