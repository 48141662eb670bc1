"""Sets of patterns that may hold variables, matched against one text of a request.

A matcher answers True, False, or None for "cannot tell": a variable has no value. See `conditions` for what becomes
of None.
"""

from collections.abc import Callable, Sequence
from functools import partial

from strongroom.policy.context import Context
from strongroom.policy.tokens import (
    Tokens,
    Wildcard,
    characters_min,
    has_variable,
    has_wildcard,
    lowered,
    resolve,
    split_segments,
)
from strongroom.policy.wildcards import TextMatcher, compile_any, compile_wildcards

Matcher = Callable[[str, Context], bool | None]

ARN_SEGMENTS = 6
_ANYTHING: Tokens = (Wildcard.MANY,)


def compile_texts(patterns: Sequence[Tokens], *, unresolved: bool | None, ignore_case: bool = False) -> Matcher:
    """Return a matcher for "the text matches at least one pattern".

    A pattern with a variable that has no value matches nothing; when no other pattern matches either, the answer is
    `unresolved`.
    """
    if ignore_case:
        patterns = [lowered(tokens) for tokens in patterns]
    static = compile_any([tokens for tokens in patterns if not has_variable(tokens)])
    templates = tuple(tokens for tokens in patterns if has_variable(tokens))

    def template_matches(tokens: Tokens, text: str, context: Context) -> bool | None:
        resolved = resolve(tokens, context)
        if resolved is None:
            return unresolved
        # A variable that stands often, with a long value, must not cost their product: such a pattern is too long.
        if characters_min(resolved) > len(text):
            return False
        return compile_wildcards(lowered(resolved) if ignore_case else resolved)(text)

    matcher = _with_templates(static, templates, template_matches)
    return (lambda text, context: matcher(text.lower(), context)) if ignore_case else matcher


def compile_arns(patterns: Sequence[Tokens], *, unresolved: bool | None) -> Matcher:
    """Return a matcher for "the ARN matches at least one pattern", segment by segment.

    A pattern has six segments, or is a lone `*`, or is a lone variable (which then is the whole ARN, literally). A
    wildcard never reaches over a colon, except in the sixth segment, to which all later colons belong. Source: IAM
    User Guide, "IAM JSON policy elements: Condition operators", section "Amazon Resource Name (ARN) condition
    operators".
    """
    whole: list[Tokens] = []
    segmented: list[TextMatcher] = []
    templates: list[Tokens] = []
    for tokens in patterns:
        if has_variable(tokens):
            templates.append(tokens)
        elif tokens == _ANYTHING or not any(has_wildcard(part) for part in split_segments(tokens, ARN_SEGMENTS)[:-1]):
            # Five literal segments hold five literal colons, so matching the whole text cannot reach over one.
            whole.append(tokens)
        else:
            segments = split_segments(tokens, ARN_SEGMENTS)
            segmented.append(_compile_skips(segments) or _compile_segments(segments))
    static = compile_any(whole, or_else=segmented)
    return _with_templates(static, tuple(templates), partial(_arn_template_matches, unresolved=unresolved))


def _with_templates(
    static: TextMatcher,
    templates: tuple[Tokens, ...],
    template_matches: Callable[[Tokens, str, Context], bool | None],
) -> Matcher:
    if not templates:
        return lambda text, _: static(text)

    def matches(text: str, context: Context) -> bool | None:
        if static(text):
            return True
        answer: bool | None = False
        for tokens in templates:
            matched = template_matches(tokens, text, context)
            if matched:
                return True
            if matched is None:
                answer = None
        return answer

    return matches


def _compile_segments(segments: tuple[Tokens, ...]) -> TextMatcher:
    count = len(segments)
    matchers = tuple((at, compile_any([part])) for at, part in enumerate(segments) if part != _ANYTHING)

    def matches(arn: str) -> bool:
        parts = arn.split(":", ARN_SEGMENTS - 1)
        if len(parts) != count:
            return False
        for at, matcher in matchers:  # noqa: SIM110  A generator would cost more than the matching.
            if not matcher(parts[at]):
                return False
        return True

    return matches


def _compile_skips(segments: tuple[Tokens, ...]) -> TextMatcher | None:
    """Return a matcher for the usual shape that does not cut the ARN into segments, or None for another shape.

    Usual are segments that are literal or a lone `*`, where the last may also be literal text that ends with `*`. The
    ARN has to go on with the literal text up to each `*`, which then skips to the next colon.
    """
    *outer, last = segments
    is_open = last[-1:] == _ANYTHING
    if is_open:
        last = last[:-1]
    if has_wildcard(last) or any(part != _ANYTHING and has_wildcard(part) for part in outer):
        return None
    texts = [""]
    for part in outer:
        if part == _ANYTHING:
            texts.append("")
        else:
            texts[-1] += _literal(part)
        texts[-1] += ":"
    texts[-1] += _literal(last)
    first, *others = texts

    def matches(arn: str) -> bool:
        if not arn.startswith(first):
            return False
        at = len(first)
        for text in others:
            at = arn.find(":", at)
            if at < 0 or not arn.startswith(text, at):
                return False
            at += len(text)
        return is_open or at == len(arn)

    return matches


def _literal(tokens: Tokens) -> str:
    return "".join(token for token in tokens if isinstance(token, str))


def _arn_template_matches(tokens: Tokens, arn: str, context: Context, *, unresolved: bool | None) -> bool | None:
    """A template is cut into segments before its variables are replaced: no value can bring in a colon that counts."""
    segments = split_segments(tokens, ARN_SEGMENTS)
    resolved = [resolve(segment, context) for segment in segments]
    known = [segment for segment in resolved if segment is not None]
    if len(known) < len(segments):
        return unresolved
    if len(segments) == 1:
        return compile_wildcards(known[0])(arn)
    return _compile_segments(tuple(known))(arn)
