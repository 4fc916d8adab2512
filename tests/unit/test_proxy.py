"""The proxy of the tests does to a connection what it says, and no more; docs/soak.md tells what it is used for."""

import re
import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.proxy import Link, running_links
from tests.support.repository import python_files, read
from tests.support.shared_data import REPOSITORY
from tests.support.soak import PERTURBATIONS


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(4096):
            self.request.sendall(data)


@pytest.fixture
def link() -> Iterator[Link]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with running_links([server.server_address[1]]) as [running]:
            yield running
        server.shutdown()


def call(link: Link) -> socket.socket:
    return socket.create_connection(("127.0.0.1", link.port), timeout=0.3)


def echo(connection: socket.socket, data: bytes) -> bytes:
    connection.sendall(data)
    return connection.recv(4096)


def is_ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_what_goes_in_comes_out_on_the_other_side(link: Link) -> None:
    link.is_recording = True
    with call(link) as connection:
        assert echo(connection, b"one") == b"one"
        assert echo(connection, b"two") == b"two"
    assert (link.connections, link.refused, bytes(link.carried)) == (1, 0, b"onetwo")


def test_a_cut_ends_connections_and_refuses_new_ones_until_it_heals(link: Link) -> None:
    with call(link) as connection:
        assert echo(connection, b"one") == b"one"
        link.cut()
        assert is_ended(connection)
    with call(link) as connection:
        assert is_ended(connection)
    assert link.refused == 1
    link.heal()
    with call(link) as connection:
        assert echo(connection, b"three") == b"three"


@pytest.mark.parametrize(("requests", "answers"), [(True, True), (True, False), (False, True)])
def test_what_is_held_arrives_when_it_is_let_go(link: Link, *, requests: bool, answers: bool) -> None:
    link.is_recording = True
    with call(link) as connection:
        assert echo(connection, b"one") == b"one"
        link.hold(requests=requests, answers=answers)
        with pytest.raises(TimeoutError):
            echo(connection, b"two")
        assert (bytes(link.carried) == b"one") is requests
        link.heal()
        assert connection.recv(4096) == b"two"


def test_a_stranded_connection_stays_silent_and_a_new_one_is_good(link: Link) -> None:
    with call(link) as old:
        assert echo(old, b"one") == b"one"
        link.strand()
        with pytest.raises(TimeoutError):
            echo(old, b"two")
        with call(link) as new:
            assert echo(new, b"three") == b"three"
        link.heal()
        with pytest.raises(TimeoutError):
            echo(old, b"four")


def test_a_slow_link_takes_its_time(link: Link) -> None:
    with call(link) as connection:
        connection.settimeout(5.0)
        link.slow(delay_s=0.1)
        began = time.monotonic()
        assert echo(connection, b"one") == b"one"
        assert time.monotonic() - began >= 0.2
        link.slow(bytes_per_s=100)
        began = time.monotonic()
        assert echo(connection, bytes(10)) == bytes(10)
        assert time.monotonic() - began >= 0.2


def test_a_target_that_is_down_is_a_connection_that_closes() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with running_links([unused.getsockname()[1]]) as [link], call(link) as connection:
            assert connection.recv(1) == b""


def test_the_page_on_real_nodes_names_the_tests_and_the_perturbations_that_there_are() -> None:
    page = (REPOSITORY / "docs" / "soak.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \|.*\| `(test_\w+)` \|$", page, re.MULTILINE)
    sources = [read(path) for path in python_files("tests") if path.name.startswith("test_network_faults")]
    marked = re.findall(r"^@pytest\.mark\.fault\((\d+)\)\n(?:@.*\n)*def (test_\w+)\(", "\n".join(sources), re.MULTILINE)
    assert sorted(rows) == sorted(marked)
    named = re.findall(r"^\| `([a-z -]+)` \|", page, re.MULTILINE)
    # Once where they are told, once where they are measured.
    assert named == [*(what.name for what in PERTURBATIONS), "replaced"] * 2
