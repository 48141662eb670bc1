"""The life of a proxy process: open the keys, listen, say that it is ready, serve, drain, close."""

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import sys
from pathlib import Path

import uvloop

from strongroom import __version__
from strongroom.base.clock import Clock, as_datetime
from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.base.xks_proxy_configuration import XksProxyConfiguration
from strongroom.policy.tokens import tokenize
from strongroom.policy.wildcards import TextMatcher, compile_any
from strongroom.server.admin import Admin, Health
from strongroom.server.front_door import FrontDoor
from strongroom.server.listeners import Listeners
from strongroom.server.logs import configure_logs, logger
from strongroom.server.preparation import allow_connections, prepare_directory
from strongroom.server.protocol import ConnectionLimits, DoorState
from strongroom.server.proxies import Networks
from strongroom.server.sockets import bind, port_of, reachable_host
from strongroom.server.xks_proxy.api import XksApi
from strongroom.server.xks_proxy.credentials import credential_files, read_credentials
from strongroom.server.xks_proxy.key_manager import KeyManager, open_key_manager
from strongroom.server.xks_proxy.tls import load_certificates, open_proxy_tls
from strongroom.storage.lock import DirectoryLock

CERTIFICATE_RENEWAL_SECONDS = 3_600


def run_xks_proxy(chosen: XksProxyConfiguration) -> None:
    """Serve until SIGTERM or SIGINT, then drain and return. Raises OperatorError for what the operator must mend."""
    os.umask(0o077)
    configuration = chosen.listening()
    configure_logs(configuration.log_level, configuration.log_format)
    prepare_directory(configuration.data)
    allow_connections(configuration.connections_max)
    with DirectoryLock(configuration.data), contextlib.ExitStack() as stack:
        manager = open_key_manager(chosen)
        stack.callback(manager.close)
        listener = stack.enter_context(bind(configuration.host, configuration.https_port))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(chosen, configuration, manager, listener))


async def _serve(
    chosen: XksProxyConfiguration, configuration: Configuration, manager: KeyManager, listener: socket.socket
) -> None:
    stop, loop, clock = asyncio.Event(), asyncio.get_running_loop(), Clock()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    files = credential_files(chosen)
    api = XksApi(chosen.path, manager, read_credentials(files), _may_use(chosen.xks_principals), clock)
    loop.add_signal_handler(signal.SIGHUP, _read_credentials_anew, api, files)
    context, ca_bundle = open_proxy_tls(configuration, manager.house_key, as_datetime(clock.wall()))
    door = DoorState(ConnectionLimits(connections_max=configuration.connections_max))
    admin = Admin(lambda: _examine(api), lambda: b"", Networks(()))
    listeners = Listeners(FrontDoor(api.handle, admin.handle, Networks(()), clock), door)
    await listeners.start(listener, context)
    url = f"https://{reachable_host(configuration.host)}:{port_of(listener)}{chosen.path}"
    if configuration.log_format == "json":
        logger.info("ready", url=url, ca_bundle=str(ca_bundle), version=__version__)
    else:
        named = ", ".join(str(path) for path in files)
        sys.stderr.write(f"Strongroom {__version__}: external key store proxy; credentials in {named}\n")
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(f"ready https={url} ca={ca_bundle}\n")
        sys.stdout.flush()
    renewal = asyncio.create_task(_renew_certificates(context, configuration, manager, clock))
    try:
        await stop.wait()
        logger.info("stopping", connections=len(door.connections))
        await listeners.drain(configuration.drain_seconds_max)
    finally:
        renewal.cancel()


def _may_use(patterns: tuple[str, ...]) -> TextMatcher:
    return compile_any(tokenize(pattern, variables=False) for pattern in patterns or ("*",))


def _read_credentials_anew(api: XksApi, files: tuple[Path, ...]) -> None:
    """Take the credentials as their files are now; keep the old ones if a file is damaged."""
    try:
        api.credentials = read_credentials(files)
        logger.info("credentials read anew", count=len(api.credentials))
    except OperatorError as error:
        logger.error("credentials not read anew", reason=str(error))


async def _examine(api: XksApi) -> Health:
    status = await api.health_status()
    return {"healthy": status == "ACTIVE", "version": __version__, "key_manager": status}


async def _renew_certificates(
    context: ssl.SSLContext, configuration: Configuration, manager: KeyManager, clock: Clock
) -> None:
    while True:
        await asyncio.sleep(CERTIFICATE_RENEWAL_SECONDS)
        try:
            load_certificates(context, configuration, manager.house_key, as_datetime(clock.wall()))
        except OperatorError as error:
            logger.error("certificate not renewed", reason=str(error))
