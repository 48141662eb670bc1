"""What a function reaches beyond this server: what its tag asks for and the operator allows, and nothing else."""

import json
import socket
import threading
from collections.abc import Iterator

import pytest
from tests.rotation_functions.functions import make_function, must_be_contained
from tests.running_server import RunningServer, running_server
from tests.services.refusals import refused

CODE = """
import socket

def handler(event, context):
    try:
        with socket.create_connection((event["host"], event["port"]), 3) as there:
            return there.recv(5).decode()
    except OSError as error:
        return type(error).__name__
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where somebody says hello to whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            while True:
                try:
                    accepted, _ = listener.accept()
                except OSError:
                    return
                with accepted:
                    accepted.sendall(b"hello")

        threading.Thread(target=greet, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def networked(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[RunningServer]:
    must_be_contained()
    options = ("--outbound-addresses", f"arn:aws:lambda:*:function:may-*=localhost:{port}")
    with running_server(tmp_path_factory.mktemp("networked"), options=options) as running:
        yield running


def reached(server: RunningServer, name: str, port: int, host: str = "localhost") -> str:
    answer = server.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"host": host, "port": port}))
    told: str = json.loads(answer["Payload"].read())
    return told


def test_only_what_is_asked_for(networked: RunningServer, port: int) -> None:
    functions = networked.client("lambda")
    arn = make_function(networked, "may-reach", CODE)
    tags = {"strongroom:network": f"localhost:{port}"}
    assert reached(networked, "may-reach", port) == "ConnectionRefusedError"
    # What was started without it is not used any more, and what has it is not after it is taken away.
    functions.tag_resource(Resource=arn, Tags=tags)
    assert reached(networked, "may-reach", port) == "hello"
    assert reached(networked, "may-reach", port) == "hello"
    assert reached(networked, "may-reach", port + 1) == "ConnectionRefusedError"
    assert reached(networked, "may-reach", port, "192.0.2.1") == "OSError"
    functions.untag_resource(Resource=arn, TagKeys=list(tags))
    assert reached(networked, "may-reach", port) == "ConnectionRefusedError"


def test_only_what_the_operator_allows(networked: RunningServer, port: int) -> None:
    tags = {"strongroom:network": f"localhost:{port}"}
    make_function(networked, "other", CODE, tags=tags)
    with refused("EC2AccessDeniedException", match=f"has not allowed the function the address localhost:{port}"):
        reached(networked, "other", port)
    make_function(networked, "may-not-say-it-so", CODE, tags={"strongroom:network": "localhost"})
    with refused("EC2AccessDeniedException", match="not HOST:PORT"):
        reached(networked, "may-not-say-it-so", port)
