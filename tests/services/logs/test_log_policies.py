"""Resource policies: which services may put events, and that they speak for nobody else."""

import json
from typing import Any

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.kms.made_identities import make_account
from tests.services.logs.asking import GROUP, GROUP_ARN, STREAM, ask, make_group, messages_of, now_ms
from tests.services.refusals import refused

from strongroom.operations.callers import Caller

ROUTE53 = Caller.service("route53.amazonaws.com", ACCOUNT)
OTHER = "444455556666"


def policy(principal: Any, resource: str = f"{GROUP_ARN}:*", sid: str = "S") -> str:
    statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": principal,
        "Action": ["logs:PutLogEvents", "logs:CreateLogStream"],
        "Resource": resource,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


FOR_ROUTE53 = policy({"Service": "route53.amazonaws.com"})


def test_a_service_puts_events_where_a_policy_lets_it(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house)

        async def put(caller: Caller = ROUTE53, group: str = GROUP) -> None:
            events = [{"timestamp": now_ms(house), "message": "by a service"}]
            named = {"logGroupName": group, "logStreamName": STREAM, "logEvents": events}
            await ask(house, "PutLogEvents", caller=caller, **named)

        with refused("AccessDeniedException"):
            await put()
        await ask(house, "PutResourcePolicy", policyName="dns", policyDocument=FOR_ROUTE53)
        await put()
        await ask(house, "CreateLogStream", caller=ROUTE53, logGroupName=GROUP, logStreamName="new")
        with refused("AccessDeniedException"):
            await put(Caller.service("other.amazonaws.com", ACCOUNT))
        with refused("AccessDeniedException"):
            await put(group="/no")
        await ask(house, "DeleteResourcePolicy", policyName="dns")
        with refused("AccessDeniedException"):
            await put()
        made = await ask(house, "PutResourcePolicy", policyName="g", policyDocument=FOR_ROUTE53, resourceArn=GROUP_ARN)
        await put()
        with refused("OperationAbortedException"):
            await ask(house, "PutResourcePolicy", policyName="g", policyDocument=FOR_ROUTE53, resourceArn=GROUP_ARN)
        listed = (await ask(house, "DescribeResourcePolicies", policyScope="RESOURCE"))["resourcePolicies"]
        assert listed == [made["resourcePolicy"]]
        assert (await ask(house, "DescribeResourcePolicies", resourceArn=GROUP_ARN))["resourcePolicies"] == listed
        revision = {"resourceArn": GROUP_ARN, "expectedRevisionId": made["revisionId"]}
        await ask(house, "DeleteResourcePolicy", **revision)
        with refused("AccessDeniedException"):
            await put()
        assert await messages_of(house) == ["by a service"] * 2

    in_house(body)


def test_a_policy_speaks_for_no_other_account(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_account(house, OTHER)
        await make_group(house)
        await ask(house, "PutResourcePolicy", policyName="all", policyDocument=policy("*", "*"))
        stranger = Caller.root(OTHER, "AKIATESTROOTKEY00002")
        with refused("AccessDeniedException"):
            await ask(house, "DescribeLogStreams", caller=stranger, logGroupIdentifier=GROUP_ARN)
        with refused("AccessDeniedException"):
            await ask(house, "FilterLogEvents", caller=stranger, logGroupIdentifier=GROUP_ARN)

    in_house(body)


def test_policies_are_listed_and_limited(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        for number in range(10):
            await ask(house, "PutResourcePolicy", policyName=f"p{number}", policyDocument=FOR_ROUTE53)
        with refused("LimitExceededException", "Resource limit exceeded."):
            await ask(house, "PutResourcePolicy", policyName="p10", policyDocument=FOR_ROUTE53)
        await ask(house, "PutResourcePolicy", policyName="p9", policyDocument=FOR_ROUTE53)
        page = await ask(house, "DescribeResourcePolicies", limit=6)
        rest = await ask(house, "DescribeResourcePolicies", limit=6, nextToken=page["nextToken"])
        names = [each["policyName"] for each in page["resourcePolicies"] + rest["resourcePolicies"]]
        assert names == [f"p{number}" for number in range(10)]
        assert page["resourcePolicies"][0]["policyScope"] == "ACCOUNT"
        for wrong in ("{", "{}", policy({"AWS": "*"}).replace("Allow", "Maybe")):
            with refused("InvalidParameterException"):
                await ask(house, "PutResourcePolicy", policyName="p1", policyDocument=wrong)
        with refused("ResourceNotFoundException"):
            await ask(house, "DeleteResourcePolicy", policyName="no")

    in_house(body)
