"""Files of test frameworks and of coverage tools, as these write them, and what is read in them."""

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.services.codebuild.masking import Masker
from strongroom.services.codebuild.reports.formats import FORMATS, Format, junit, xml_tree
from strongroom.services.codebuild.reports.formats.unreadable import UnreadableReport
from strongroom.services.codebuild.reports.results import TEST, CaseResult, FileCoverage
from strongroom.services.codebuild.running import report_files
from strongroom.services.codebuild.running.report_files import RawFile, results_of

JUNIT = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="outer" tests="5"><testcase classname="a.B" name="passes" time="0.25"/>
<testcase classname="a.B" name="fails" time="1,000.5"><failure message="not so">a.B: not so
 at line 3</failure></testcase>
<testcase classname="a.B" name="breaks"><error message="no file" type="IOError"/><system-out>x</system-out></testcase>
<testsuite name="inner"><testcase name="skipped" time="nan"><skipped message="later"/></testcase></testsuite>
<testcase classname="a.B" name="umlaut \xc3\xbc" time="-1"/></testsuite></testsuites>"""

TESTNG = b"""<testng-results><suite name="S"><test name="T"><class name="c.D">
<test-method name="setUp" is-config="true" status="PASS" duration-ms="9"/>
<test-method name="one" status="PASS" duration-ms="12"/>
<test-method name="two" status="FAIL" duration-ms="3"><exception class="E"><message><![CDATA[boom]]></message>
<full-stacktrace><![CDATA[E: boom
at c.D]]></full-stacktrace></exception></test-method>
<test-method name="three" status="SKIP" duration-ms="0"/></class></test></suite></testng-results>"""

NUNIT = b"""<test-results name="x.dll"><test-suite type="Assembly" name="x.dll"><results>
<test-suite type="TestFixture" name="F"><results>
<test-case name="N.F.Good" executed="True" result="Success" success="True" time="0.016"/>
<test-case name="N.F.Bad" executed="True" result="Failure" success="False" time="0.5"><failure>
<message>expected 1</message><stack-trace>at F</stack-trace></failure></test-case>
<test-case name="N.F.Old" executed="True" success="True"/>
<test-case name="N.F.Not" executed="False" result="Ignored"><reason><message>why</message></reason></test-case>
</results></test-suite></results></test-suite></test-results>"""

NUNIT3 = b"""<test-run id="2" result="Failed"><test-suite type="Assembly" name="x.dll"><test-suite name="F">
<test-case name="Good" classname="N.F" result="Passed" duration="0.5"/>
<test-case name="Breaks" classname="N.F" result="Failed" label="Error" duration="0"><failure><message>m</message>
</failure></test-case><test-case name="Hm" classname="N.F" result="Inconclusive"/>
</test-suite></test-suite></test-run>"""

TRX = b"""<TestRun xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010"><Results>
<UnitTestResult testId="1" testName="Good" outcome="Passed" duration="00:01:00.5000000"/>
<UnitTestResult testId="2" testName="Bad" outcome="Failed"><Output><ErrorInfo><Message>m</Message>
<StackTrace>at X</StackTrace></ErrorInfo></Output></UnitTestResult>
<UnitTestResult testId="3" testName="Not" outcome="NotExecuted"/></Results><TestDefinitions>
<UnitTest id="1"><TestMethod className="N.C"/></UnitTest></TestDefinitions></TestRun>"""

CUCUMBER = json.dumps(
    [
        {
            "name": "Door",
            "uri": "door.feature",
            "elements": [
                {"type": "background", "steps": [{"result": {"status": "passed", "duration": 5}}]},
                {
                    "type": "scenario",
                    "name": "opens",
                    "before": [{"result": {"status": "passed", "duration": 1}}],
                    "steps": [{"result": {"status": "passed", "duration": 10}}],
                },
                {
                    "type": "scenario",
                    "name": "jams",
                    "steps": [
                        {"result": {"status": "failed", "duration": 7, "error_message": "stuck"}},
                        {"result": {"status": "skipped"}},
                    ],
                },
                {"type": "scenario", "name": "unsaid", "steps": [{"result": {"status": "undefined"}}]},
            ],
        }
    ]
).encode()


def of(format_: str, content: bytes) -> list[tuple[object, ...]]:
    return [tuple(each) for each in FORMATS[format_].read(content)]


@pytest.mark.parametrize(
    ("format_", "content", "expected"),
    [
        (
            "JUNITXML",
            JUNIT,
            [
                ("a.B", "passes", "SUCCEEDED", 250_000_000, "", "outer"),
                ("a.B", "fails", "FAILED", 1_000_500_000_000, "a.B: not so\n at line 3", "outer"),
                ("a.B", "breaks", "ERROR", 0, "no file", "outer"),
                ("", "skipped", "SKIPPED", 0, "later", "inner"),
                ("a.B", "umlaut ü", "SUCCEEDED", 0, "", "outer"),
            ],
        ),
        (
            "TESTNGXML",
            TESTNG,
            [
                ("c.D", "one", "SUCCEEDED", 12_000_000, "", "S"),
                ("c.D", "two", "FAILED", 3_000_000, "E: boom\nat c.D", "S"),
                ("c.D", "three", "SKIPPED", 0, "", "S"),
            ],
        ),
        (
            "NUNITXML",
            NUNIT,
            [
                ("F", "N.F.Good", "SUCCEEDED", 16_000_000, "", "F"),
                ("F", "N.F.Bad", "FAILED", 500_000_000, "expected 1\nat F", "F"),
                ("F", "N.F.Old", "SUCCEEDED", 0, "", "F"),
                ("F", "N.F.Not", "SKIPPED", 0, "why", "F"),
            ],
        ),
        (
            "NUNIT3XML",
            NUNIT3,
            [
                ("N.F", "Good", "SUCCEEDED", 500_000_000, "", "F"),
                ("N.F", "Breaks", "ERROR", 0, "m", "F"),
                ("N.F", "Hm", "UNKNOWN", 0, "", "F"),
            ],
        ),
        (
            "VISUALSTUDIOTRX",
            TRX,
            [
                ("N.C", "Good", "SUCCEEDED", 60_500_000_000, "", "N.C"),
                ("", "Bad", "FAILED", 0, "m\nat X", ""),
                ("", "Not", "SKIPPED", 0, "", ""),
            ],
        ),
        (
            "CUCUMBERJSON",
            CUCUMBER,
            [
                ("Door", "opens", "SUCCEEDED", 16, "", "door.feature"),
                ("Door", "jams", "FAILED", 7, "stuck", "door.feature"),
                ("Door", "unsaid", "UNKNOWN", 0, "", "door.feature"),
            ],
        ),
    ],
)
def test_test_cases_are_read(format_: str, content: bytes, expected: list[tuple[object, ...]]) -> None:
    assert of(format_, content) == [tuple(CaseResult(*each)) for each in expected]  # type: ignore[arg-type]


JACOCO = b"""<?xml version="1.0"?><!DOCTYPE report PUBLIC "-//JACOCO//DTD Report 1.1//EN" "report.dtd">
<report name="r"><group name="g"><package name="org/a"><class name="org/a/A" sourcefilename="A.java">
<counter type="LINE" missed="99" covered="99"/></class><sourcefile name="A.java"><line nr="1" mi="0" ci="1"/>
<counter type="LINE" missed="1" covered="3"/><counter type="BRANCH" missed="2" covered="2"/></sourcefile>
<sourcefile name="B.java"/></package></group></report>"""

COBERTURA = b"""<?xml version="1.0"?><!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">
<coverage><packages><package><classes><class filename="a.py"><methods><method><lines><line number="1" hits="0"/></lines>
</method></methods><lines><line number="1" hits="2"/><line number="2" hits="0"/>
<line number="3" hits="1" branch="true" condition-coverage="50% (1/2)"/></lines></class>
<class filename="a.py"><lines><line number="2" hits="1"/></lines></class>
<class filename="b.py"><lines/></class></classes></package></packages></coverage>"""

CLOVER = b"""<coverage generated="1"><project timestamp="1"><metrics statements="9"/><package name="p">
<file name="a.js" path="/src/a.js">
<metrics statements="4" coveredstatements="3" conditionals="2" coveredconditionals="1"/>
<line num="1" count="1" type="stmt"/></file></package><file name="b.php"><line num="1" count="1" type="method"/>
<line num="2" count="0" type="stmt"/><line num="3" truecount="1" falsecount="0" type="cond"/></file>
</project></coverage>"""

SIMPLECOV = json.dumps(
    {
        "RSpec": {"coverage": {"a.rb": {"lines": [None, 1, 0, "ignored"], "branches": {"[:if]": {"t": 1, "e": 0}}}}},
        "Minitest": {"coverage": {"a.rb": {"lines": [None, 0, 2, None]}, "b.rb": [0, None]}},
    }
).encode()

LCOV = b"TN:\nSF:a.c\nDA:1,2\nDA:2,0,abc\nBRDA:1,0,0,1\nBRDA:1,0,1,-\nLF:2\nend_of_record\nSF:b.c\nend_of_record\n"


@pytest.mark.parametrize(
    ("format_", "content", "expected"),
    [
        ("JACOCOXML", JACOCO, [("org/a/A.java", 3, 1, 2, 2), ("org/a/B.java", 0, 0, 0, 0)]),
        ("COBERTURAXML", COBERTURA, [("a.py", 3, 0, 1, 1), ("b.py", 0, 0, 0, 0)]),
        ("CLOVERXML", CLOVER, [("/src/a.js", 3, 1, 1, 1), ("b.php", 1, 1, 1, 1)]),
        ("SIMPLECOV", SIMPLECOV, [("a.rb", 2, 0, 1, 1), ("b.rb", 0, 1, 0, 0)]),
        ("LCOVINFO", LCOV, [("a.c", 1, 1, 1, 1), ("b.c", 0, 0, 0, 0)]),
    ],
)
def test_coverage_is_read(format_: str, content: bytes, expected: list[tuple[object, ...]]) -> None:
    assert of(format_, content) == [tuple(FileCoverage(*each)) for each in expected]  # type: ignore[arg-type]


def test_a_file_of_another_format_is_told_so() -> None:
    with pytest.raises(UnreadableReport, match="expected element type <testsuite> but have <coverage>"):
        list(FORMATS["JUNITXML"].read(CLOVER))
    with pytest.raises(UnreadableReport, match="expected element type <packages> but have <project>"):
        list(FORMATS["COBERTURAXML"].read(CLOVER))


def test_what_pytest_itself_writes_is_read(tmp_path: Path) -> None:
    (tmp_path / "test_of_three.py").write_text(
        "import pytest\n\ndef test_good(): pass\n\ndef test_bad(): assert 1 == 2, 'one < two & so on'\n\n"
        "@pytest.fixture\ndef broken(): raise OSError('no')\n\ndef test_broken(broken): pass\n\n"
        "@pytest.mark.skip(reason='later')\ndef test_later(): pass\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--junitxml=r.xml",
        "-c",
        "/dev/null",
        ".",
    ]
    subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60)
    cases = list(junit.read((tmp_path / "r.xml").read_bytes()))
    assert [(case.prefix, case.name, case.status, case.suite) for case in cases] == [
        ("test_of_three", "test_good", "SUCCEEDED", "pytest"),
        ("test_of_three", "test_bad", "FAILED", "pytest"),
        ("test_of_three", "test_broken", "ERROR", "pytest"),
        ("test_of_three", "test_later", "SKIPPED", "pytest"),
    ]
    assert "one < two & so on" in cases[1].message
    assert "OSError: no" in cases[2].message
    assert "later" in cases[3].message
    assert cases[0].nanoseconds >= 0


_BOMB = b'<!DOCTYPE t [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><testsuite name="&b;"/>'
_OUTSIDE = (
    b'<!DOCTYPE t [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuite><testcase name="x">&a;</testcase></testsuite>'
)
_PARAMETER = b'<!DOCTYPE t [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x">%p;]><testsuite/>'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<testsuite>",
        b"\xff\xfe\x00",
        b"<testsuite/><testsuite/>",
        b'<?xml version="1.0" encoding="nonsense"?><testsuite/>',
        b"<testsuite>" * 101 + b"</testsuite>" * 101,
        b"<testsuite>" + b"<testcase/>" * 150 + b"</testsuite>",
        _BOMB,
        _OUTSIDE,
        _PARAMETER,
    ],
)
def test_xml_that_cannot_be_or_is_not_followed(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_tree, "ELEMENTS_MAX", 150)
    with pytest.raises(UnreadableReport):
        list(FORMATS["JUNITXML"].read(content))


def _within_each_other(tag: str, times: int, content: bytes) -> bytes:
    return f"<{tag}>".encode() * times + content + f"</{tag}>".encode() * times


@pytest.mark.parametrize(
    ("format_", "content"),
    [
        (
            "TESTNGXML",
            b"<testng-results>%s</testng-results>"
            % _within_each_other("suite", 40, _within_each_other("class", 40, b"<test-method/>" * 200)),
        ),
        (
            "CLOVERXML",
            b"<coverage><project>%s</project></coverage>" % _within_each_other("file", 90, b"<line/>" * 200),
        ),
    ],
)
def test_what_is_within_itself_does_not_count_many_times(format_: str, content: bytes) -> None:
    tracemalloc.start()
    try:
        results = list(FORMATS[format_].read(content))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000
    assert sum(each.lines_missed for each in results if isinstance(each, FileCoverage)) <= 200
    assert len(results) <= 90


def test_a_definition_within_another_is_none() -> None:
    definitions = b'<UnitTest id="1"><UnitTest id="2"><TestMethod className="C"/></UnitTest></UnitTest>'
    results = b'<UnitTestResult testId="1"/><UnitTestResult testId="2"/>'
    content = b"<TestRun><Results>%s</Results><TestDefinitions>%s</TestDefinitions></TestRun>" % (results, definitions)
    assert [prefix for prefix, *_ in of("VISUALSTUDIOTRX", content)] == ["", ""]


def test_no_more_results_are_read_than_a_report_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0

    def many(content: bytes) -> Iterator[CaseResult]:
        nonlocal read
        for _ in range(100):
            read += 1
            yield CaseResult("", "n", "SUCCEEDED", 0)

    monkeypatch.setattr(report_files, "RESULTS_MAX", 10)
    files = [RawFile(name, f"/{name}", b"") for name in ("a", "b")]
    results, problems = results_of(files, Format(TEST, many), Masker(()))
    assert (read, results.summary["total"], problems) == (11, 11, ["more than 10 results"])


def test_a_dtd_elsewhere_is_named_and_not_fetched() -> None:
    outside = b'<!DOCTYPE testsuite SYSTEM "http://127.0.0.1:1/x.dtd"><testsuite><testcase name="&x;y"/></testsuite>'
    assert [case.name for case in FORMATS["JUNITXML"].read(outside)] == ["y"]  # type: ignore[union-attr]


@pytest.mark.parametrize("format_", ["CUCUMBERJSON", "SIMPLECOV"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b"7",
        b'"text"',
        b"[[]]",
        b'{"a": []}',
        b"\xff",
        b'[{"elements": {}}]',
        b" " * 5_000_000,
    ],
)
def test_json_that_cannot_be(format_: str, content: bytes) -> None:
    with pytest.raises(UnreadableReport):
        list(FORMATS[format_].read(content))


WHOLE = {
    "JUNITXML": JUNIT,
    "TESTNGXML": TESTNG,
    "NUNITXML": NUNIT,
    "NUNIT3XML": NUNIT3,
    "VISUALSTUDIOTRX": TRX,
    "CUCUMBERJSON": CUCUMBER,
    "JACOCOXML": JACOCO,
    "COBERTURAXML": COBERTURA,
    "CLOVERXML": CLOVER,
    "SIMPLECOV": SIMPLECOV,
    "LCOVINFO": LCOV,
}


@given(data=st.data())
def test_a_file_that_was_damaged_is_read_or_refused(data: st.DataObject) -> None:
    assert WHOLE.keys() == FORMATS.keys()
    format_ = data.draw(st.sampled_from(sorted(WHOLE)))
    content = bytearray(WHOLE[format_])
    for _ in range(data.draw(st.integers(1, 3))):
        begin = data.draw(st.integers(0, len(content) - 1))
        end = data.draw(st.integers(begin, min(len(content), begin + 30)))
        content[begin:end] = data.draw(
            st.sampled_from([b"", b"0", b"null", b"[]", b"{}", b'"', b"\xff", b"-1e308", b"<a>"])
        )
        content = content or bytearray(b" ")
    for name in (format_, data.draw(st.sampled_from(sorted(FORMATS)))):
        try:
            results = list(FORMATS[name].read(bytes(content)))
        except UnreadableReport:
            continue
        for each in results:
            # What the service model says of the numbers of an answer.
            assert all(0 <= number < 2**63 for number in each if isinstance(number, int))
            if isinstance(each, FileCoverage):
                assert max(each[1:]) < 2**31
