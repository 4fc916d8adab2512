"""`tradelane recall ...`: call products back, see what that reaches, and prove whether a thing is recalled."""

import secrets
from typing import Annotated, Final, Literal

import typer
from rich.markup import escape

from cli import recall_reach
from cli.formatting import thing_text, time_text
from cli.output import table
from cli.proofs import freshness_text, freshness_value, trust_file
from cli.session import (
    AsOption,
    JsonOption,
    KeyOption,
    NetworkOption,
    NodeOption,
    TrustOption,
    WaitOption,
    open_session,
)
from cli.subjects import subject_of
from cli.submitting import submit_operation
from contracts import heads
from contracts.identifiers import product_of
from contracts.provenance.recalls import PRODUCT
from contracts.provenance.subjects import ORGANISATION
from ledger.codec import Value
from node.recalls import targets_of
from tradelane import BadRequestError, fetch_checked, load_trust

_EPILOG: Final = """\b
Examples:
  tradelane recall simulate 09521102002002
  tradelane recall open 09521102002002 --reason "histamine" --as brand
  tradelane recall list --of 09521102002002
"""
_OPEN_EPILOG: Final = """\b
Examples:
  tradelane recall open https://id.gs1.org/01/09521102002002/10/L7 \\
      --reason "histamine found" --severity stop --as brand
  tradelane recall open 09521102002002 --reason "label" --severity check \\
      --text en="Read the label anew." --text de="Etikett lesen." --as brand
"""
_CLOSE_EPILOG: Final = """\b
Examples:
  tradelane recall close recall-5f0c... --reason "all are back" --as brand
"""
_LIST_EPILOG: Final = """\b
Examples:
  tradelane recall list
  tradelane recall list --of 09521102002002 --all
"""
_CHECK_EPILOG: Final = """\b
Examples:
  tradelane recall check \\
      https://id.gs1.org/01/09521102002002/21/3pGU9njkd3HUsrnL
"""

app = typer.Typer(help="Call products, lots and items back.", no_args_is_help=True, epilog=_EPILOG)
app.command("simulate", epilog=recall_reach.SIMULATE_EPILOG)(recall_reach.simulate)
app.command("closure", epilog=recall_reach.CLOSURE_EPILOG)(recall_reach.closure)


@app.command("open", epilog=_OPEN_EPILOG)
def open_recall(
    context: typer.Context,
    targets: Annotated[list[str], typer.Argument(metavar="GTIN|ID...", help="Products, lots or items.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; everybody reads it.", show_default=False)],
    severity: Annotated[
        Literal["check", "return", "stop"], typer.Option(help="What people are to do with it.")
    ] = "stop",
    text: Annotated[
        list[str] | None, typer.Option("--text", metavar="LANGUAGE=TEXT", help="What to do, in a language.")
    ] = None,
    recall_id: Annotated[str | None, typer.Option("--id", help="Id of the recall; else a random one.")] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Call products, lots or items back.

    Whoever registered the product may, and customs. From the next block on the page of each piece is red.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    chosen = recall_id or f"recall-{secrets.token_hex(8)}"
    arguments: dict[str, Value] = {
        "id": chosen,
        "targets": [list[Value](_target(name)) for name in targets],
        "severity": severity,
        "reason": reason,
    }
    if text:
        arguments["texts"] = dict[str, Value](_language_and_text(entry) for entry in text)
    submit_operation(
        session,
        "provenance.open_recall",
        arguments,
        wait_s=wait,
        shown={"recall": chosen},
        done=f"recalled {len(targets)} under {chosen}",
    )


@app.command("close", epilog=_CLOSE_EPILOG)
def close_recall(
    context: typer.Context,
    recall_id: Annotated[str, typer.Argument(metavar="RECALL", help="Id of the recall.", show_default=False)],
    *,
    reason: Annotated[str, typer.Option(help="Why it is over; it stays on the ledger.", show_default=False)],
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """End a recall that you opened."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    arguments: dict[str, Value] = {"id": recall_id, "reason": reason}
    submit_operation(
        session,
        "provenance.close_recall",
        arguments,
        wait_s=wait,
        shown={"recall": recall_id},
        done=f"closed {recall_id}",
    )


@app.command("list", epilog=_LIST_EPILOG)
def list_recalls(
    context: typer.Context,
    *,
    of: Annotated[str | None, typer.Option("--of", metavar="GTIN|ID", help="Those that name this.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over too.")] = False,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """List recalls, newest last."""
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found = client.recalls(of, None if everything else "open")
    rows = table("recall", "by", "what", "severity", "since", "reason")
    for one in sorted(found, key=lambda recall: recall.opened_ms):
        kind, name = one.targets[0]
        more = f" and {len(one.targets) - 1} more" if len(one.targets) > 1 else ""
        over = "" if one.status == "open" else " (over)"
        rows.add_row(
            escape(one.id),
            escape(one.organisation),
            escape(f"{kind} {thing_text(name)}{more}"),
            one.severity,
            time_text(one.opened_ms),
            escape(one.reason + over),
        )
    shown = rows if found else "no recall stands" if not everything else "there was no recall"
    session.output.result([one.fields for one in found], shown)


@app.command("check", epilog=_CHECK_EPILOG)
def check(
    context: typer.Context,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="An item or a lot.", show_default=False)],
    *,
    trust: TrustOption = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Prove whether a recall stands for a thing, its lot or its product.

    The node need not be trusted: that there is none is proven too. Exit code 5 means that one stands.
    """
    session = open_session(context, json=json, node=node, network=network)
    root = load_trust(trust_file(session, trust))
    with session.client() as client:
        thing = client.item(identifier)
        targets = targets_of(thing.id, thing.kind, thing.product, thing.lot)
        keys = sorted(heads.recalled(kind, name) for kind, name in targets)
        checked = fetch_checked(client, lambda one: one.heads_proof(keys), root)
    facts = checked.facts
    present = {head.key for head in facts.heads if head.value is not None}
    standing = [list(target) for target in targets if heads.recalled(*target) in present]
    looked_at = ", ".join(kind for kind, _ in targets)
    said = f"[green]no recall[/] of its {looked_at} stands as of block {facts.height}, {time_text(facts.time_ms)}"
    if standing:
        what = ", ".join(f"{kind} {thing_text(name)}" for kind, name in standing)
        said = f"[bold red]recalled[/]: {escape(what)}, as of block {facts.height}; see tradelane recall list"
    value = {"id": thing.id, "recalled": standing, "height": facts.height, **freshness_value(checked)}
    session.output.result(value, said, freshness_text(checked))
    if standing:
        raise typer.Exit(5)


def _target(name: str) -> tuple[str, str]:
    """Return the kind and the canonical name of what a person wrote: a GTIN, or a lot or item in any spelling."""
    kind, canonical = subject_of(name)
    if kind == ORGANISATION or (kind != PRODUCT and product_of(canonical) is None):
        raise BadRequestError(
            "recall.target", f"{name[:100]!r} has no GTIN", "name a GTIN, or a lot or an item of a product"
        )
    return kind, canonical


def _language_and_text(entry: str) -> tuple[str, Value]:
    language, found, text = entry.partition("=")
    if not found or not text:
        raise BadRequestError("recall.text", f"{entry[:100]!r} is not LANGUAGE=TEXT", 'write --text en="Do not eat."')
    return language, text
