from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.services.codebuild.buildspec.document import BuildspecError
from strongroom.services.codebuild.buildspec.specification import (
    Cache,
    Files,
    OnFailure,
    SecretReference,
    read_specification,
    secret_reference,
)

WHOLE = """
version: 0.2
run-as: builder
env:
  shell: bash
  variables:
    GREETING: "hello"
    NUMBER: 0012
    ON: yes
  parameter-store:
    LOGIN: /app/login
  secrets-manager:
    PASSWORD: app/db:password:AWSPENDING:11111111-2222-3333-4444-555555555555
    WHOLE: arn:aws:secretsmanager:us-east-1:111122223333:secret:app/db-AbCdEf:user
  exported-variables:
    - GREETING
  git-credential-helper: no
phases:
  install:
    runtime-versions:
      python: 3.11
    commands: pip list
    finally:
      - echo done
  build:
    run-as: other
    on-failure: RETRY-3-.*timed out.*
    commands:
      - make
      - |
        if true; then
          echo two lines
        fi
  post_build:
    on-failure: CONTINUE
    commands: [a, "b: c"]
reports:
  unit:
    files: ['**/*.xml']
    base-directory: out
    discard-paths: yes
    file-format: JUNITXML
artifacts:
  files:
    - '**/*'
  name: $(date +%Y)
  base-directory: 'my-*'
  exclude-paths: ["**/*.o"]
  enable-symlinks: yes
  s3-prefix: here
  secondary-artifacts:
    docs:
      files: docs/**/*
      discard-paths: yes
cache:
  key: k-$(codebuild-hash-files package.json)
  fallback-keys: [k-]
  action: restore
  paths:
    - '/var/cache/pip/**/*'
"""


def test_a_whole_specification() -> None:
    read = read_specification(WHOLE)
    environment = read.environment
    # Text is taken as it is written: a number keeps its zeros, and yes is no truth value.
    assert environment.variables == {"GREETING": "hello", "NUMBER": "0012", "ON": "yes"}
    assert environment.parameters == {"LOGIN": "/app/login"}
    arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:app/db-AbCdEf"
    token = "11111111-2222-3333-4444-555555555555"
    assert environment.secrets == {
        "PASSWORD": SecretReference("app/db", "password", "AWSPENDING", token),
        "WHOLE": SecretReference(arn, "user"),
    }
    assert (environment.shell, environment.exported, read.run_as) == ("bash", ("GREETING",), "builder")
    install, build, after = (read.phases[name] for name in ("install", "build", "post_build"))
    assert list(read.phases) == ["install", "build", "post_build"]
    assert (install.commands, install.finally_commands) == (("pip list",), ("echo done",))
    assert install.runtime_versions == {"python": "3.11"}
    assert build.commands == ("make", "if true; then\n  echo two lines\nfi\n")
    assert (build.run_as, build.on_failure) == ("other", OnFailure("RETRY", 3, ".*timed out.*"))
    assert (after.commands, after.on_failure) == (("a", "b: c"), OnFailure("CONTINUE"))
    assert read.reports == {
        "unit": Files(files=("**/*.xml",), base_directory="out", discard_paths=True, file_format="JUNITXML")
    }
    assert read.artifacts == Files(
        files=("**/*",),
        name="$(date +%Y)",
        base_directory="my-*",
        excluded=("**/*.o",),
        enable_symlinks=True,
        s3_prefix="here",
    )
    assert read.secondary_artifacts == {"docs": Files(files=("docs/**/*",), discard_paths=True)}
    assert read.cache == Cache(
        paths=("/var/cache/pip/**/*",),
        key="k-$(codebuild-hash-files package.json)",
        fallback_keys=("k-",),
        actions=("restore",),
    )
    assert read.shares_shell


def test_the_least_there_can_be_as_json_too() -> None:
    for text in (
        "version: 0.2\nphases:\n  build:\n    commands: [make]\n",
        '{"version":0.2,"phases":{"build":{"commands":["make"]}}}',
    ):
        read = read_specification(text)
        assert read.phases["build"].commands == ("make",)
        assert read.artifacts is None
    assert not read_specification("version: 0.1\nphases: {build: {commands: [make]}}").shares_shell


BUILD = "version: 0.2\nphases:\n  build:\n    commands: [make]\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("version: 0.2\n", "at least one phase"),
        ("version: 0.3\nphases: {build: {commands: [a]}}", "version is to be one of"),
        ("phases: {build: {commands: [a]}}", "version is to be one of"),
        ("- a\n", "is to be a mapping at line 1"),
        (
            "version: 0.2\nphases:\n  build:\n    commands:\n      - echo a: b\n",
            r"phases.build.commands\[0\] .* quoted at line 5",
        ),
        ("version: 0.2\nphases:\n  deploy:\n    commands: [a]\n", "phases.deploy is not a key"),
        ("version: 0.2\nphases:\n  build:\n    command: [a]\n", "phases.build.command is not a key"),
        ("version: 0.2\nphases:\n  build:\n    finally: [a]\n", "phases.build is to have commands at line 4"),
        ("version: 0.2\nphases:\n  build:\n    runtime-versions: {python: 3}\n    commands: [a]\n", "not a key"),
        ("version: 0.2\nphases:\n  build:\n    on-failure: MAYBE\n    commands: [a]\n", "on-failure is to be ABORT"),
        (BUILD + "env: {variables: {1A: b}}", "no name of a variable"),
        (BUILD + "env: {variables: {CODEBUILD_X: b}}", "CodeBuild's own"),
        (BUILD + "env: {variables: {A: {B: c}}}", "env.variables.A is to be text"),
        (BUILD + "env: {shell: fish}", "env.shell is to be one of"),
        (BUILD + "env: {secrets-manager: {A: 'a:b:c:d:e'}}", "secret-id:json-key"),
        (BUILD + "env: {secrets-manager: {A: ''}}", "secret-id:json-key"),
        (BUILD + "artifacts: {discard-paths: yes}", "artifacts is to have files"),
        (BUILD + "artifacts: {files: [a], discard-paths: perhaps}", "is to be yes or no"),
        (BUILD + "reports: {r: {files: [a], file-format: PDF}}", "file-format is to be one of"),
        (BUILD + "cache: {paths: [a], action: burn}", "restore or save"),
        (BUILD + "batch: {fast-fail: true}", "batch is not served"),
        (BUILD + "version: 0.2\n", "version is there twice"),
        ("version: 0.2\nphases: [\n", "line"),
        ("version: 0.2\nphases: *nowhere\n", "line 2"),
        (BUILD + "---\n" + BUILD, "line 5"),
        ("version: !!python/object/apply:os.system [id]\n" + BUILD[13:], "is to be text"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(BuildspecError, match=problem):
        read_specification(text)


def test_aliases_are_followed_but_not_without_end() -> None:
    read = read_specification("version: 0.2\nphases:\n  pre_build: &same\n    commands: [a]\n  build: *same\n")
    assert read.phases["build"] == read.phases["pre_build"]
    lines = ["version: 0.2", "env:", "  variables: {A: b}", "phases:", "  build:", "    commands:"]
    bomb = "x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n"
    bomb += "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]\n" for n in range(1, 9))
    with pytest.raises(BuildspecError):
        read_specification(bomb + "\n".join(lines) + " *x8\n")
    with pytest.raises(BuildspecError, match="aliases followed"):
        read_specification("version: 0.2\nphases:\n  build:\n    commands: [" + "a, " * 60_000 + "a]\n")


def test_a_list_within_itself() -> None:
    with pytest.raises(BuildspecError):
        read_specification("version: 0.2\nphases:\n  build:\n    commands: &all [*all]\n")


@pytest.mark.parametrize("text", ["arn:aws:secretsmanager:us-east-1", "", ":key", "a:b:c:d:e"])
def test_what_is_no_reference_to_a_secret(text: str) -> None:
    assert secret_reference(text) is None


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab:-[]{}&*!|>'\"\n #?,0.2", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    outcome: Any = None
    try:
        outcome = read_specification(BUILD + text)
    except BuildspecError as error:
        outcome = error
    assert outcome is not None
