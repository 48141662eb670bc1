"""The command line as a whole: its commands."""

from cyclopts import App

from strongroom import __version__
from strongroom.cli.accounts import accounts
from strongroom.cli.build import build
from strongroom.cli.clock import clock
from strongroom.cli.completion import completion
from strongroom.cli.decrypt import decrypt
from strongroom.cli.doctor import doctor
from strongroom.cli.encrypt import encrypt
from strongroom.cli.env import env
from strongroom.cli.explain import explain
from strongroom.cli.fsck import fsck
from strongroom.cli.policy import policy
from strongroom.cli.quotas import quotas
from strongroom.cli.rekey import rekey
from strongroom.cli.rotation import rotation
from strongroom.cli.serve import serve
from strongroom.cli.settings_file import SettingsFile
from strongroom.cli.settings_variables import SettingsVariables
from strongroom.cli.tour import tour
from strongroom.cli.vpc import vpc
from strongroom.cli.xks_proxy import xks_proxy

VARIABLE_PREFIX = "STRONGROOM_"

application = App(
    name="strongroom",
    help="The AWS security stack that people run themselves.",
    version=__version__,
    config=[SettingsVariables(VARIABLE_PREFIX, command=False), SettingsFile()],
)
application.command(serve)
application.command(doctor)
application.command(env)
application.command(completion)
application.command(encrypt)
application.command(decrypt)
application.command(rekey)
application.command(accounts)
application.command(build)
application.command(clock)
application.command(explain)
application.command(fsck)
application.command(policy)
application.command(quotas)
application.command(rotation)
application.command(tour)
application.command(vpc)
application.command(xks_proxy)
