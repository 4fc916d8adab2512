"""What a process did with the kernel, in order: read from the log of ``strace -f -yy -xx -s 1000000 -o log``."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

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


def command(log: Path, program: list[str], *options: str) -> list[str]:
    """Return the command that runs a program under strace; skips the test where there is none."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed; this test reads the order of system calls from it")
    return [strace, "-f", "-yy", "-xx", "-s", "1000000", "-e", f"trace={CALLS}", *options, "-o", str(log), *program]


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
