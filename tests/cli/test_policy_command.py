"""`strongroom policy check` and `strongroom policy simulate`, as they are run."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HOME = "111122223333"
ALICE = f"arn:aws:iam::{HOME}:user/alice"
KEY = f"arn:aws:kms:eu-central-1:{HOME}:key/1234abcd"
PUBLIC = {
    "Sid": "ForceTLS",
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::b/*",
    "Condition": {"Bool": {"aws:SecureTransport": "true"}},
}


def strongroom(directory: Path, *arguments: str, given: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STRONGROOM_")}
    return subprocess.run(
        [sys.executable, "-m", "strongroom.cli", "policy", *arguments],
        capture_output=True,
        text=True,
        env=environment | {"XDG_CONFIG_HOME": str(directory), "XDG_DATA_HOME": str(directory)} | variables,
        cwd=directory,
        input=given,
        timeout=60,
    )


def write(path: Path, *statements: dict[str, Any]) -> str:
    path.write_text(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2))
    return path.name


@pytest.fixture
def public(tmp_path: Path) -> str:
    return write(tmp_path / "public.json", PUBLIC)


def test_findings_are_told_by_file_line_and_rule(tmp_path: Path, public: str) -> None:
    good = write(tmp_path / "good.json", {"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"})
    done = strongroom(tmp_path, "check", good, public)
    assert (done.returncode, done.stderr) == (1, "")
    first, *_, last = done.stdout.splitlines()
    assert first == "public.json:4:5: error [public-over-tls] statement 1 (ForceTLS)"
    assert last == "1 error in 2 files."
    assert "\x1b" not in done.stdout


def test_the_exit_status_follows_fail_on(tmp_path: Path) -> None:
    name = write(tmp_path / "p.json", {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"})
    statuses = {
        level: strongroom(tmp_path, "check", name, "--fail-on", level).returncode
        for level in ("error", "warning", "suggestion", "never")
    }
    assert statuses == {"error": 0, "warning": 1, "suggestion": 1, "never": 0}


def test_standard_input(tmp_path: Path, public: str) -> None:
    done = strongroom(tmp_path, "check", "-", "--format", "json", given=(tmp_path / public).read_text())
    (finding,) = json.loads(done.stdout)
    assert (finding["file"], finding["rule"], finding["line"]) == ("stdin", "public-over-tls", 4)
    assert (done.returncode, finding["pointer"], finding["statement"]) == (1, "/Statement/0", 0)


def test_sarif(tmp_path: Path, public: str) -> None:
    (tmp_path / "with space.json").write_text((tmp_path / public).read_text())
    log = json.loads(strongroom(tmp_path, "check", "with space.json", "--format", "sarif").stdout)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    (result,) = run["results"]
    assert driver["name"] == "strongroom"
    assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "public-over-tls"
    assert result["level"] == "error"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "with%20space.json"
    assert place["region"] == {"startLine": 4, "startColumn": 5}


def test_sarif_has_what_its_schema_and_code_scanners_demand(tmp_path: Path, public: str) -> None:
    (tmp_path / "broken.json").write_text("{")
    done = strongroom(tmp_path, "check", public, "broken.json", str(tmp_path / public), "--format", "sarif")
    log = json.loads(done.stdout)
    assert set(log) == {"$schema", "version", "runs"}
    (run,) = log["runs"]
    assert set(run) == {"tool", "columnKind", "results"}
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert set(rule) == {"id", "shortDescription", "fullDescription", "help", "defaultConfiguration"}
        assert all(rule[member]["text"] for member in ("shortDescription", "fullDescription", "help"))
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
    uris = []
    for result in run["results"]:
        assert result["ruleId"] == rules[result["ruleIndex"]]["id"]
        assert result["message"]["text"]
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        assert physical["region"]["startLine"] >= 1
        assert physical["region"]["startColumn"] >= 1
        uris.append(physical["artifactLocation"]["uri"])
    assert uris == ["public.json", "broken.json", (tmp_path / public).as_uri()]


def test_a_policy_cannot_steer_the_terminal(tmp_path: Path) -> None:
    name = write(
        tmp_path / "p.json", {"Effect": "Allow", "Action": "kms:\x1b[2J\x07", "Resource": "*", "Sid": "\x1b]0;x"}
    )
    done = strongroom(tmp_path, "check", name)
    assert done.returncode == 1
    assert not {"\x1b", "\x07"} & set(done.stdout)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("check",), "name at least one file"),
        (("check", "none.json"), "none.json cannot be read: No such file"),
        (("check", "."), "cannot be read: Is a directory"),
        (("check", "--colour"), "--colour"),
        (("check", "p.json", "--kind", "bucket"), "Choose from"),
        (("check", "large.json"), "larger than"),
        (("check", "binary.json"), "not text in UTF-8"),
        (("simulate", "--action", "Decrypt", "--principal", ALICE), "service:Name"),
        (("simulate", "--action", "kms:*", "--principal", ALICE), "service:Name"),
        (("simulate", "--action", "kms:Decript", "--principal", ALICE), "did you mean kms:Decrypt?"),
        (("simulate", "--action", "kms:Decrypt", "--principal", "alice"), "neither an ARN"),
        (("simulate", "--action", "kms:Decrypt", "--principal", KEY), "is not the ARN of a user"),
        (("simulate", "--action", "kms:Decrypt", "--principal", ALICE, "--resource", "key"), "neither an ARN nor *"),
        (("simulate", "--action", "kms:Decrypt", "--principal", ALICE, "--context", "x"), "key=value"),
        (("simulate", "--action", "kms:Decrypt", "--principal", ALICE, "--policy", "p.json"), "is no identity policy"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(tmp_path: Path, arguments: tuple[str, ...], complaint: str) -> None:
    write(tmp_path / "p.json", PUBLIC)
    (tmp_path / "large.json").write_text(" " * 1_100_000)
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe")
    done = strongroom(tmp_path, *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert complaint in done.stderr


def test_an_allowed_request_names_the_statement(tmp_path: Path) -> None:
    name = write(
        tmp_path / "p.json", {"Sid": "Use", "Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::b/*"}
    )
    done = strongroom(
        tmp_path, "simulate", "--action", "s3:GetObject", "--resource", "arn:aws:s3:::b/x", "--principal", ALICE,
        "--policy", name,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:2] == [
        "Allowed by an identity-based policy.",
        "by p.json, statement 1 (Use)",
    ]
    assert "least change" not in done.stdout


def test_a_denied_request_tells_what_is_missing(tmp_path: Path) -> None:
    name = write(
        tmp_path / "key.json", {"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "kms:*", "Resource": "*"}
    )
    arguments = ("simulate", "--action", "kms:Decrypt", "--resource", KEY, "--resource-policy", name, "--principal")
    done = strongroom(tmp_path, *arguments, ALICE, "--format", "json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["decision"], told["layer"]) == (1, "ImplicitDeny", "identity-based policy")
    assert told["remedy"]["is_sufficient"] is True
    assert [one["statement"] for one in told["remedy"]["additions"]] == [
        {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY}
    ]
    other = strongroom(tmp_path, *arguments, "arn:aws:sts::444455556666:assumed-role/app/one")
    assert "Add to the key policy of arn:aws:kms:" in other.stdout
    assert "Add to the identity-based policy of arn:aws:iam::444455556666:role/app:" in other.stdout


def test_a_statement_that_only_lacks_a_condition_is_told_to_programs_too(tmp_path: Path) -> None:
    near = {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"StringEquals": {"aws:userid": "x"}}}
    asked = ("--action", "s3:GetObject", "--resource", "arn:aws:s3:::b/x", "--principal", ALICE, "--format", "json")
    done = strongroom(tmp_path, "simulate", *asked, "--policy", write(tmp_path / "p.json", near))
    assert json.loads(done.stdout)["remedy"]["near_misses"] == [
        {
            "layer": "identity-based policy",
            "source": "p.json",
            "statement": 0,
            "sid": None,
            "unmet": ["if aws:userid were x (the request has no aws:userid)"],
        }
    ]


def test_the_context_decides(tmp_path: Path) -> None:
    allow = write(tmp_path / "allow.json", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    deny = PUBLIC | {"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    bucket = write(tmp_path / "bucket.json", deny)
    arguments = (
        "simulate", "--action", "s3:GetObject", "--resource", "arn:aws:s3:::b/x", "--principal", ALICE,
        "--policy", allow, "--resource-policy", bucket,
    )  # fmt: skip
    assert strongroom(tmp_path, *arguments).returncode == 0
    done = strongroom(tmp_path, *arguments, "--context", "aws:securetransport=false")
    assert done.returncode == 1
    assert done.stdout.startswith("Refused by an explicit deny in a resource-based policy.\n")
    assert "it would not apply over HTTPS (aws:SecureTransport is false)" in done.stdout


def test_what_is_about_no_key_is_not_decided_by_a_key_policy(tmp_path: Path) -> None:
    name = write(tmp_path / "p.json", {"Effect": "Allow", "Action": "kms:*", "Resource": "*"})
    for action, resource, status in (
        ("kms:ListKeys", "*", 0),
        ("kms:CreateKey", "*", 0),
        ("kms:CreateAlias", f"arn:aws:kms:eu-central-1:{HOME}:alias/a", 0),
        ("kms:Decrypt", KEY, 1),
        ("kms:Decrypt", "*", 1),
    ):
        asked = ("--action", action, "--resource", resource, "--principal", ALICE, "--policy", name)
        done = strongroom(tmp_path, "simulate", *asked)
        assert (action, resource, done.returncode) == (action, resource, status), done.stdout
        assert ("No --resource-policy was given" in done.stdout) is (status == 1)


def test_a_federated_user_is_not_the_user_behind_it(tmp_path: Path) -> None:
    only = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    names = [
        write(tmp_path / f"{number}.json", only | {"Condition": {"ArnEquals": {"aws:PrincipalArn": arn}}})
        for number, arn in enumerate((ALICE, f"arn:aws:sts::{HOME}:federated-user/alice"))
    ]
    statuses = {}
    for name in names:
        for principal in (ALICE, f"arn:aws:sts::{HOME}:federated-user/alice"):
            asked = ("--action", "s3:ListBucket", "--resource", "arn:aws:s3:::b", "--principal", principal)
            statuses[name, principal.split(":")[2]] = strongroom(
                tmp_path, "simulate", *asked, "--policy", name, "--session", name
            ).returncode
    assert statuses == {(names[0], "iam"): 0, (names[0], "sts"): 1, (names[1], "iam"): 1, (names[1], "sts"): 0}


def test_boundary_and_session_limit(tmp_path: Path) -> None:
    allow = write(tmp_path / "allow.json", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    other = write(tmp_path / "other.json", {"Effect": "Allow", "Action": "kms:*", "Resource": "*"})
    arguments = ("simulate", "--action", "s3:GetObject", "--resource", "arn:aws:s3:::b/x", "--policy", allow)
    role = ("--principal", f"arn:aws:iam::{HOME}:role/team/app")
    layers = {
        limit: json.loads(strongroom(tmp_path, *arguments, *role, limit, other, "--format", "json").stdout)["layer"]
        for limit in ("--boundary", "--session")
    }
    assert layers == {"--boundary": "permissions boundary", "--session": "session policy"}


def test_a_document_means_the_same_in_every_shell(tmp_path: Path) -> None:
    """Neither variables of a server nor its file of settings come in: STRONGROOM_ACCOUNT_ID is not `--account-id`."""
    name = write(
        tmp_path / "key.json",
        {"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "kms:*", "Resource": "*"},
    )
    (tmp_path / "strongroom").mkdir()
    (tmp_path / "strongroom" / "strongroom.toml").write_text('account-id = "444455556666"')
    plain = strongroom(tmp_path, "check", name, "--fail-on", "suggestion")
    assert plain.returncode == 0, plain.stdout
    assert "444455556666" not in plain.stdout
    variables = {"STRONGROOM_ACCOUNT_ID": "444455556666", "STRONGROOM_FORMAT": "json", "STRONGROOM_KIND": "identity"}
    assert strongroom(tmp_path, "check", name, "--fail-on", "suggestion", **variables).stdout == plain.stdout
    told = strongroom(tmp_path, "check", name, "--account-id", "444455556666")
    assert HOME in told.stdout
