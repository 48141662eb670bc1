"""Matching text against `*` and `?`, in time that grows with text times pattern at worst, whatever the pattern.

No regular expressions: a hostile `a*a*a*a*b` makes a backtracking matcher take exponential time.
"""

from collections.abc import Callable, Iterable

from strongroom.policy.tokens import Tokens, Variable, Wildcard

TextMatcher = Callable[[str], bool]


def compile_any(patterns: Iterable[Tokens], or_else: Iterable[TextMatcher] = ()) -> TextMatcher:
    """Return a function telling whether a text matches one of `patterns` (which have no variables) or of `or_else`."""
    exact: set[str] = set()
    prefixes: set[str] = set()
    others = list(or_else)
    for tokens in patterns:
        if tokens == (Wildcard.MANY,):
            return _always
        match tokens:
            case ():
                exact.add("")
            case (str() as text,):
                exact.add(text)
            case (str() as prefix, Wildcard.MANY):
                prefixes.add(prefix)
            case _:
                others.append(compile_wildcards(tokens))
    return _any_of(frozenset(exact), tuple(prefixes), tuple(others))


def _any_of(exact: frozenset[str], prefixes: tuple[str, ...], others: tuple[TextMatcher, ...]) -> TextMatcher:
    """The usual sets get a function that does only what they need: one call, no loop."""
    if not prefixes and not others:
        return exact.__contains__
    if not others:
        return (lambda text: text in exact or text.startswith(prefixes)) if exact else _starting_with(prefixes)
    if len(others) == 1 and not exact and not prefixes:
        return others[0]

    def matches(text: str) -> bool:
        if text in exact or text.startswith(prefixes):
            return True
        return any(other(text) for other in others)

    return matches


def _starting_with(prefixes: tuple[str, ...]) -> TextMatcher:
    return lambda text: text.startswith(prefixes)


def _always(_: str) -> bool:
    return True


def compile_wildcards(tokens: Tokens) -> TextMatcher:
    """Return a function telling whether a text matches `tokens` from its first character to its last.

    Raises ValueError for an unresolved variable.
    """
    if any(isinstance(token, Variable) for token in tokens):
        raise ValueError("a variable has to be resolved before it can be matched")
    if Wildcard.ONE in tokens:
        return _compile_states(tokens)
    runs = [""]
    for token in tokens:
        if isinstance(token, str):
            runs[-1] += token
        else:
            runs.append("")
    if len(runs) == 1:
        return runs[0].__eq__
    return _compile_runs(runs[0], tuple(run for run in runs[1:-1] if run), runs[-1])


def _compile_runs(first: str, middle: tuple[str, ...], last: str) -> TextMatcher:
    """Literal runs with `*` between them: the leftmost place of each run will do, so nothing is tried twice."""
    shortest = len(first) + len(last)

    def matches(text: str) -> bool:
        if len(text) < shortest or not text.startswith(first) or not text.endswith(last):
            return False
        start = len(first)
        end = len(text) - len(last)
        for run in middle:
            found = text.find(run, start, end)
            if found < 0:
                return False
            start = found + len(run)
        return True

    return matches


def _compile_states(tokens: Tokens) -> TextMatcher:
    """Patterns with `?`: the states of the automaton are the bits of one integer, moved together for each character.

    Bit n is set when the first n single-character parts of the pattern are matched.
    """
    here = 1
    any_character = 0
    repeating = 0
    by_character: dict[str, int] = {}
    for token in tokens:
        if token is Wildcard.MANY:
            repeating |= here
        elif token is Wildcard.ONE:
            any_character |= here
            here <<= 1
        else:
            for character in str(token):
                by_character[character] = by_character.get(character, 0) | here
                here <<= 1
    final = here
    steps = {character: states | any_character for character, states in by_character.items()}

    def matches(text: str) -> bool:
        states = 1
        for character in text:
            states = ((states & steps.get(character, any_character)) << 1) | (states & repeating)
            if not states:
                return False
        return bool(states & final)

    return matches
