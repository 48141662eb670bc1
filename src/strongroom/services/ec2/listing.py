"""Describe calls: resources by id, by filters, page by page.

Source: Amazon EC2 User Guide, "Find your Amazon EC2 resources" (filters: values are case-sensitive, `*` and `?` are
wildcards, `\\` escapes them; several values are alternatives, several filters must all hold); API Reference, "Query
Requests for Amazon EC2" (pagination).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.page_position import position_of, position_text
from strongroom.operations.registry import Answer
from strongroom.policy.tokens import Wildcard
from strongroom.policy.wildcards import TextMatcher, compile_wildcards
from strongroom.services.ec2 import errors
from strongroom.services.ec2.access import inventory_of
from strongroom.services.ec2.inventory import Inventory, Resource
from strongroom.services.ec2.kinds import Kind

PAGE_LEAST = 5
PAGE_MOST = 1_000
FILTERS_MAX = 50
FILTER_VALUES_MAX = 200

Values = Callable[[Inventory, Resource], Iterable[object]]
"""The values of a resource that a filter looks at. Truth values and numbers are compared as text."""

Show = Callable[[Inventory, Resource], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """How resources of one kind are described: under which member, by which ids, shown how, filtered by what."""

    kind: Kind
    member: str
    ids: str
    show: Show
    filters: Mapping[str, Values]
    filters_member: str = "Filters"
    is_shown: Callable[[Inventory, Resource], bool] = lambda inventory, resource: True


def attribute(name: str) -> Values:
    """Return what filters by an attribute as it is."""
    return lambda inventory, resource: (resource.get(name),)


def text_of(value: object) -> str:
    """Return a value as filters compare it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@lru_cache(512)
def matcher_of(pattern: str) -> TextMatcher:
    """Return what tells whether a text is what a filter's value looks for."""
    tokens: list[str | Wildcard] = []
    text = ""
    escaped = False
    for character in pattern:
        if not escaped and character in "*?":
            tokens += [text] if text else []
            tokens.append(Wildcard.MANY if character == "*" else Wildcard.ONE)
            text = ""
        elif not escaped and character == "\\":
            escaped = True
            continue
        else:
            text += character
        escaped = False
    return compile_wildcards((*tokens, text) if text else tuple(tokens))


def matches(value: str, patterns: Iterable[str]) -> bool:
    """Return whether a value is one of those that a filter names."""
    return any(pattern == value or matcher_of(pattern)(value) for pattern in patterns)


def describe(call: Call, listing: Listing, more_ids: Sequence[str] = ()) -> Callable[[Any], Answer]:
    """Return what reads the page that a call asks for. Raises AwsError for what it may not ask.

    `more_ids` are of resources that the call names in other ways than by their ids.
    """
    params = call.params
    wanted = [*(params.get(listing.ids) or ()), *more_ids]
    limit = page_limit(params, listing.ids if wanted else "")
    filters = checked_filters(params.get(listing.filters_member), listing.filters)
    after = page_start(call)

    def read(connection: Any) -> Answer:
        inventory = inventory_of(call, connection)
        if wanted:
            chosen = [inventory.get(listing.kind, resource_id) for resource_id in dict.fromkeys(wanted)]
            for resource in chosen:
                if not listing.is_shown(inventory, resource):
                    raise listing.kind.not_found(resource.id)
        else:
            chosen = [each for each in inventory.all(listing.kind) if listing.is_shown(inventory, each)]
        kept = [
            resource
            for resource in chosen
            if resource.id > after and is_kept(inventory, resource, filters, listing.filters)
        ]
        answer: Answer = {listing.member: [listing.show(inventory, each) for each in kept[:limit]]}
        if limit is not None and len(kept) > limit:
            answer["NextToken"] = position_text(call.operation.name, kept[limit - 1].id)
        return answer

    return read


def page_limit(params: Mapping[str, Any], ids_member: str) -> int | None:
    """Return how many items a page may have, None for all. Raises AwsError for a number that is not allowed.

    `ids_member` names the member by which resources are asked for one by one, if they are: then there are no pages.
    """
    limit: int | None = params.get("MaxResults")
    if limit is None:
        return None
    if ids_member:
        name = ids_member[:1].lower() + ids_member[1:]
        raise errors.combination(f"The parameter {name} cannot be used with the parameter maxResults")
    if limit < PAGE_LEAST:
        raise errors.invalid(
            f"Value ( {limit} ) for parameter maxResults is invalid. Expecting a value greater than {PAGE_LEAST}."
        )
    return min(limit, PAGE_MOST)


def page_start(call: Call) -> str:
    """Return the position behind which a page begins. Raises AwsError for a token that was not given out."""
    token = call.params.get("NextToken")
    if not token:
        return ""
    try:
        return position_of(call.operation.name, token)
    except ValueError:
        raise AwsError("InvalidNextToken", "The specified NextToken is not valid.") from None


def checked_filters(sent: Sequence[Mapping[str, Any]] | None, known: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Return filters as names and values. Raises AwsError for a filter that there is not, and for too many."""
    filters: list[tuple[str, list[str]]] = []
    names = set(known)
    for each in sent or ():
        name, values = each.get("Name") or "", each.get("Values") or []
        if name not in names and not name.startswith("tag:") and name not in ("tag-key", "tag-value"):
            raise errors.invalid(f"The filter '{name[:255]}' is invalid")
        if not values:
            raise errors.invalid("The filter 'null' is invalid" if not name else f"No values for the filter '{name}'")
        filters.append((name, values))
    if len(filters) > FILTERS_MAX or sum(len(values) for _, values in filters) > FILTER_VALUES_MAX:
        raise AwsError("FilterLimitExceeded", "The maximum number of filter values has been exceeded.")
    return filters


def is_kept(
    inventory: Inventory, resource: Resource, filters: Iterable[tuple[str, list[str]]], known: Mapping[str, Values]
) -> bool:
    """Return whether a resource is what all filters look for."""
    return all(
        any(
            matches(text_of(value), patterns)
            for value in _values(inventory, resource, name, known)
            if value is not None
        )
        for name, patterns in filters
    )


def _values(inventory: Inventory, resource: Resource, name: str, known: Mapping[str, Values]) -> Iterable[object]:
    if name.startswith("tag:"):
        return (resource.tags[name[4:]],) if name[4:] in resource.tags else ()
    if name == "tag-key":
        return resource.tags
    if name == "tag-value":
        return resource.tags.values()
    return known[name](inventory, resource)
