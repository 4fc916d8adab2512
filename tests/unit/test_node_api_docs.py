"""docs/api.md says what the program does: routes, codes and parameters are compared with the code."""

import re
from pathlib import Path

from contracts.execute import read_parameters
from node import trace
from node.api.body import BODY_S_MAX
from node.api.epcis import DOCUMENT_BYTES_MAX
from node.api.parameters import WAIT_MAX_S
from node.api.problems import KINDS
from node.closure import THINGS_MAX
from node.event_query import PARAMETERS
from node.queries import PAGE_MAX
from node.trace import BRANCHES_MAX, DEPTH_MAX, NODES_MAX
from standards.epcis.document import EVENTS_MAX
from tests.support.running_node import running_node

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
# Routes for people, which the schema for programs leaves out.
NOT_IN_SCHEMA = {"GET /v1/label", "GET /.well-known/gs1resolver"}


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table that begins with a heading row."""
    lines = TEXT.splitlines()
    table = []
    for line in lines[lines.index(heading) + 2 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table


def test_the_table_of_codes_is_the_program_s() -> None:
    assert rows("| status | code | title |") == [
        [str(kind.status), f"`{code}`", kind.title] for code, kind in KINDS.items()
    ]


def test_every_code_that_the_text_names_exists() -> None:
    words = set(re.findall(r"`((?:transaction|epcis|node|query|body|json)\.[a-z_]+)`", TEXT))
    assert words <= KINDS.keys()


def test_the_routes_and_their_parameters_are_the_program_s(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        schema = node.json("/openapi.json")
        assert node.get("/.well-known/gs1resolver").status_code == 200
        assert node.get("/v1/label", id="https://id.gs1.org/01/09506000134352/21/1").status_code == 200
        limits = read_parameters(node.node.store)
    documented = {cells[0].strip("`"): cells[1] for cells in rows("| route | what |")}
    served = {
        f"{method.upper()} {path}": operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }
    assert documented.keys() == served.keys() | NOT_IN_SCHEMA
    # What every list and every read takes is said once, above the table.
    everywhere = {"min_height", "limit", "cursor"}
    for route, operation in served.items():
        if "/epcis" in route:
            continue
        names = {entry["name"] for entry in operation.get("parameters", ()) if entry["in"] == "query"} - everywhere
        said = set(re.findall(r"`([a-z_]+)`", documented[route])) - {"latest", "next_cursor", "svg", "png"}
        assert names == said, route
    taken = {entry["name"] for entry in served["GET /epcis/events"]["parameters"]}
    assert taken == {"perPage", "nextPageToken", "min_height", *PARAMETERS}
    assert (limits.transaction_bytes_max, limits.transaction_operations_max) == (1 << 20, 1_000)


def test_the_filters_are_the_program_s() -> None:
    named = {name for cells in rows("| parameter | compares |") for name in re.findall(r"`(\w+)`", cells[0])}
    assert named == PARAMETERS


def test_the_limits_are_the_program_s() -> None:
    text = " ".join(TEXT.split())
    for words in (
        f"`limit` is 1 to {PAGE_MAX} (50)",
        f"a document {DOCUMENT_BYTES_MAX >> 20} MiB and {EVENTS_MAX:,} events, a body {BODY_S_MAX:g} seconds",
        f"(at most {WAIT_MAX_S:g} seconds)",
        f"`depth` 0 to {DEPTH_MAX} (10)",
        f"`fan_out` 1 to {BRANCHES_MAX:,} (100) branches a node",
        f"`nodes` 1 to {NODES_MAX:,} (500)",
        f"`events` 0 to {trace.EVENTS_MAX:,} (5,000) in all and 1,000 a node",
        f"followed at most, 1 to {THINGS_MAX:,} (100,000)",
        f"`perPage` is 1 to {PAGE_MAX} (30)",
    ):
        assert words in text, words
