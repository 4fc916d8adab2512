"""README and the pages in docs/ name only what exists: make targets, commands with their options, files.

The blocks marked ``sh`` are read as a newcomer would type them; nothing is run here (``make demo`` is, in
tests/process).
"""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cli.main import app
from tests.support.repository import read, tracked_files
from tests.support.shared_data import REPOSITORY

README_LINES_MAX = 170
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
TARGET = re.compile(r"^([a-z-]+):.*## ", re.MULTILINE)

PAGES = sorted(path for path in tracked_files() if path.suffix == ".md")


def commands(page: Path) -> list[str]:
    """Return the lines of the page's ``sh`` blocks without comments and prompts, continued lines joined."""
    text = "\n".join(SHELL_BLOCK.findall(read(page))).replace("\\\n", " ")
    lines = (line.strip().removeprefix("$ ") for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def make_refusal(words: list[str]) -> str | None:
    """Return why ``make`` would not know these words, or None."""
    targets = TARGET.findall(read(Path("Makefile")))
    unknown = [word for word in words if "=" not in word and word not in targets]
    return f"make has no target {unknown[0]}" if unknown else None


def tradelane_refusal(words: list[str]) -> str | None:
    """Return why the command line would not take these words, or None: commands, options, number of arguments."""
    # Any: typer keeps its copy of click to itself, so the classes have no public name.
    command: Any = get_command(app)
    rest = list(words)
    arguments: list[str] = []
    path = "tradelane"
    while rest:
        word = rest.pop(0)
        name, _, value = word.partition("=")
        if word.startswith("-"):
            option = next((it for it in command.params if name in getattr(it, "opts", ())), None)
            if option is None and name not in {"--help", "-h"}:
                return f"{path} has no option {name}"
            if option is not None and not option.is_flag and not value and (not rest or rest.pop(0).startswith("-")):
                return f"{path} {name} takes a value"
        elif hasattr(command, "commands"):
            if word not in command.commands:
                return f"{path} has no command {word}"
            command, path = command.commands[word], f"{path} {word}"
        else:
            arguments.append(word)
    places = [it for it in getattr(command, "params", ()) if it.param_type_name == "argument"]
    if not any(it.nargs == -1 for it in places) and len(arguments) > len(places):
        return f"{path} takes {len(places)} arguments, not {len(arguments)}"
    if len(arguments) < sum(it.required for it in places) and not {"--help", "-h"} & set(words):
        return f"{path} takes more arguments"
    missing = [it.opts[0] for it in command.params if it.param_type_name == "option" and it.required]
    given = {word.partition("=")[0] for word in words}
    if set(missing) - given and not {"--help", "-h"} & set(words):
        return f"{path} needs {min(set(missing) - given)}"
    return None


def refusal(line: str) -> str | None:
    """Return what is wrong with a line of a shell block, or None; programs that are not ours pass."""
    program, *words = shlex.split(line, comments=True)
    if program == "make":
        return make_refusal(words)
    if program in {"tradelane", ".venv/bin/tradelane"}:
        return tradelane_refusal(words)
    return None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("make demo    # a comment", None),
        ("make sim SEEDS=0:10", None),
        ("make tea", "make has no target tea"),
        ("tradelane", None),
        ("tradelane --json status", None),
        ("tradelane trace back --depth=3 https://id.gs1.org/01/1", None),
        ("tradelane teleport", "tradelane has no command teleport"),
        ("tradelane custody teleport", "tradelane custody has no command teleport"),
        ("tradelane status --colour", "tradelane status has no option --colour"),
        ("tradelane epcis import --as", "tradelane epcis import --as takes a value"),
        ("tradelane balance a b c", "tradelane balance takes 1 arguments, not 3"),
        ("tradelane trace back", "tradelane trace back takes more arguments"),
        ("tradelane trace --help", None),
    ],
)
def test_a_wrong_command_is_found(line: str, reason: str | None) -> None:
    assert refusal(line) == reason


def test_the_readme_is_short() -> None:
    assert len(read(Path("README.md")).splitlines()) <= README_LINES_MAX


def test_the_readme_shows_commands() -> None:
    lines = commands(Path("README.md"))
    assert {"make", "tradelane"} == {line.split()[0] for line in lines}
    assert len(lines) >= 8


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_commands_exist(page: Path) -> None:
    wrong = [f"{line}: {reason}" for line in commands(page) if (reason := refusal(line))]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_files_named_in_commands_exist(page: Path) -> None:
    """A newcomer pastes the line, so the example has to be where it says."""
    named = {word for line in commands(page) for word in line.split() if word.startswith("examples/")}
    assert sorted(name for name in named if not (REPOSITORY / name).exists()) == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(FENCED.sub("", read(page))):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (REPOSITORY / page.parent / target).resolve() if target else REPOSITORY / page
        is_there = file.exists()
        if is_there and anchor and file.suffix == ".md":
            is_there = anchor in anchors(file.read_text(encoding="utf-8"))
        if not is_there:
            broken.append(link)
    assert broken == []


def anchors(text: str) -> set[str]:
    """Return the anchors that a page's headings get: lower case, spaces to hyphens, other signs dropped."""
    headings = HEADING.findall(FENCED.sub("", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_the_anchors_are_those_of_the_headings() -> None:
    assert anchors("# State tree: 16 branches\n## `provenance.capture`\n```sh\n# no heading\n```\n") == {
        "state-tree-16-branches",
        "provenancecapture",
    }
