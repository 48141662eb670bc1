"""What goes wrong with a server for tests, and not with what is asked of it."""

SERVER_EXTRA_MISSING = (
    "strongroom.testing needs the server, not all of which is installed: pip install 'strongroom[server]'"
)


class TestServerError(Exception):
    """A throw-away server that did not start, has ended, or cannot do what it was told; the message says which."""

    __test__ = False


def extra_missing(error: ModuleNotFoundError) -> TestServerError:
    """Return what to say where a package of the server is not installed."""
    return TestServerError(f"{SERVER_EXTRA_MISSING} ({error.name} is missing)")
