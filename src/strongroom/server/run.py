"""The life of a server process: prepare, listen, say that it is ready, serve, drain, close."""

import asyncio
import contextlib
import gc
import os
import shlex
import shutil
import signal
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from strongroom import __version__
from strongroom.base.clock import Clock
from strongroom.base.configuration import Configuration, default_data_directory, parse_networks
from strongroom.base.errors import OperatorError
from strongroom.jobs.scheduler import Scheduler
from strongroom.operations import tables
from strongroom.operations.house import House
from strongroom.runners.memory_directory import remove_memory_directory, sweep_at_start
from strongroom.server.admin import Admin, Health
from strongroom.server.clock import open_clock
from strongroom.server.code_downloads import CODE_PATH, CodeDownloads
from strongroom.server.counters import RequestCounters
from strongroom.server.endpoint import Endpoint
from strongroom.server.front_door import FrontDoor
from strongroom.server.house import open_house
from strongroom.server.listeners import Listeners
from strongroom.server.logs import configure_logs, logger
from strongroom.server.network_door import NetworkDoor
from strongroom.server.pipeline import Pipeline
from strongroom.server.preparation import allow_connections, prepare_directory
from strongroom.server.protocol import ConnectionLimits, DoorState
from strongroom.server.proxies import Networks
from strongroom.server.root_key import root_key_path
from strongroom.server.sandbox_doors import open_sandbox_doors, without_operators_certificate
from strongroom.server.sockets import bind, port_of, reachable_host
from strongroom.server.tls import Tls, open_tls, renew
from strongroom.storage.lock import DirectoryLock

CERTIFICATE_RENEWAL_SECONDS = 3_600

Attendant = Callable[[House, Endpoint], Awaitable[None]]
"""Who has a server run for itself, in the same process, and works on what is served from within."""


def run(configuration: Configuration, attend: Attendant | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then drain and return. Raises OperatorError for what the operator must mend.

    `attend` is given what is served once it is ready, and ends the serving by returning.
    """
    # Everything made from here on is for this user only; the few public files say so themselves.
    os.umask(0o077)
    configure_logs(configuration.log_level, configuration.log_format)
    if configuration.sandbox == "unsafe":
        logger.warning("functions run without a sandbox", sandbox="unsafe", user=os.geteuid())
    sweep_at_start()
    prepare_directory(configuration.data)
    allow_connections(configuration.connections_max)
    with DirectoryLock(configuration.data), contextlib.ExitStack() as sockets:
        https = sockets.enter_context(bind(configuration.host, configuration.https_port))
        http = sockets.enter_context(bind(configuration.host, configuration.http_port))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(configuration, https, http, attend))


async def _serve(
    configuration: Configuration, https: socket.socket, http: socket.socket, attend: Attendant | None
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    clock = open_clock(configuration)
    house = await open_house(configuration, clock)
    scheduler = house.part(Scheduler)
    house.before_close(scheduler.stop)
    try:
        tls = await open_tls(configuration, house.store, house.sealer, clock)
        door = DoorState(ConnectionLimits(connections_max=configuration.connections_max))
        counters = RequestCounters()
        pipeline = Pipeline(house, counters)
        front_door, inner_door = _front_doors(configuration, clock, house, tls, door, pipeline, counters)
        listeners = Listeners(front_door, door)
        sandboxes = await open_sandbox_doors(configuration, inner_door, tls, house, clock)
        await listeners.start(https, tls.context)
        await listeners.start(http, None)
        NetworkDoor(house).open()
        rows = await house.store.read(tables.select_storage_keys)
        kept_in_file = configuration.root_key_kind == "key-file"
        key_file = str(root_key_path(configuration, rows).absolute()) if kept_in_file else ""
        endpoint = _endpoint(configuration, port_of(https), port_of(http), tls, key_file)
        endpoint.write(configuration.data)
        _announce(configuration, endpoint)
        attendance = asyncio.create_task(_attend(attend, house, endpoint, stop)) if attend is not None else None
        # Nobody waits for what is due, nor for what is made ready for later calls.
        scheduler.start()
        preparation = asyncio.create_task(_prepare(pipeline))
        renewal = asyncio.create_task(_renew_certificates((tls, sandboxes.own_tls), configuration, house, clock))
        await stop.wait()
        preparation.cancel()
        renewal.cancel()
        if attendance is not None:
            attendance.cancel()
        house.stopping.set()
        logger.info("stopping", connections=len(door.connections))
        cut = await listeners.drain(configuration.drain_seconds_max)
        if cut:
            logger.warning("connections cut", connections=cut, after_seconds=configuration.drain_seconds_max)
    finally:
        await house.close()
        remove_memory_directory()


async def _attend(attend: Attendant, house: House, endpoint: Endpoint, stop: asyncio.Event) -> None:
    try:
        await attend(house, endpoint)
    finally:
        stop.set()


async def _prepare(pipeline: Pipeline) -> None:
    # What was made until now stays for good; the garbage collector need not look at it again and again. It does not
    # look at it once either: that would hold up everybody for a tenth of a second, for the sake of a megabyte.
    gc.freeze()
    try:
        await pipeline.prepare()
        gc.collect()
        gc.freeze()
    finally:
        gc.enable()


def _front_doors(
    configuration: Configuration,
    clock: Clock,
    house: House,
    tls: Tls,
    door: DoorState,
    pipeline: Pipeline,
    counters: RequestCounters,
) -> tuple[FrontDoor, FrontDoor]:
    """Return the application for the world, and the one for sandboxes: to it, who comes from the loopback is nobody."""
    render_metrics, downloads = _metrics(door, counters, house), {CODE_PATH: CodeDownloads(house).handle}

    def front_door(metrics_peers: tuple[str, ...], trusted_proxies: tuple[str, ...]) -> FrontDoor:
        peers = Networks(parse_networks("metrics-peers", metrics_peers))
        admin = Admin(lambda: _examine(configuration, house, tls), render_metrics, peers, downloads)
        trusted = Networks(parse_networks("trusted-proxies", trusted_proxies))
        return FrontDoor(pipeline.handle, admin.handle, trusted, clock)

    return front_door(configuration.metrics_peers, configuration.trusted_proxies), front_door((), ())


def _metrics(door: DoorState, counters: RequestCounters, house: House) -> Callable[[], bytes]:
    """Return what renders the metrics. The Prometheus library is imported when somebody asks for the first time."""
    made: list[Callable[[], bytes]] = []

    def render() -> bytes:
        if not made:
            from strongroom.server.metrics import Metrics, StrongroomCollector

            made.append(Metrics(StrongroomCollector(door, counters, house.quotas.counts)).render)
        return made[0]()

    return render


async def _examine(configuration: Configuration, house: House, tls: Tls) -> Health:
    healthy = await house.store.is_healthy()
    return {
        "healthy": healthy,
        "version": __version__,
        "sealed": False,
        "region": configuration.region,
        "database": {"kind": house.store.kind, "healthy": healthy},
        "tls": {"library": ssl.OPENSSL_VERSION, "post_quantum": tls.post_quantum},
    }


async def _renew_certificates(
    every: tuple[Tls, Tls | None], configuration: Configuration, house: House, clock: Clock
) -> None:
    while True:
        await asyncio.sleep(CERTIFICATE_RENEWAL_SECONDS)
        for tls, choices in zip(every, (configuration, without_operators_certificate(configuration)), strict=True):
            if tls is None:
                continue
            try:
                await renew(tls, choices, house.store, house.sealer, clock)
            except OperatorError as error:
                logger.error("certificate not renewed", reason=str(error))


def _endpoint(configuration: Configuration, https_port: int, http_port: int, tls: Tls, key_file: str) -> Endpoint:
    host = reachable_host(configuration.host)
    return Endpoint(
        https=f"https://{host}:{https_port}",
        http=f"http://{host}:{http_port}",
        region=configuration.region,
        account_id=configuration.account_id,
        ca_bundle=str(tls.ca_bundle.absolute()),
        root_key_file=key_file,
        has_test_clock=configuration.test_clock,
    )


def _announce(configuration: Configuration, endpoint: Endpoint) -> None:
    data = configuration.data
    option = "" if data == default_data_directory() else f" --data {shlex.quote(str(data))}"
    started_as = Path(sys.argv[0])
    on_path = started_as.name != "strongroom" or shutil.which("strongroom") is not None
    command = "strongroom" if on_path else shlex.quote(str(started_as))
    if configuration.log_format == "json":
        logger.info("ready", https=endpoint.https, http=endpoint.http, data=str(data), version=__version__)
    else:
        sys.stderr.write(
            f"Strongroom {__version__}, data in {data}\n"
            f'Connect an AWS client from another shell with:  eval "$({command} env{option})"\n'
        )
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(f"ready https={endpoint.https} http={endpoint.http}\n")
        sys.stdout.flush()
