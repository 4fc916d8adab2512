"""A node under strace: what it did with the kernel, in order, and calls that fail or take long on purpose."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.processes import LOG_NAME, START_SECONDS_MAX, is_ready, program, program_environment, tail
from node.setup import Network, NetworkNode

CALLS = "write,writev,pwrite64,sendto,sendmsg,fdatasync,fsync"
_LINE = re.compile(r"^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\((\d+)<(.*?)>(?=,|\)| <unf))(.*)$")
_DATA = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_RESULT = re.compile(r"= (-?\d+)[^=]*$")


@dataclass(frozen=True)
class Call:
    """A call that came back without an error; ``start`` and ``end`` are its places in the order of all lines."""

    name: str
    descriptor: int
    target: str
    data: bytes
    start: int
    end: int


READ_ORDER = ("-yy", "-xx", "-s", "1000000", "-e", f"trace={CALLS}")
"""The options with which ``calls`` can read the log."""


@contextmanager
def node_under_strace(
    network: Network, node: NetworkNode, log: Path, *options: str
) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a node under strace and stop it at the end; skips the test where there is no strace."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed; this test reads system calls, or makes them fail, with it")
    home = network.home(node)
    run = program("node", "run", "--home", str(home), "--watch-parent")
    with (home / LOG_NAME).open("ab") as output:
        process = subprocess.Popen(
            [strace, "-f", "--seccomp-bpf", *options, "-o", str(log), *run],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=program_environment(),
        )
    try:
        deadline = time.monotonic() + START_SECONDS_MAX
        while process.poll() is None and not is_ready(node):
            assert time.monotonic() < deadline, tail(home / LOG_NAME)
            time.sleep(0.1)
        yield process
    finally:
        # strace passes no signal on; the node stops when its standard input closes.
        process.communicate(timeout=30)


def calls(log: Path) -> list[Call]:
    """Return the calls of a log in the order in which they began; cut-off lines at its end are left out."""
    found: list[Call] = []
    begun: dict[str, tuple[str, int, str, bytes, int]] = {}
    with log.open(encoding="ascii", errors="replace") as lines:
        for number, line in enumerate(lines):
            matched = _LINE.match(line)
            if matched is None:
                continue
            process, resumed, name, descriptor, target, rest = matched.groups()
            if resumed is None:
                data = b"".join(bytes.fromhex(text.replace("\\x", "")) for text in _DATA.findall(rest))
                started = (name, int(descriptor), _readable(target), data, number)
                if "<unfinished ...>" in rest:
                    begun[process] = started
                    continue
            else:
                if process not in begun:
                    continue
                started = begun.pop(process)
            result = _RESULT.search(rest)
            if result is not None and int(result.group(1)) >= 0:
                written = int(result.group(1))
                kept = started[3] if started[0] in {"fdatasync", "fsync"} else started[3][:written]
                found.append(Call(*started[:3], kept, started[4], number))
    return sorted(found, key=lambda call: call.start)


def _readable(target: str) -> str:
    """Return a path or address whose characters strace may have written in hexadecimal."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match.group(1), 16)), target)
