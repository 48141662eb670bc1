"""What every test may use: a running server with real clients, a house without a server, a token for keys."""

import os
import signal

# Whoever runs the tests in the background may ignore these, and all that they start would: they could not be ended.
# A handler is not inherited.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda number, frame: None)

# The machine's own AWS settings, and its root keys, must never reach a test. This comes before anything reads them.
for _name in [name for name in os.environ if name.startswith(("AWS_", "STRONGROOM_"))]:
    del os.environ[_name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
# Tests make more keys in a second than people do: 5 is AWS's quota. The tests of quotas turn them on.
os.environ["STRONGROOM_REQUEST_QUOTAS"] = "off"
# Where bytecode is not kept, each of the hundreds of servers that tests start would compile everything anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

pytest_plugins = [
    "tests.postgresql",
    "tests.mariadb",
    "tests.running_server",
    "tests.opened_house",
    "tests.softhsm",
    "tests.rotated_databases",
    "tests.networks_possible",
]
