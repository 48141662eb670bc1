"""Ways out of a sandbox: what is granted is reached as if it were there, and nothing else is."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from tests.runners.conftest import Contained
from tests.runners.contained import Job

from strongroom.base.outbound_addresses import Address
from strongroom.runners.relay import ROUTES_MAX, Route, routes_to

_TALK = """
import socket, sys
for place in sys.argv[1:]:
    host, port = place.rsplit(":", 1)
    try:
        with socket.create_connection((host, int(port)), 3) as there:
            there.sendall(b"x" * 300000)
            there.shutdown(socket.SHUT_WR)
            got = b""
            while piece := there.recv(65536):
                got += piece
        print(place, len(got), got[-1:].decode())
    except OSError as error:
        print(place, type(error).__name__)
"""


@contextlib.contextmanager
def echo() -> Iterator[int]:
    """A server that answers what it was sent, in upper case. Yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    accepted, _ = listener.accept()
                except OSError:
                    return
                with accepted:
                    while piece := accepted.recv(65536):
                        accepted.sendall(piece.upper())

        threading.Thread(target=answer, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def talk(contained: Contained, outside: list[tuple[str, int]], *places: str) -> list[str]:
    outcome = contained(Job(argv=["/usr/bin/python3", "-I", "-S", "-c", _TALK, *places], outside=outside))
    assert outcome.exit.status == 0, outcome
    return outcome.output.splitlines()


def test_what_is_granted_and_nothing_else(contained: Contained) -> None:
    with echo() as port, echo() as other:
        told = talk(contained, [("localhost", port)], f"localhost:{port}", f"127.0.0.1:{port}", f"localhost:{other}")
        assert told == [
            f"localhost:{port} 300000 X",
            f"127.0.0.1:{port} 300000 X",
            f"localhost:{other} ConnectionRefusedError",
        ]


def test_another_address_and_a_name(contained: Contained) -> None:
    """The host's own name is another way to its loopback; an address that nobody has cannot be reached."""
    name = socket.gethostname()
    try:
        address = socket.gethostbyname(name)
    except OSError:
        pytest.skip("this machine does not know its own name")
    with socket.create_server((address, 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    accepted, _ = listener.accept()
                    with accepted:
                        while piece := accepted.recv(65536):
                            accepted.sendall(piece.upper())

        threading.Thread(target=answer, daemon=True).start()
        outside = [(name.lower(), port), (address, port), ("127.0.0.9", 1)]
        places = (f"{name}:{port}", f"{address}:{port}", "127.0.0.9:1", f"192.0.2.1:{port}")
        told = talk(contained, outside, *places)
        listener.shutdown(socket.SHUT_RDWR)
    assert told[0] == f"{name}:{port} 300000 X"
    assert told[1] == f"{address}:{port} 300000 X"
    # There is a listener inside, and nothing behind it.
    assert not told[2].endswith("X")
    assert told[3].split()[1] == "OSError"


def test_routes() -> None:
    wanted = [Address("localhost", 1), Address("db", 2), Address("10.0.0.5", 3), Address("db", 4), Address("db", 2)]
    assert routes_to(wanted) == (
        Route(wanted[0], "127.0.0.1"),
        Route(wanted[1], "127.77.0.1", "db"),
        Route(wanted[2], "10.0.0.5"),
        Route(wanted[3], "127.77.0.1", "db"),
    )
    with pytest.raises(ValueError, match="IPv6"):
        routes_to([Address("::1", 5432)])
    with pytest.raises(ValueError, match=str(ROUTES_MAX)):
        routes_to([Address("localhost", port) for port in range(1, ROUTES_MAX + 2)])
