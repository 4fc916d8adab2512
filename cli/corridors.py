"""`tradelane corridor ...`: what issuers allow to be paid from one currency into another, and the lists they go by."""

import hashlib
import time
from pathlib import Path
from typing import Annotated, Final, Literal, cast

import typer
from rich.console import RenderableType
from rich.markup import escape

from cli.files import read_file
from cli.formatting import time_text
from cli.output import fields_table
from cli.proofs import freshness_text, freshness_value, trust_file
from cli.session import (
    AsOption,
    JsonOption,
    KeyOption,
    NetworkOption,
    NodeOption,
    Session,
    TrustOption,
    WaitOption,
    open_session,
)
from cli.submitting import submit_operation
from contracts import heads
from contracts.settlement.corridors import SOURCE, TARGET
from ledger.codec import Value
from ledger.readable import to_json
from ledger.state import Head
from standards.errors import StandardsError
from standards.screening import LIST_BYTES_MAX, read_list
from tradelane import BadRequestError, Checked, NotFoundError, fetch_checked, format_amount, load_trust, parse_amount

_EPILOG: Final = """\b
Examples:
  tradelane corridor set HKD PHP --side source --payment-max 50000.00 \\
      --data-from 8000.00 --as bank
  tradelane corridor show HKD PHP
  tradelane corridor publish-list un.jsonl --list-id UN --as bank
"""
_SET_EPILOG: Final = """\b
Examples:
  tradelane corridor set HKD PHP --side source --payment-max 50000.00 \\
      --day-max 100000.00 --data-from 8000.00 --as bank
  tradelane corridor set HKD PHP --side source --screened-from 8000.00 \\
      --list UN --as bank
  tradelane corridor set HKD PHP --side source --watched-below 8000.00 \\
      --near-payments-max 2 --watched-days 7 --review-hours 48 --as bank
"""
_SHOW_EPILOG: Final = """\b
Examples:
  tradelane corridor show HKD PHP
"""
_WATCH_EPILOG: Final = """\b
Examples:
  tradelane corridor watch buyer/HKD HKD PHP
  tradelane corridor watch seller/PHP HKD PHP --side target
"""
_PUBLISH_EPILOG: Final = """\b
Examples:
  tradelane corridor publish-list un.jsonl --list-id UN --as bank
"""
_HOUR_MS: Final = 3_600_000
_WORDS: Final = {
    "payment_max": "a payment at most",
    "day_max": "24 hours at most",
    "thirty_days_max": "30 days at most",
    "data_from": "parties' data from",
    "screened_from": "screened from",
    "watched_below": "watched below",
}
_COUNTS: Final = {
    "near_payments_max": "just below it at most, in 24 hours",
    "watched_days": "days in which smaller ones may not come to it",
    "counterparties_max": "other accounts at most, in 24 hours",
    "review_hours": "hours that a review may take",
}

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=_EPILOG,
    help="Set and show what may be paid from one currency into another.",
)

SourceArgument = Annotated[str, typer.Argument(metavar="SOURCE", help="Currency that is paid.")]
TargetArgument = Annotated[str, typer.Argument(metavar="TARGET", help="Currency that arrives.")]


@app.command("set", epilog=_SET_EPILOG)
def set_rules(
    context: typer.Context,
    source: SourceArgument,
    target: TargetArgument,
    *,
    side: Annotated[Literal["source", "target"], typer.Option(help="Which of the two you issue; amounts are in it.")],
    payment_max: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Most that one payment moves.")] = None,
    day_max: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Most in 24 hours.")] = None,
    thirty_days_max: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Most in 30 days.")] = None,
    data_from: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="Ask for the parties' data from here.")
    ] = None,
    screened_from: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Ask for screening from here.")] = None,
    lists: Annotated[list[str] | None, typer.Option("--list", metavar="ID", help="By which list; repeatable.")] = None,
    watched_below: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Watch payments of less.")] = None,
    near_payments_max: Annotated[int | None, typer.Option(min=0, help="Of nine tenths of it or more, a day.")] = None,
    watched_days: Annotated[int | None, typer.Option(min=1, help="In which smaller ones may not come to it.")] = None,
    counterparties_max: Annotated[int | None, typer.Option(min=1, help="Other accounts of an account, a day.")] = None,
    review_hours: Annotated[int | None, typer.Option(min=1, help="How long a payment waits for your review.")] = None,
    after_hours: Annotated[int, typer.Option(min=0, max=8784, help="Let the rules begin later.")] = 0,
    node: NodeOption = None,
    network: NetworkOption = None,
    trust: TrustOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Set one side's rules of a corridor, in place of all that the side said before.

    The issuer of that side's currency signs. Limits and thresholds by time count what an organisation paid. What an
    account pays or is paid beyond what is watched waits until you agree with `tradelane escrow review`.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    found = _read(session, trust, source, target)
    exponent = found.exponents[side == TARGET]
    given = {
        "payment_max": payment_max,
        "day_max": day_max,
        "thirty_days_max": thirty_days_max,
        "data_from": data_from,
        "screened_from": screened_from,
        "watched_below": watched_below,
    }
    counts = {
        "near_payments_max": near_payments_max,
        "watched_days": watched_days,
        "counterparties_max": counterparties_max,
        "review_hours": review_hours,
    }
    known = found.rules.get(side)
    version = 1 if known is None else cast(int, known["version"]) + 1
    arguments: dict[str, Value] = {
        "source_currency": source,
        "target_currency": target,
        "side": side,
        "version": version,
        "from_ms": time.time_ns() // 1_000_000 + after_hours * _HOUR_MS if after_hours else 0,
        **{name: parse_amount(text, exponent) for name, text in given.items() if text is not None},
        **{name: number for name, number in counts.items() if number is not None},
    }
    if lists:
        arguments["lists"] = list[Value](lists)
    done = f"set version {version} of the {side}'s rules for {source} to {target}"
    submit_operation(session, "settlement.set_corridor", arguments, shown={"version": version}, wait_s=wait, done=done)


@app.command("show", epilog=_SHOW_EPILOG)
def show(
    context: typer.Context,
    source: SourceArgument,
    target: TargetArgument,
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    trust: TrustOption = None,
    json: JsonOption = False,
) -> None:
    """Show both sides' rules of a corridor, proven down to the validators' signatures."""
    session = open_session(context, json=json, node=node, network=network)
    found = _read(session, trust, source, target)
    texts: list[RenderableType] = []
    for side, code, exponent in zip((SOURCE, TARGET), (source, target), found.exponents, strict=True):
        head = found.rules.get(side)
        texts.append(f"[bold]{side}[/]  " + ("no rules" if head is None else f"version {cast(int, head['version'])}"))
        if head is not None:
            texts.append(fields_table(_rows(cast(Head, head["rules"]), code, exponent)))
            if "next" in head:
                coming = cast(Head, head["next"])
                texts.append(f"from {time_text(cast(int, coming['from_ms']))} on")
                texts.append(fields_table(_rows(cast(Head, coming["rules"]), code, exponent)))
    value = {side: None if side not in found.rules else to_json(found.rules[side]) for side in (SOURCE, TARGET)}
    checked = found.checked
    session.output.result(
        {**value, "height": checked.facts.height, **freshness_value(checked)}, *texts, freshness_text(checked)
    )


@app.command("watch", epilog=_WATCH_EPILOG)
def watch(
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Account that paid, or was paid.")],
    source: SourceArgument,
    target: TargetArgument,
    *,
    side: Annotated[Literal["source", "target"], typer.Option(help="What it paid, or what it was paid.")] = "source",
    node: NodeOption = None,
    network: NetworkOption = None,
    trust: TrustOption = None,
    json: JsonOption = False,
) -> None:
    """Show what is counted of a watched account, proven.

    It is for whoever reviews a payment: a payment in review does not say what it waits for.
    """
    session = open_session(context, json=json, node=node, network=network)
    key = heads.watch(account, source, target, side)
    found = _read(session, trust, source, target, key)
    head = found.heads.get(key)
    exponent, code = found.exponents[side == TARGET], (source, target)[side == TARGET]
    value = None if head is None else to_json(head)
    session.output.result(
        {"watch": value, "height": found.checked.facts.height, **freshness_value(found.checked)},
        "nothing is counted" if head is None else fields_table(_watch_rows(head, code, exponent)),
        freshness_text(found.checked),
    )


@app.command("publish-list", epilog=_PUBLISH_EPILOG)
def publish_list(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The list, as JSON lines.")],
    *,
    list_id: Annotated[str, typer.Option("--list-id", metavar="ID", help="What the ledger calls the list.")],
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Say which version of a list attestations are made by from now on. Only its hash goes on the ledger."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    data = read_file(file, LIST_BYTES_MAX)
    try:
        read_list(data)
    except StandardsError as error:
        raise BadRequestError(f"screening.{error.code}", str(error), "docs/compliance.md says what a list is") from None
    version = hashlib.sha256(data).digest()
    arguments: dict[str, Value] = {"list": list_id, "version": version, "as_of_ms": time.time_ns() // 1_000_000}
    submit_operation(
        session,
        "settlement.publish_screening_list",
        arguments,
        shown={"list": list_id, "version": version},
        wait_s=wait,
        done=f"published version {version.hex()} of {list_id}",
    )


class _Corridor:
    """What is proven of a corridor: the currencies' exponents and the rules by side."""

    def __init__(self, checked: Checked, source: str, target: str) -> None:
        known = {head.key: head.value for head in checked.facts.heads if head.value is not None}
        currencies = [known.get(heads.currency(code)) for code in (source, target)]
        missing = [code for code, head in zip((source, target), currencies, strict=True) if head is None]
        if missing:
            raise NotFoundError("currency.unknown", f"{missing[0]} is not defined", "check the code")
        self.checked = checked
        self.heads = known
        self.exponents = [cast(int, cast(Head, head)["exponent"]) for head in currencies]
        sides = {side: known.get(heads.corridor(source, target, side)) for side in (SOURCE, TARGET)}
        self.rules = {side: head for side, head in sides.items() if head is not None}


def _read(session: Session, trust: Path | None, source: str, target: str, *more: bytes) -> _Corridor:
    keys = {heads.currency(source), heads.currency(target), *more}
    keys |= {heads.corridor(source, target, side) for side in (SOURCE, TARGET)}
    root = load_trust(trust_file(session, trust))
    with session.client() as client:
        return _Corridor(fetch_checked(client, lambda one: one.heads_proof(sorted(keys)), root), source, target)


def _rows(rules: Head, code: str, exponent: int) -> list[tuple[str, str]]:
    rows = [
        (words, f"{format_amount(cast(int, rules[name]), exponent)} {code}")
        for name, words in _WORDS.items()
        if name in rules
    ]
    rows += [(words, str(rules[name])) for name, words in _COUNTS.items() if name in rules]
    if "lists" in rules:
        rows.append(("by", escape(", ".join(cast("list[str]", rules["lists"])))))
    return rows or [("everything", "allowed")]


def _watch_rows(head: Head, code: str, exponent: int) -> list[tuple[str, str]]:
    near, sums = (cast("list[tuple[int, int]]", head[name]) for name in ("hours", "days"))
    others = cast("list[tuple[int, str]]", head["others"])
    rows = [(time_text(hour * _HOUR_MS), f"{count} just below what is watched") for hour, count in near]
    rows += [(time_text(day * 24 * _HOUR_MS), f"{format_amount(paid, exponent)} {code} in parts") for day, paid in sums]
    return [*rows, *((time_text(hour * _HOUR_MS), f"with {escape(other)}") for hour, other in others)]
