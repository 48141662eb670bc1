"""Which rows a limit keeps, against sorting everything: rows are held only as far as they can come out."""

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.services.logs.insights.events import START_MS, event

from strongroom.services.logs.insights import QueryEvent, parse_query
from strongroom.services.logs.insights.sorting import sort_key

NUMBERS = st.lists(st.integers(0, 9), max_size=12)


def of_numbers(numbers: list[int]) -> list[QueryEvent]:
    return [event({"n": number, "at": place}, START_MS + place) for place, number in enumerate(numbers)]


def places(query: str, events: list[QueryEvent]) -> list[int]:
    rows = parse_query(f"{query} | display at").run(events, None).rows
    return [int(dict(row)["at"]) for row in rows]


@given(NUMBERS, st.integers(1, 5))
def test_sort_and_limit_keep_what_sorting_everything_would(numbers: list[int], limit: int) -> None:
    newest_first = sorted(range(len(numbers)), reverse=True)
    ascending = sorted(newest_first, key=lambda place: numbers[place])
    descending = sorted(newest_first, key=lambda place: -numbers[place])
    events = of_numbers(numbers)
    assert places("fields n", events) == newest_first
    assert places(f"sort n | limit {limit}", events) == ascending[:limit]
    assert places(f"sort n desc | limit {limit}", events) == descending[:limit]
    assert (
        places(f"sort n | filter n > 4 | limit {limit}", events) == [at for at in ascending if numbers[at] > 4][:limit]
    )
    of_first = sorted(newest_first[:limit], key=lambda place: numbers[place])
    assert places(f"limit {limit} | sort n", events) == of_first


@given(NUMBERS)
def test_dedup_keeps_the_first_of_each_value(numbers: list[int]) -> None:
    firsts: dict[int, int] = {}
    for place in sorted(range(len(numbers)), reverse=True):
        firsts.setdefault(numbers[place] % 3, place)
    rows = parse_query("fields n % 3 as rest | dedup rest").run(of_numbers(numbers), None).rows
    assert [row[1] for row in rows] == [("@ptr", f"ptr-{START_MS + place}") for place in firsts.values()]


@given(st.lists(st.integers(0, 9), max_size=5), st.randoms())
def test_results_do_not_hang_on_the_order_in_which_events_come(numbers: list[int], random: Any) -> None:
    events = of_numbers(numbers)
    shuffled = random.sample(events, len(events))
    for query in (
        "fields n",
        "sort n, at | limit 3",
        "stats count(*), earliest(at), latest(at) by n | sort n",
        "dedup n",
    ):
        assert parse_query(query).run(shuffled, None) == parse_query(query).run(events, None)


@given(st.lists(st.text("a1b02 _", max_size=5) | st.integers(-20, 20) | st.none(), max_size=6))
def test_natural_order_is_an_order(values: list[Any]) -> None:
    keys = sorted(map(sort_key, values))
    assert all(not later < earlier for earlier, later in itertools.combinations(keys, 2))
