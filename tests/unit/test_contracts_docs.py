"""docs/contracts.md says what the program does: its tables and its list of methods are compared with the code."""

import re
from pathlib import Path

from contracts import heads
from contracts.context import WORK_MAX
from contracts.methods import METHODS
from contracts.permissions import ANY_ROLE, DEFAULT_PERMISSIONS, ROLES
from contracts.provenance.custody import CONSIGNMENT_MAX
from contracts.provenance.events import IDENTIFIERS_MAX
from contracts.provenance.links import CONTENTS_MAX, DEPTH_MAX
from contracts.provenance.things import BLOCKING
from contracts.results import ResultCode

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "contracts.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table that begins with a heading row."""
    lines = TEXT.splitlines()
    start = lines.index(heading) + 2
    table = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table


def test_the_table_of_codes_is_the_program_s() -> None:
    assert rows("| code | name | again? | meaning |") == [
        [str(code.value), code.name, "yes" if code.is_transient else "no", code.meaning] for code in ResultCode
    ]


def test_the_permissions_and_roles_are_the_program_s() -> None:
    assert rows("| method | roles |") == [
        [f"`{method}`", "any role" if roles == (ANY_ROLE,) else ", ".join(sorted(roles))]
        for method, roles in DEFAULT_PERMISSIONS.items()
    ]
    assert f"Roles: {', '.join(sorted(ROLES))}." in TEXT


def test_every_method_has_its_paragraph_and_no_other() -> None:
    assert sorted(re.findall(r"^### ([a-z_]+\.[a-z_]+)$", TEXT, re.MULTILINE)) == sorted(METHODS)


def test_every_code_that_the_text_names_exists() -> None:
    words = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", TEXT)) - {"EXISTS_WITH_DIFFERENT_", "WITHIN_BUDGET"}
    assert words <= set(ResultCode.__members__), words - set(ResultCode.__members__)
    blocking = re.search(r"After\n\*(.*?)\* and\n\*(\w+)\*", TEXT, re.DOTALL)
    assert blocking is not None
    named = {word.strip() for word in f"{blocking[1]},{blocking[2]}".replace("\n", " ").split(",")}
    assert named == {code.name.lower() for code in BLOCKING}


def test_the_limits_are_the_program_s() -> None:
    for limit, words in (
        (WORK_MAX, "write {} heads"),
        (IDENTIFIERS_MAX, "name {} identifiers"),
        (CONTENTS_MAX, "hold {} things"),
        (CONSIGNMENT_MAX, "move {} things"),
        (DEPTH_MAX, "at most {} levels"),
    ):
        assert words.format(f"{limit:,}") in TEXT


def test_every_kind_of_head_is_listed() -> None:
    kinds = {re.sub(r"\W.*", "", row[0].strip("`")) for row in rows("| key | fields |")}
    source = Path(heads.__file__).read_text(encoding="utf-8")
    assert kinds == set(re.findall(r'head_key\("(\w+)"', source))
