"""What goes wrong with a server for tests, and not with what is asked of it."""

SERVER_EXTRA_MISSING = (
    "strongroom.testing needs the server, not all of which is installed: pip install 'strongroom[server]'"
)


class TestServerError(Exception):
    """A throw-away server that did not start, has ended, or cannot do what it was told; the message says which."""

    __test__ = False
