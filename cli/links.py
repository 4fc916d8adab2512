"""`tradelane link`: where the Digital Links of one's products lead."""

import json as json_text
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer
from rich.markup import escape

from cli.files import read_file
from cli.formatting import thing_text
from cli.session import AsOption, JsonOption, KeyOption, NetworkOption, NodeOption, WaitOption, open_session
from cli.submitting import submit_operation
from ledger.codec import Value
from ledger.errors import LedgerError
from ledger.readable import Json, from_json
from standards.digital_link import canonical_id, parse
from standards.errors import DigitalLinkError, StandardsError
from tradelane import BadRequestError

_EPILOG: Final = """\b
Examples:
  tradelane link publish 09521102002002 examples/product-links.json --as brand
  tradelane link show 09521102002002
"""
_PUBLISH_EPILOG: Final = """\b
Examples:
  tradelane link publish 09521102002002 examples/product-links.json --as brand
  tradelane link publish https://id.gs1.org/01/09521102002002/10/L7 lot.json
"""
_SHOW_EPILOG: Final = """\b
Examples:
  tradelane link show 09521102002002
  tradelane link show https://id.gs1.org/01/09521102002002/10/L7 --json
"""
_FILE_BYTES_MAX: Final = 262_144
GTIN_LENGTHS: Final = (8, 12, 13, 14)
_VOCABULARY: Final = "https://ref.gs1.org/voc/"

app = typer.Typer(help="Say where the codes of your products lead.", epilog=_EPILOG, no_args_is_help=True)

LevelArgument = Annotated[
    str, typer.Argument(metavar="GTIN|ID", help="A product, a lot or an item.", show_default=False)
]


@app.command("publish", epilog=_PUBLISH_EPILOG)
def publish(
    context: typer.Context,
    level: LevelArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON; examples/product-links.json is one.")],
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Publish the links of your product, or of a lot or an item of it.

    They replace those published before. An empty list takes them back. A default link is where a browser is led.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    name, links = _canonical(level), _read_links(file)
    submit_operation(
        session,
        "identity.publish_links",
        {"id": name, "links": links},
        shown={"id": name, "links": len(links)},
        wait_s=wait,
        done=f"published {len(links)} link{'' if len(links) == 1 else 's'} of {thing_text(name)}",
    )


@app.command("show", epilog=_SHOW_EPILOG)
def show(
    context: typer.Context,
    level: LevelArgument,
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show the links of a thing, with those that it inherits.

    With --json it is the linkset as the node gives it to programs (RFC 9264).
    """
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found = client.linkset(_canonical(level))
    lines = [line for entry in cast("list[dict[str, Any]]", found["linkset"]) for line in _level_lines(entry)]
    session.output.result(found, "\n".join(lines))


def _level_lines(level: dict[str, Any]) -> Iterator[str]:
    """Yield what one level has, each address on a line of its own, so that it can be taken from there."""
    yield f"[bold]{escape(str(level['itemDescription']))}[/]"
    targets = {name.removeprefix(_VOCABULARY): rows for name, rows in level.items() if isinstance(rows, list)}
    defaults = targets.pop("defaultLinkMulti", targets.get("defaultLink", []))
    targets.pop("defaultLink", None)
    for kind, rows in targets.items():
        for target in rows:
            mark = ", default" if target in defaults else ""
            language = ", ".join(target.get("hreflang", ["any language"]))
            yield f"  {escape(kind)} ({escape(language)}{mark}): {escape(target['title'])}"
            yield f"    {escape(target['href'])}"


def _canonical(level: str) -> str:
    """Return the canonical identifier of what a person wrote: a GTIN, or a lot or an item in any spelling."""
    is_gtin = level.isascii() and level.isdigit() and len(level) in GTIN_LENGTHS
    name = f"https://id.gs1.org/01/{level.zfill(14)}" if is_gtin else canonical_id(level)
    try:
        link = parse(name)
        if link.key != "01":
            raise DigitalLinkError("no_key", "it has no GTIN")
    except StandardsError as error:
        raise BadRequestError(
            "link.identifier", f"{level[:100]!r}: {error}", "name a GTIN, or a lot or an item of a product"
        ) from error
    return name


def _read_links(file: Path) -> list[Value]:
    try:
        links = from_json(cast(Json, json_text.loads(read_file(file, _FILE_BYTES_MAX))))
        if not isinstance(links, list):
            raise TypeError("it holds no list")
    except (ValueError, TypeError, RecursionError, LedgerError) as error:
        hint = "compare it with examples/product-links.json"
        raise BadRequestError("links.file", f"{file} holds no links: {error}", hint) from error
    return links
