import time
import unicodedata

import pytest

from strongroom.model.patterns import whole_match
from strongroom.model.service import service_model


@pytest.mark.parametrize(
    ("pattern", "accepted", "refused"),
    [
        ("[a-z]+", ["abc"], ["abC", "", "abc1", "abc\n"]),
        ("^[a-z]+$", ["abc"], ["abc\n", "1abc"]),
        (r"[\w+=,.@-]*", ["a_B9+=,.@-", ""], ["é", "a b", "٣"]),
        (r"\d{3}", ["123"], ["١٢٣", "12"]),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", ["Ünïcode 九 ٣ \u2003", "a-b"], ["#", "\x00", "😀"]),
        (r"\p{L}+", ["é漢"], ["1", ""]),
        (r"[^\p{C}]*", ["abc é"], ["\x00", "\u200b", "\ue000", "\U0010ffff", "\U000e0001"]),
        (r"[\P{M}\p{M}]{1,5}", ["a\u0301"], ["", "abcdef"]),
        (r"\P{C}+", ["abc"], ["\n"]),
        (r"^\p{ASCII}+$", ["abc"], ["é"]),
        (r"[^\p{ASCII}]", ["é"], ["a"]),
        (r"[\p{Alnum}\p{Punct}]+", ["aZ9!"], [" ", "é"]),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", ["a é 😀 \t"], ["\x00", "\n"]),
        (r"[\w-_]*", ["a-_"], ["."]),
        (r"^arn:aws[a-z0-9-]*:iam::\d{12}:role\/[\w-\/.@+=,]{1,20}$", ["arn:aws:iam::123456789012:role/a-b/c"], ["x"]),
        (r"[^-A-Z]", ["a"], ["-", "B"]),
        (r"[]a]", ["]", "a"], ["b"]),
        (r"a\z", ["a"], ["a\n"]),
        (r"[\x{60}-\x{62}]", ["a"], ["d"]),
        (r"[a[b]", ["[", "a"], ["c"]),
        (r"(?!aws:)[a-zA-Z+-=._:/]+", ["a:b"], ["aws:x"]),
        (r"\[\]\-\\p", ["[]-\\p"], ["p"]),
    ],
)
def test_java_patterns_match_as_in_java(pattern: str, accepted: list[str], refused: list[str]) -> None:
    matches = whole_match(pattern)
    assert [text for text in accepted if matches(text) is None] == []
    assert [text for text in refused if matches(text) is not None] == []


@pytest.mark.parametrize("name", ["C", "Lu"])
def test_a_class_has_every_code_point_of_its_category_and_no_other(name: str) -> None:
    in_it, others = [], []
    for character in map(chr, range(0x110000)):
        (in_it if unicodedata.category(character).startswith(name) else others).append(character)
    assert whole_match(rf"(?:\p{{{name}}})*")("".join(in_it)) is not None
    assert whole_match(rf"[^\p{{{name}}}]*")("".join(others)) is not None


@pytest.mark.parametrize("pattern", [r"\p{NoSuchClass}", "[a-z&&[^b]]", "(", "^(?i)(true|false)$", r"[\P{ASCII}]"])
def test_a_pattern_that_cannot_be_rewritten_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|class"):
        whole_match(pattern)


@pytest.mark.parametrize("service", ["kms", "sts", "iam", "ssm", "secretsmanager", "logs"])
def test_no_pattern_is_slow_on_hostile_values(service: str) -> None:
    # The longest value that the length limits let through, made to match for as long as possible and then not to.
    slow = []
    for name, shape in service_model(service).shapes.items():
        if not shape.pattern or shape.type != "string":
            continue
        matches = whole_match(shape.pattern)
        longest = min(int(shape.max or 2_048), 8_192)
        for unit in ("a", "a-", "a.", "1", "a/", "arn:aws:iam::1:", "-", "_", " ", "A9"):
            hostile = (unit * longest)[: longest - 1] + "\x00"
            started = time.process_time()
            matches(hostile)
            if time.process_time() - started > 0.1:
                slow.append((name, unit, time.process_time() - started))
    assert slow == []
