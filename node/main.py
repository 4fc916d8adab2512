"""Starting and stopping a node process: logs, sockets, both servers, signals."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import structlog
import uvicorn
import uvloop
from starlette.types import ASGIApp

from consensus.config import ConsensusConfig
from ledger.errors import GenesisError
from node.api.app import build_api
from node.api.protocol import BoundedProtocol
from node.bootstrap.backfill import broken_history, fill_back
from node.bootstrap.driver import connected_peers, finish_interrupted, peers_to_ask, replace_ledger
from node.bootstrap.snapshots import Snapshots
from node.config import ConfigError, load_config
from node.home import Home, open_home
from node.mempool import MempoolLimits
from node.network.listener import build_listener
from node.node import Node
from node.pruning import Pruner
from node.stopping import ServerEndedError, wait_stopped
from node.storage.errors import StorageError

_SOCKET_BYTES_MAX: Final = 4_096
_PEER_CONNECTIONS_MAX: Final = 1_000
_GRACE_SECONDS: Final = 2
_YOUNG_MAX: Final = 20_000
_SNAPSHOT_CHECK_SECONDS: Final = 30


class StartError(Exception):
    """The node cannot start; the message says why and what to do."""


def run_node_process(home_directory: Path, *, is_parent_watched: bool = False) -> None:
    """Run the node of a home in an event loop of its own; raises as ``run_node``."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_node(home_directory, is_parent_watched=is_parent_watched))


async def run_node(home_directory: Path, *, is_parent_watched: bool = False) -> None:
    """Run the node of a home until SIGTERM or SIGINT, or until standard input closes where the parent is watched.

    Raises
    ------
    StartError
        Something on this machine is in the way; nothing was changed.
    Exception
        Whatever stopped a running node: a disk that failed, a server that ended or a broken invariant.

    """
    if not __debug__:
        raise StartError("assertions are off (python -O); a node needs them to stop at a broken invariant")
    try:
        home = await _open_caught_up(home_directory)
    except (ConfigError, GenesisError, StorageError) as error:
        raise StartError(str(error)) from error
    with contextlib.closing(home):
        config = home.config
        log = structlog.get_logger("node")
        with (
            _bound(config.p2p_host, config.p2p_port, "peers") as p2p_socket,
            _bound(config.api_host, config.api_port, "HTTP API") as api_socket,
        ):
            try:
                node = Node(home, ConsensusConfig(), MempoolLimits())
            except StorageError as error:
                raise StartError(str(error)) from error
            snapshots = Snapshots(node.store, lambda: time.monotonic_ns() // 1_000_000)
            listener = _server(
                build_listener(node.chain.chain_id, node.store, node, node.metrics, snapshots), _PEER_CONNECTIONS_MAX
            )
            # The API says by itself, in its own form, when there are too many requests.
            api = _server(build_api(node), None, has_streams=True)
            serving = [
                asyncio.create_task(_serve(listener, p2p_socket, "peers")),
                asyncio.create_task(_serve(api, api_socket, "HTTP API")),
            ]
            node.start()
            upkeep = [
                asyncio.create_task(_let_go_of_old(snapshots)),
                asyncio.create_task(_fill_back(home, node)),
            ]
            stop = _stop_event(is_parent_watched=is_parent_watched)
            _keep_what_is_there()
            log.info(
                "started", name=config.name, height=node.chain.tip.height, api=f"{config.api_host}:{config.api_port}"
            )
            if home.safety.new_reason is not None:
                log.warning("follows_first", reason=home.safety.new_reason)
            try:
                await wait_stopped(stop, node, [*upkeep, *serving])
            finally:
                for server in (listener, api):
                    server.should_exit = True
                for task in upkeep:
                    task.cancel()
                await asyncio.gather(*upkeep, return_exceptions=True)
                await asyncio.gather(*serving, return_exceptions=True)
                await node.stop()
                snapshots.let_go(everything=True)
                log.info("stopped", height=node.chain.tip.height)


def _keep_what_is_there() -> None:
    """Have the collector of garbage pass over what the start has made, which stays, and look at the rest less often.

    A busy node holds ten thousands of transactions for a moment, none of them in a cycle; by default each seven hundred
    of them would have all be looked at.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_MAX, 10, 20)


async def _let_go_of_old(snapshots: Snapshots) -> None:
    while True:
        await asyncio.sleep(_SNAPSHOT_CHECK_SECONDS)
        snapshots.let_go()


async def _fill_back(home: Home, node: Node) -> None:
    """Fetch what a snapshot left out, and check the histories when all of it is there."""
    store, pruner = home.store, Pruner(home.store, home.config.retain_blocks)
    if store.earliest_height <= pruner.lowest_wanted:
        return
    log = structlog.get_logger("snapshot")
    async with connected_peers(home.config, home.genesis) as peers:
        await fill_back(store, peers, lambda: pruner.lowest_wanted, log.info, node.drop_junk)
    if store.earliest_height > 0:
        return
    broken = await asyncio.to_thread(broken_history, store)
    if broken is None:
        log.info("histories_checked", earliest_height=store.earliest_height)
    else:
        log.error("history_broken", head=repr(broken), advice="stop the node and run `tradelane node repair`")


async def _open_caught_up(home_directory: Path) -> Home:
    """Open a home, after a snapshot where the node is too far behind to execute block by block."""
    finish_interrupted(load_config(home_directory))
    home = open_home(home_directory)
    config, genesis = home.config, home.genesis
    configure_logging(config.log_level)
    log = structlog.get_logger("snapshot")
    try:
        async with connected_peers(config, genesis) as peers:
            faults_tolerated = genesis.validators.faults_tolerated
            helpful = await peers_to_ask(
                peers, home.store.tip.height, config.snapshot_behind_blocks, faults_tolerated
            )  # fmt: skip
            if not helpful:
                return home
            home.close()
            await replace_ledger(
                config,
                genesis,
                helpful,
                lambda what, count, total: log.debug("fetched", what=what, count=count, total=total),
                log.info,
            )
    except BaseException:
        home.close()
        raise
    return open_home(home_directory)


def configure_logging(level: str) -> None:
    """Log one JSON line an event to standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


class _QuietServer(uvicorn.Server):
    """uvicorn without its own signal handlers: this process has one place for them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(application: ASGIApp, connections_max: int | None, *, has_streams: bool = False) -> uvicorn.Server:
    return _QuietServer(
        uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            lifespan="off",
            http=BoundedProtocol,
            ws="websockets-sansio" if has_streams else "none",
            # Nobody has anything to say on a socket, and events are not worth the memory of compressing them.
            ws_max_size=_SOCKET_BYTES_MAX,
            ws_per_message_deflate=False,
            limit_concurrency=connections_max,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            server_header=False,
        )
    )


async def _serve(server: uvicorn.Server, bound: socket.socket, purpose: str) -> None:
    """Serve until the server is told to exit; raises ServerEndedError where it ends before that."""
    try:
        await server.serve(sockets=[bound])
    except Exception as error:
        if server.started:
            # What still listens would keep the event loop from closing, and the process from ending.
            await server.shutdown(sockets=[bound])
        raise ServerEndedError(f"the server for the {purpose} failed: {error}") from error
    if not server.should_exit:
        raise ServerEndedError(f"the server for the {purpose} ended by itself")


@contextlib.contextmanager
def _bound(host: str, port: int, purpose: str) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns off the delay of small packets only where the protocol is named.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
        except OSError as error:
            raise StartError(
                f"{host}:{port} cannot be used for the {purpose}: {error.strerror}. Stop what listens there or change "
                f"the port in config.toml"
            ) from error
        yield bound
    finally:
        bound.close()


def _stop_event(*, is_parent_watched: bool) -> asyncio.Event:
    """Return the event that a signal sets, or the end of standard input where the parent is watched."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    if is_parent_watched:

        def at_end_of_input() -> None:
            if not os.read(sys.stdin.fileno(), 1):
                loop.remove_reader(sys.stdin.fileno())
                stop.set()

        loop.add_reader(sys.stdin.fileno(), at_end_of_input)
    return stop
