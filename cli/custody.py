"""`tradelane custody offer|accept|reject|cancel|list`: one firm offers things, another accepts them."""

import re
import secrets
import time
from typing import Annotated, Final, Literal

import typer
from rich.markup import escape

from cli.formatting import time_text
from cli.output import table
from cli.session import AsOption, JsonOption, KeyOption, NetworkOption, NodeOption, WaitOption, open_session
from cli.submitting import submit_operation
from ledger.codec import Value

_EPILOG: Final = """\b
Examples:
  tradelane custody offer ID --to carrier --as brand
  tradelane custody accept OFFER --as carrier
  tradelane custody list --party carrier
"""

app = typer.Typer(help="Hand things over by offer and acceptance.", no_args_is_help=True, epilog=_EPILOG)

_OFFER_EPILOG: Final = """\b
Examples:
  tradelane custody offer https://id.gs1.org/00/395211020000004175 \\
      --to carrier --as brand
  tradelane custody offer ID ID ID --to retailer --kind ownership --as brand
"""
_ACCEPT_EPILOG: Final = """\b
Examples:
  tradelane custody accept offer-5f0c... --as carrier
  tradelane custody accept offer-5f0c... --as carrier \\
      --short https://id.gs1.org/01/19521102002009/21/fMDeyrYDZfX7
  tradelane custody accept offer-5f0c... --as carrier \\
      --short "https://id.gs1.org/01/09521102000200/10/L7=20 KGM"
"""
_LIST_EPILOG: Final = """\b
Examples:
  tradelane custody list
  tradelane custody list --party carrier --all --json
"""
_AMOUNT: Final = re.compile(r"(.+)=([0-9]+(?:\.[0-9]+)?)(?: ([A-Z0-9]{2,3}))?")
_REJECT_EPILOG: Final = """\b
Examples:
  tradelane custody reject offer-5f0c... --reason "seal broken" --as carrier
"""
_CANCEL_EPILOG: Final = """\b
Examples:
  tradelane custody cancel offer-5f0c... --as brand
"""

OfferArgument = Annotated[str, typer.Argument(metavar="OFFER", help="Id of the offer.", show_default=False)]


@app.command("offer", epilog=_OFFER_EPILOG)
def offer(
    context: typer.Context,
    items: Annotated[list[str], typer.Argument(metavar="ID...", help="The things offered; contents go along.")],
    *,
    to: Annotated[str, typer.Option("--to", metavar="ORGANISATION", help="Who may accept.", show_default=False)],
    kind: Annotated[Literal["custody", "ownership"], typer.Option(help="What changes hands.")] = "custody",
    offer_id: Annotated[str | None, typer.Option("--id", help="Id of the offer; else a random one.")] = None,
    hours: Annotated[int, typer.Option(min=1, help="How long the offer stands.")] = 72,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Offer custody or ownership of things to another organisation.

    Nothing moves before the other side has accepted. Whoever makes the offer must hold (or own) the things.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    chosen = offer_id or f"offer-{secrets.token_hex(8)}"
    arguments: dict[str, Value] = {
        "id": chosen,
        "to": session.organisation_id(to),
        "kind": kind,
        "items": list[Value](items),
        "expires_ms": time.time_ns() // 1_000_000 + hours * 3_600_000,
    }
    submit_operation(
        session,
        "custody.offer",
        arguments,
        wait_s=wait,
        shown={"offer": chosen},
        done=f"offered {len(items)} to {to}; to accept: tradelane custody accept {chosen} --as {to}",
    )


@app.command("accept", epilog=_ACCEPT_EPILOG)
def accept(
    context: typer.Context,
    offer_id: OfferArgument,
    *,
    condition: Annotated[str | None, typer.Option(help="In what state the things arrived.")] = None,
    short: Annotated[
        list[str] | None,
        typer.Option(metavar="ID[=AMOUNT UNIT]", help="A thing that did not arrive, or so much of a lot."),
    ] = None,
    over: Annotated[
        list[str] | None,
        typer.Option(metavar="ID[=AMOUNT UNIT]", help="A thing that came besides, or so much of a lot."),
    ] = None,
    damaged: Annotated[
        list[str] | None,
        typer.Option(metavar="ID[=AMOUNT UNIT]", help="A thing that arrived damaged, or so much of a lot."),
    ] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Accept an offer: the things are now yours to hold or own."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    arguments: dict[str, Value] = {"id": offer_id}
    if condition is not None:
        arguments["condition"] = condition
    found: list[Value] = [_line(said, "short", "did not arrive") for said in short or ()]
    found += [_line(said, "over", "was not announced") for said in over or ()]
    found += [_line(said, "damaged", "arrived damaged") for said in damaged or ()]
    if found:
        arguments["discrepancies"] = found
    submit_operation(
        session, "custody.accept", arguments, wait_s=wait, shown={"offer": offer_id}, done=f"accepted {offer_id}"
    )


@app.command("reject", epilog=_REJECT_EPILOG)
def reject(
    context: typer.Context,
    offer_id: OfferArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why; it stays on the ledger.", show_default=False)],
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Turn an offer down; the things stay with whoever offered them."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    submit_operation(
        session,
        "custody.reject",
        {"id": offer_id, "reason": reason},
        wait_s=wait,
        shown={"offer": offer_id},
        done=f"rejected {offer_id}",
    )


@app.command("cancel", epilog=_CANCEL_EPILOG)
def cancel(
    context: typer.Context,
    offer_id: OfferArgument,
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Take your own offer back while it is open."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    submit_operation(
        session,
        "custody.cancel",
        {"id": offer_id},
        wait_s=wait,
        shown={"offer": offer_id},
        done=f"cancelled {offer_id}",
    )


@app.command("list", epilog=_LIST_EPILOG)
def list_offers(
    context: typer.Context,
    *,
    party: Annotated[
        str | None, typer.Option(metavar="ORGANISATION", help="Those that it makes or gets.", show_default=False)
    ] = None,
    all_offers: Annotated[bool, typer.Option("--all", help="Those that are over too.")] = False,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """List the offers that are open, and until when."""
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        chosen = None if party is None else session.organisation_id(party)
        found = sorted(client.offers(chosen, None if all_offers else "open"), key=lambda each: each.expires_ms)
    rows = table("offer", "what", "from", "to", "things", "until", "status")
    for each in found:
        things = each.items[0] if len(each.items) == 1 else str(len(each.items))
        parties = escape(each.offered_by), escape(each.offered_to)
        rows.add_row(escape(each.id), each.kind, *parties, escape(things), time_text(each.expires_ms), each.status)
    session.output.result([each.fields for each in found], rows if found else "nothing is offered")


def _line(said: str, kind: str, note: str) -> Value:
    """Return a line of an acceptance: a thing, or an amount of a lot."""
    counted = _AMOUNT.fullmatch(said)
    return [said, kind, note] if counted is None else [counted[1], kind, note, counted[2], counted[3]]
