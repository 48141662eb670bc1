"""Generated requests of one service, and what is demanded of every answer."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol

from hypothesis import strategies as st
from tests.faults.generated_values import ANY_JSON, Known, Shapes, mostly, try_on_and_on
from tests.faults.plain_client import Answer
from tests.faults.served import may_answer

from strongroom.model.service import OperationModel


class Revived(Known, Protocol):
    """What a client knows, and can have there again."""

    def revive(self) -> None:
        """Have it there, whatever became of it."""


def check(operation: OperationModel, answer: Answer) -> None:
    """Assert that an answer is a right one, or a refusal that a client of the operation knows."""
    assert answer.headers["x-amzn-requestid"]
    if answer.status >= 300:
        assert 400 <= answer.status < 500, answer
        assert may_answer(operation, answer.code) or answer.code == "UnsupportedOperationException", answer


def try_requests(
    operations: Sequence[OperationModel],
    known: Revived,
    never: frozenset[str],
    ask: Callable[[OperationModel, Any], Answer],
    seconds: float,
) -> Counter[str]:
    """Send requests of some operations for so long, and return which answers there were to which, and how many.

    `never` is left out of most of them (see Shapes).
    """
    seen: Counter[str] = Counter()

    @cache
    def bodies(operation: OperationModel) -> st.SearchStrategy[Any]:
        assert operation.input is not None
        tame, wild = Shapes(known, tame=True, never=never), Shapes(known, tame=False)
        return mostly(mostly(tame.values(operation.input), wild.values(operation.input), 35), ANY_JSON, 3)

    def revive() -> None:
        known.revive()
        bodies.cache_clear()  # What is known may be another now. To make strategies takes longer than to draw values.

    def tried(request: tuple[OperationModel, Any]) -> None:
        operation, value = request
        answer = ask(operation, value)
        check(operation, answer)
        seen[f"{operation.name} {answer.code}"] += 1

    requests = st.sampled_from(operations).flatmap(lambda each: st.tuples(st.just(each), bodies(each)))
    try_on_and_on(tried, seconds, revive, request=requests)
    return seen
