"""The rules of the house that a program can check, read from the source itself (docs/architecture.md).

Import-linter holds the floors; here are sizes, arithmetic, printing, documentation and leftovers. Each check is a
function from source text to findings, and each is shown a bad source first, so that none passes by finding nothing.
"""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.repository import ROOMS, python_files, read, tracked_files
from tests.support.shared_data import REPOSITORY

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
PURE_ROOMS = ("ledger", "consensus", "contracts")

# What the pure floors may import, besides the floors below: a new name here is a decision, not a convenience.
PURE_IMPORTS = {
    "base64", "binascii", "bisect", "collections", "dataclasses", "enum", "functools", "hashlib", "itertools", "json",
    "msgpack", "nacl", "re", "struct", "typing", "unicodedata", "zlib",
}  # fmt: skip
# What answers before there is an output to speak through: --version, and the generator of the commands' page.
OTHER_PRINTERS = {"cli/main.py": "typer.echo", "cli/reference.py": "sys.stdout.write"}

# Written in parts, so that this file does not hold what it forbids.
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX")) + r")\b")
THIS_MACHINE = re.compile(
    "|".join(re.escape(part) for part in ("/wo" + "rk/", "/ro" + "ot/", "/tm" + "p/", "/ho" + "me/"))
)
REGISTRY = re.compile(
    "|".join(("(?<!no-emit-)index" + "-url", "trusted" + "-host", "https?://[^\\s\"']*/sim" + "ple(/|\\b)"))
)


def lines_too_many(source: str) -> Iterator[str]:
    count = len(source.splitlines())
    if count > FILE_LINES_MAX:
        yield f"{count} lines"


def functions_too_long(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            count = node.end_lineno - node.lineno + 1
            if count > FUNCTION_LINES_MAX:
                yield f"{node.name} has {count} lines"


def inexact_arithmetic(source: str) -> Iterator[str]:
    """Floats and the division that makes them; ``type(x) is float`` may name the type in order to refuse it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield f"line {node.lineno}: / divides into a float"
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield f"line {node.lineno}: {node.value!r}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"float", "complex"}:
            yield f"line {node.lineno}: a call of {node.func.id}"


def order_by_chance(source: str) -> Iterator[str]:
    """``hash`` and ``id`` differ from process to process, so no result may depend on them."""
    tree = ast.parse(source)
    own = {id(call) for method in ast.walk(tree) if _is_hash_method(method) for call in ast.walk(method)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"hash", "id"} and id(node) not in own:
            yield f"line {node.lineno}: a call of {ast.unparse(node.func)}"


def prints(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {
            "print", "sys.stdout.write", "sys.stderr.write", "sys.stdout.buffer.write", "typer.echo", "click.echo",
        }:  # fmt: skip
            yield f"line {node.lineno}: {ast.unparse(node.func)}"


def module_without_docstring(source: str) -> Iterator[str]:
    if not ast.get_docstring(ast.parse(source)):
        yield "no docstring at the top"


def global_state(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Global):
            yield f"line {node.lineno}: global {', '.join(node.names)}"


def unfinished(source: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and UNFINISHED.search(token.string):
            yield f"line {token.start[0]}: {token.string}"


def _is_hash_method(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__hash__"


def findings(check: Callable[[str], Iterator[str]], files: list[Path]) -> list[str]:
    assert files, "a check over no files would hold for any source"
    return [f"{path}: {finding}" for path in files for finding in check(read(path))]


BAD_SOURCES = [
    (lines_too_many, "pass\n" * (FILE_LINES_MAX + 1)),
    (functions_too_long, "def long():\n" + "    pass\n" * FUNCTION_LINES_MAX),
    (inexact_arithmetic, "share = 1 / 3"),
    (inexact_arithmetic, "share /= 3"),
    (inexact_arithmetic, "rate = 0.5"),
    (inexact_arithmetic, "rate = float(text)"),
    (order_by_chance, "seed = hash(name)"),
    (prints, "print(1)"),
    (prints, "import sys\nsys.stderr.write('x')"),
    (module_without_docstring, "x = 1"),
    (global_state, "def f():\n    global x\n    x = 1"),
    (unfinished, "x = 1  # " + "TO" + "DO: later"),
]


@pytest.mark.parametrize(("check", "source"), BAD_SOURCES)
def test_a_check_finds_what_it_looks_for(check: Callable[[str], Iterator[str]], source: str) -> None:
    assert len(list(check(source))) == 1


def test_files_are_short() -> None:
    assert findings(lines_too_many, python_files()) == []


def test_functions_are_short() -> None:
    assert findings(functions_too_long, python_files()) == []


def test_the_pure_floors_calculate_exactly() -> None:
    assert findings(inexact_arithmetic, python_files(*PURE_ROOMS)) == []


def test_the_pure_floors_depend_on_no_hash_of_the_process() -> None:
    assert findings(order_by_chance, python_files(*PURE_ROOMS)) == []


def imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("room", PURE_ROOMS)
def test_a_pure_floor_imports_what_is_listed_and_no_more(room: str) -> None:
    allowed = {f"{path}: {name}" for path in python_files(room) for name in {*PURE_IMPORTS, "ledger", room}}
    assert sorted(set(findings(imports, python_files(room))) - allowed) == []


def test_only_the_command_line_prints() -> None:
    assert findings(prints, python_files(*(room for room in ROOMS if room != "cli"))) == []


def test_commands_print_in_one_place() -> None:
    files = [path for path in python_files("cli") if path != Path("cli/output.py")]
    found = {(finding.partition(":")[0], finding.rpartition(" ")[2]) for finding in findings(prints, files)}
    assert found <= set(OTHER_PRINTERS.items())


def test_every_module_says_what_it_is() -> None:
    assert findings(module_without_docstring, python_files()) == []


def test_there_is_no_global_state() -> None:
    assert findings(global_state, python_files(*ROOMS)) == []


def test_nothing_is_left_unfinished() -> None:
    assert findings(unfinished, python_files()) == []


def test_every_package_is_typed_and_none_is_forgotten() -> None:
    assert [room for room in ROOMS if not (REPOSITORY / room / "py.typed").is_file()] == []
    packages = {path.parts[0] for path in tracked_files() if path.name == "__init__.py"}
    assert packages == {*ROOMS, "tests"}


def test_no_file_names_a_machine_or_a_registry() -> None:
    """What works here alone has no place in the source: paths of a machine, addresses that packages came from."""
    assert THIS_MACHINE.search("cd /wo" + "rk/main")
    assert REGISTRY.search("--index" + "-url https://registry.example/sim" + "ple")
    found = []
    for path in tracked_files():
        try:
            lines = read(path).splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path}:{number}: {line.strip()[:80]}"
            for number, line in enumerate(lines, 1)
            if THIS_MACHINE.search(line) or REGISTRY.search(line)
        ]
    assert found == []
