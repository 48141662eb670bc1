"""Simulating requests: may this be done, by these policies, and why. Nothing is done.

Source: IAM User Guide, "Testing IAM policies with the IAM policy simulator"; IAM API Reference.
"""

import asyncio
import re
from collections.abc import Sequence
from itertools import islice, product
from typing import Any

from strongroom.base.arn import parse_arn
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.policy.document import PolicyKind
from strongroom.services.iam import errors
from strongroom.services.iam.access import account_wide
from strongroom.services.iam.entity import EntityRow
from strongroom.services.iam.paging import Page
from strongroom.services.iam.policy_source import on_policy_source, select_by_arn, source_row
from strongroom.services.iam.service import IAM
from strongroom.services.iam.simulated_caller import (
    SimulatedCaller,
    nobody_in_particular,
    resource_owner,
    simulated_caller,
)
from strongroom.services.iam.simulated_context import simulated_facts
from strongroom.services.iam.simulated_decision import Simulation
from strongroom.services.iam.source_policies import (
    SourcePolicy,
    is_excluded,
    managed_source_policy,
    policies_of,
    sent_policies,
    sent_policy,
)
from strongroom.storage.connection import Connection

ACTIONS_MAX = 1_000
RESOURCES_MAX = 1_000
_ACTION = re.compile(r"[a-zA-Z0-9-]+:[a-zA-Z0-9_.-]+")
_EVERYTHING = ("*",)


@operation(IAM, "SimulateCustomPolicy", needs=account_wide("iam:SimulateCustomPolicy"), reads_only=True)
async def simulate_custom_policy(call: Call) -> Answer:
    """Decide requests by the policies sent, and by nothing else. Source: IAM API Reference, SimulateCustomPolicy."""
    params = call.params
    identity = sent_policies(params, "PolicyInputList")
    levels = [
        sent_policies(level, "ServiceControlPolicyInputList")
        for level in params.get("OrderedOrganizationPolicyInputList", ())
    ]
    simulation = Simulation(
        caller=await _caller(call, params.get("CallerArn")),
        facts=simulated_facts(params.get("ContextEntries", ())),
        identity=identity,
        boundary=_sent_boundary(call),
        resource=_resource_policy(call, caller_known="CallerArn" in params),
        service_control=levels,
    )
    return await _page_of_results(call, simulation)


@operation(IAM, "SimulatePrincipalPolicy", needs=on_policy_source("iam:SimulatePrincipalPolicy"), reads_only=True)
async def simulate_principal_policy(call: Call) -> Answer:
    """Decide requests by the policies of a user, group or role, and by those sent, and tell why.

    Source: IAM API Reference, SimulatePrincipalPolicy.
    """
    params, row = call.params, source_row(call)
    excluded = params.get("PolicyExclusionList", ())

    def read(connection: Connection) -> tuple[list[SourcePolicy], SourcePolicy | None]:
        boundary = None
        if row.boundary_arn is not None:
            boundary = managed_source_policy(connection, row.boundary_arn, as_boundary=True)
        return policies_of(connection, row), boundary

    held, boundary = await call.read(read)
    sent = _sent_boundary(call)
    simulation = Simulation(
        caller=await _caller(call, params.get("CallerArn", params["PolicySourceArn"])),
        facts=simulated_facts(params.get("ContextEntries", ())),
        identity=[
            *(policy for policy in held if not is_excluded(policy, excluded)),
            *sent_policies(params, "PolicyInputList"),
        ],
        boundary=sent or (boundary if boundary is None or not is_excluded(boundary, excluded) else None),
        resource=_resource_policy(call, caller_known=True),
        in_organization=call.caller.organization_id is not None,
    )
    return await _page_of_results(call, simulation)


async def _caller(call: Call, arn: str | None) -> SimulatedCaller:
    if arn is None:
        return nobody_in_particular(call.account_id)

    def read(connection: Connection) -> EntityRow | None:
        return select_by_arn(connection, call, arn)

    return simulated_caller(call, arn, await call.read(read))


def _sent_boundary(call: Call) -> SourcePolicy | None:
    sent = sent_policies(call.params, "PermissionsBoundaryPolicyInputList")
    if len(sent) > 1:
        raise errors.invalid_input("Only one permissions boundary policy can be simulated at a time.")
    return sent[0] if sent else None


def _resource_policy(call: Call, *, caller_known: bool) -> SourcePolicy | None:
    text = call.params.get("ResourcePolicy")
    if text is None:
        return None
    if not caller_known:
        raise errors.invalid_input("CallerArn is required when a ResourcePolicy is given.")
    return sent_policy(text, "ResourcePolicy", PolicyKind.RESOURCE)


def _requested(call: Call) -> tuple[Sequence[str], Sequence[str]]:
    """Return the actions that the request names, and the resources. Raises InvalidInput for what is neither."""
    actions: Sequence[str] = call.params["ActionNames"]
    resources: Sequence[str] = call.params.get("ResourceArns") or _EVERYTHING
    if len(actions) > ACTIONS_MAX or len(resources) > RESOURCES_MAX:
        raise errors.invalid_input(f"At most {ACTIONS_MAX} actions on {RESOURCES_MAX} resources can be simulated.")
    for action in actions:
        if not _ACTION.fullmatch(action):
            raise errors.invalid_input(f"Invalid action name: {action}. It has to be service:Action.")
    for resource in resources:
        if resource != "*" and parse_arn(resource) is None:
            raise errors.invalid_input(f"Invalid resource: {resource} is neither an ARN nor *.")
    return actions, resources


async def _page_of_results(call: Call, simulation: Simulation) -> Answer:
    """Decide what is on the page, and nothing else: each action on each resource is a result of its own."""
    page = Page(call)
    actions, resources = _requested(call)
    total = len(actions) * len(resources)

    def decide() -> list[tuple[str, dict[str, Any]]]:
        results = []
        requested = enumerate(product(actions, resources), 1)
        for count, (action, resource) in islice(requested, page.index, page.index + page.limit):
            owner_id = resource_owner(call.params, resource, simulation.caller)
            results.append((str(count), simulation.decide(action, resource, owner_id)))
        return results

    # Up to a thousand decisions would keep everybody else waiting.
    results = await asyncio.to_thread(decide)
    if page.index + page.limit < total:
        results.append(("", {}))
    return page.answer("EvaluationResults", results)
