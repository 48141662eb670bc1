"""One row at work: the calls that it makes and shows, and what it proves by them."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from strongroom.tour.answers import as_printed, shown
from strongroom.tour.callers import AS_ROOT, NOBODY, Caller, Clients, Way, once
from strongroom.tour.command_line import Display, File, command_line, files_of, making, plain, shell_words
from strongroom.tour.premises import Premises
from strongroom.tour.proof import NotProvedHere, Outcome, Proof, Unproved
from strongroom.tour.served import Served
from strongroom.tour.transcript import Chart, Command, LeftOut, Saying, Transcript

COMMAND_SECONDS_MAX = 60.0
POLL_SECONDS = 0.25
NO_ERROR = "an answer"

_ATTEMPTS = re.compile(r" \(reached max retries: [0-9]+\)")


class Interrupted(Exception):  # noqa: N818 (nothing is wrong)
    """The tour is being ended."""


class Visit:
    """What a row is shown with. `folder` is for its files: those of a person at the command line, not the server's."""

    def __init__(
        self,
        served: Served,
        clients: Clients,
        premises: Premises,
        folder: Path,
        outcome: Outcome,
        transcript: Transcript,
    ) -> None:
        self.served = served
        self.clients = clients
        self.premises = premises
        self.canary = premises.canary
        self.folder = folder
        self._outcome = outcome
        self._transcript = transcript
        self._made_files: set[File] = set()

    def elsewhere(self, served: Served, clients: Clients) -> "Visit":
        """Return the same visit, on another server."""
        return Visit(served, clients, self.premises, self.folder, self._outcome, self._transcript)

    def say(self, text: str) -> None:
        """Say what comes, or what was seen."""
        self._transcript.add(Saying(text))

    def leave_out(self, text: str) -> None:
        """Say that something was not tried on this machine, and what to install."""
        self._outcome.left_out.append(text)
        self._transcript.add(LeftOut(text))

    def chart(self, chart: Chart) -> None:
        """Show a chart."""
        self._transcript.add(chart)

    def prove(self, claim: str, *, expected: Any, seen: Any) -> None:
        """Put a claim to the test: it holds when what was seen is what was expected."""
        self._record(Proof(claim, _words(expected), _words(seen), bool(expected == seen)))

    def prove_that(self, claim: str, holds: bool, *, expected: str, seen: Any) -> None:
        """Put a claim to the test that is more than one value."""
        self._record(Proof(claim, expected, _words(seen), bool(holds)))

    def _record(self, proof: Proof) -> None:
        self._outcome.proofs.append(proof)
        self._transcript.add(proof)

    def aws(
        self,
        service: str,
        operation: str,
        /,
        *,
        way: Way = AS_ROOT,
        query: str = "",
        save: str = "",
        outfile: str = "",
        is_quiet: bool = False,
        **params: Any,
    ) -> dict[str, Any]:
        """Call an operation, show it with what `query` says of its answer, and return the whole answer.

        With `save` that goes into a file of the folder, as the command shown would put it there; what is streamed goes
        to `outfile`. Raises ClientError when it is refused, having shown it.
        """
        display = Display(query=query, save=save, outfile=outfile)
        answer, entry = self._call(service, operation, way, display, params)
        if not is_quiet:
            self._show(service, operation, params, entry)
        if isinstance(answer, ClientError):
            raise answer
        return answer

    def error_of(self, service: str, operation: str, /, *, way: Way = AS_ROOT, query: str = "", **params: Any) -> str:
        """Call an operation that may be refused, show it, and return the code of the error: "an answer" for none."""
        answer, entry = self._call(service, operation, once(way), Display(query=query), params)
        self._show(service, operation, params, entry)
        return _code(answer)

    def _call(
        self, service: str, operation: str, way: Way, display: Display, params: dict[str, Any]
    ) -> tuple[dict[str, Any] | ClientError, Command]:
        client = self.clients.client(service, way)
        model = client.meta.service_model.operation_model(operation)
        answer: dict[str, Any] | ClientError
        refused = ""
        try:
            # The method's name: all clients know how theirs are called.
            names = {api: python for python, api in client.meta.method_to_api_mapping.items()}
            answer = getattr(client, names[operation])(**plain(params, model.input_shape))
        except ClientError as error:
            answer = error
            # The CLI does not count the attempts.
            refused = _ATTEMPTS.sub("", str(error))
        value = None if isinstance(answer, ClientError) else as_printed(answer, display.query)
        display = replace(
            display,
            prefix=way.caller.name if way.caller is not None else "",
            options=self._options(way),
            is_text=isinstance(value, str) and bool(display.query),
            is_binary=bool(display.save) and _is_blob(model, display.query),
            outfile=display.outfile or (f"{operation.lower()}.out" if model.has_streaming_output else ""),
        )
        if isinstance(answer, dict):
            answer = self._kept(answer, display, value)
        printed = refused or ("" if display.save else shown(value))
        return answer, Command(command_line(service, model, params, display), printed, bool(refused))

    def _options(self, way: Way) -> tuple[str, ...]:
        options = ["--endpoint-url", self.served.http] if way.is_plain_http else []
        return (*options, *(["--no-sign-request"] if way.caller is NOBODY else []))

    def _kept(self, answer: dict[str, Any], display: Display, value: Any) -> dict[str, Any]:
        """Read what is streamed, and write the files that the command would have written."""
        for name, each in answer.items():
            if hasattr(each, "read"):
                answer = answer | {name: each.read()}
                (self.folder / display.outfile).write_bytes(answer[name])
        if display.save and value is not None:
            import base64

            text = value if isinstance(value, str) else json.dumps(value)
            (self.folder / display.save).write_bytes(base64.b64decode(text) if display.is_binary else text.encode())
        return answer

    def _show(self, service: str, operation: str, params: dict[str, Any], command: Command) -> None:
        for file in files_of(params):
            self.make(file)
        self._transcript.add(command)

    def make(self, file: File) -> None:
        """Write a file of the folder, and show how, the first time."""
        if file in self._made_files:
            return
        self._made_files.add(file)
        path = self.folder / file.name
        if not path.exists() or path.read_bytes() != file.content:
            path.write_bytes(file.content)
            shown_as = making(file)
            if shown_as is not None:
                self._transcript.add(Command(shown_as))

    def cat(self, name: str) -> str:
        """Show what a file of the folder says, and return it."""
        text = (self.folder / name).read_text(errors="replace")
        self._transcript.add(Command(f"cat {name}", text))
        return text

    def note(self, line: str, printed: str = "", *, is_refused: bool = False) -> None:
        """Show a command of another program, done by this one's own means."""
        self._transcript.add(Command(line, printed, is_refused))

    def strongroom(
        self, *words: str, status: int | None = 0, only: Callable[[str], str] | None = None, is_quiet: bool = False
    ) -> str:
        """Run a command of Strongroom's in the folder, show it with what it printed, and return that.

        `only` says what of it is shown. Raises Unproved when it does not end with `status`, unless that is None.
        """
        done = self.run([sys.executable, "-m", "strongroom.cli", *words])
        printed = done.stdout + done.stderr
        if not is_quiet:
            told = only(printed) if only is not None else printed
            self._transcript.add(Command(shell_words(["strongroom", *words]), told.strip("\n"), done.returncode != 0))
        if status is not None and done.returncode != status:
            raise Unproved(f"strongroom {words[0]}", f"exit status {status}", f"{done.returncode}: {printed[-600:]}")
        return printed

    def program(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another program in the folder, show it, and return what came of it."""
        done = self.run(list(words))
        printed = (done.stdout + done.stderr).strip("\n")
        self._transcript.add(Command(shell_words(words), printed, done.returncode != 0))
        return done

    def run(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a program in the folder with what points it at the server. Nothing is shown."""
        self.must_go_on()
        return subprocess.run(  # noqa: S603
            words,
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
        )

    def environment(self) -> dict[str, str]:
        """Return the variables that point a subprocess at the server, as its root user."""
        return self.served.account.environment()

    def new_caller(self, name: str, *, policy: dict[str, Any] | None = None) -> Caller:
        """Make a user with an access key, and show how; `policy` is what it may do."""
        self.aws("iam", "CreateUser", UserName=name, query="User.Arn")
        if policy is not None:
            file = File.of_json(f"{name}.json", policy)
            self.aws("iam", "PutUserPolicy", UserName=name, PolicyName="own", PolicyDocument=file)
        query = "AccessKey.[AccessKeyId,SecretAccessKey]"
        made = self.aws("iam", "CreateAccessKey", UserName=name, query=query)["AccessKey"]
        self.canary.remember(f"the secret access key of {name}", made["SecretAccessKey"])
        caller = Caller(name, made["AccessKeyId"], made["SecretAccessKey"])
        self.note(caller.shell_function())
        return caller

    def until(self, claim: str, seconds: float, condition: Callable[[], Any], *, every: float = POLL_SECONDS) -> Any:
        """Wait until `condition()` is true, looking every so many seconds, and return what it is.

        Raises Unproved after `seconds`.
        """
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            self.must_go_on()
            if time.monotonic() > deadline:
                raise Unproved(claim, f"within {seconds:g} seconds", f"not yet: {_words(found)}")
            self.premises.ending.wait(every)
        return found

    def must_go_on(self) -> None:
        """Raise Interrupted when the tour is being ended."""
        if self.premises.ending.is_set():
            raise Interrupted

    def needs(self, reason: str | None, remedy: str) -> None:
        """Raise NotProvedHere when there is a reason why this machine cannot do it."""
        if reason is not None:
            raise NotProvedHere(reason, remedy)


def statements(*each: dict[str, Any]) -> dict[str, Any]:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": list(each)}


def allow(actions: str | Iterable[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    """Return a statement that allows something."""
    action = actions if isinstance(actions, str) else list(actions)
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def _code(answer: dict[str, Any] | ClientError) -> str:
    return str(answer.response["Error"]["Code"]) if isinstance(answer, ClientError) else NO_ERROR


def _is_blob(model: Any, query: str) -> bool:
    shape = model.output_shape
    for name in query.split("."):
        shape = shape.members.get(name) if shape is not None and hasattr(shape, "members") else None
    return shape is not None and shape.type_name == "blob"


def _words(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
