"""The client stands alone: what an application that imports it loads, and what it does without."""

import subprocess
import sys

OURS = ["base", "client", "crypto"]
# What comes with the extras, or is there for the command line alone.
OTHERS = """
alembic awscrt awslambdaric boto3 cbor2 cronsim cyclopts httptools isal msgspec pkcs11 platformdirs prometheus_client
psycopg Crypto jwt pymysql pyroute2 re2 rich segno sqlalchemy structlog uvloop uvicorn xxhash yaml
"""

PROGRAM = """
import sys
sys.modules |= dict.fromkeys(sys.argv[1].split())
from strongroom.client import *
print(*sorted({name.split(".")[1] for name in sys.modules if name.startswith("strongroom.")}))
print(EnvelopeClient("alias/app"), AsyncEnvelopeClient("alias/app"))
"""


def test_it_needs_no_extra_and_nothing_of_the_server() -> None:
    # None in sys.modules makes an import of that name fail.
    done = subprocess.run([sys.executable, "-c", PROGRAM, OTHERS], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    ours, shown = done.stdout.splitlines()
    assert ours.split() == OURS
    keys = "KmsKeys(['alias/app'], discovery=None)"
    assert shown == f"EnvelopeClient({keys}) AsyncEnvelopeClient({keys})"
