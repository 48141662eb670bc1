"""What every test may use: a running server with real clients, a house without a server, a token for keys."""

import os

# The machine's own AWS settings, and its root keys, must never reach a test. This comes before anything reads them.
for _name in [name for name in os.environ if name.startswith(("AWS_", "STRONGROOM_"))]:
    del os.environ[_name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

pytest_plugins = ["tests.postgresql", "tests.running_server", "tests.opened_house", "tests.softhsm"]
