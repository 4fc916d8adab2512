"""`tradelane cold ...`: profiles, which device watches what, readings, and what the ledger made of them."""

import json as json_text
import time
from pathlib import Path
from typing import Annotated, Final, Literal, cast

import typer
from rich.console import RenderableType
from rich.markup import escape

from cli.cold_bridge import BRIDGE_EPILOG, bridge
from cli.cold_report import REPORT_EPILOG, report
from cli.cold_text import breaches_text, degrees, limit_text, record_text
from cli.files import read_file
from cli.formatting import TIME_HELP, done_text, read_time, thing_text, time_text
from cli.output import fields_table, table
from cli.readings_file import read_measured, stated_of
from cli.session import AsOption, JsonOption, KeyOption, NetworkOption, NodeOption, WaitOption, open_session
from cli.submitting import submit_operation
from ledger.codec import Value
from standards.digital_link import canonical_id
from standards.durations import duration_text
from standards.logger_csv import SIZE_BYTES_MAX
from tradelane import BadRequestError, NotFoundError, Recorded, record_readings
from tradelane.recording import device_of

_EPILOG: Final = """\b
Examples:
  tradelane cold assign ID --device logger-7 --profile fridge-2-8 --as brand
  tradelane cold record logger-7.csv --time-zone +01:00 --key logger-7.json
  tradelane cold report ID
"""
_PROFILE_EPILOG: Final = """\b
Examples:
  tradelane cold profile examples/fridge-2-8.json --as brand
  tradelane cold profiles
"""
_PROFILES_EPILOG: Final = """\b
Examples:
  tradelane cold profiles
  tradelane cold profiles --json
"""
_ASSIGN_EPILOG: Final = """\b
Examples:
  tradelane cold assign https://id.gs1.org/00/395211020000004175 \\
      --device logger-7 --profile fridge-2-8 --as brand
  tradelane cold assign ID --device logger-7 --profile fridge-2-8 \\
      --from 2026-11-01T06:00:00Z --until 2026-11-04 --as brand
"""
_RELEASE_EPILOG: Final = """\b
Examples:
  tradelane cold release ID --device logger-7 --as carrier
"""
_RECORD_EPILOG: Final = """\b
Examples:
  tradelane cold record logger-7.csv --time-zone +01:00 --key logger-7.json
  tradelane cold record pack.json --sensor truck-7/front --key front.json
  tradelane cold record logger-7.csv --check
"""
_STATUS_EPILOG: Final = """\b
Examples:
  tradelane cold status ID
  tradelane cold status ID --json
"""
_ACKNOWLEDGE_EPILOG: Final = """\b
Examples:
  tradelane cold acknowledge ID 1 --comment "door open at the dock, moved" \\
      --as carrier
"""
_SIZE_BYTES_MAX: Final = 64 * 1024
_LIMIT_FIELDS: Final = ("timer", "side", "threshold_milli_celsius", "duration_ms", "gravity")

app = typer.Typer(
    help="Keep the cold chain: who watches what, readings, breaches.", no_args_is_help=True, epilog=_EPILOG
)

app.command("report", epilog=REPORT_EPILOG)(report)
app.command("bridge", epilog=BRIDGE_EPILOG)(bridge)

ThingArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The thing: an item, a logistic unit, an asset.", show_default=False)
]
DeviceOption = Annotated[str, typer.Option("--device", metavar="DEVICE", help="Id of the device.", show_default=False)]


@app.command("profile", epilog=_PROFILE_EPILOG)
def profile(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The profile, in JSON.", show_default=False)],
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Define a profile: the range, the longest interval between readings, and the limits.

    A profile never changes; for other limits define another. What `cold profiles --json` lists is what a file holds.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    arguments = _read_profile(file)
    submit_operation(
        session,
        "cold_chain.define_profile",
        arguments,
        shown={"profile": arguments["id"]},
        wait_s=wait,
        done=f"defined {arguments['id']!s}",
    )


@app.command("profiles", epilog=_PROFILES_EPILOG)
def profiles(
    context: typer.Context, *, node: NodeOption = None, network: NetworkOption = None, json: JsonOption = False
) -> None:
    """List the profiles that cold chains are judged by."""
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found = client.cold_profiles()
    rows = table("profile", "of", "range", ">gap", "limits")
    for one in found:
        limits = "\n".join(map(limit_text, one.limits)) or "none"
        span = f"{degrees(one.min_milli_celsius)} to {degrees(one.max_milli_celsius)} °C"
        rows.add_row(escape(one.id), escape(one.owner), span, duration_text(one.gap_ms), limits)
    session.output.result([one.fields for one in found], rows if found else "there is no profile")


@app.command("assign", epilog=_ASSIGN_EPILOG)
def assign(
    context: typer.Context,
    thing: ThingArgument,
    *,
    device: DeviceOption,
    profile_id: Annotated[str, typer.Option("--profile", help="What readings are judged by.", show_default=False)],
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help=f"Else now. {TIME_HELP}")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Else until `cold release`.")] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Let a device of yours watch a thing that you hold.

    From then on its readings are judged by the profile. One device watches a thing at a time.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    arguments: dict[str, Value] = {
        "device": device,
        "thing": canonical_id(thing),
        "from_ms": _now_ms() if start is None else read_time(start),
        "profile": profile_id,
    }
    if until is not None:
        arguments["until_ms"] = read_time(until)
    submit_operation(
        session,
        "cold_chain.assign",
        arguments,
        shown={"thing": arguments["thing"], "device": device, "from_ms": arguments["from_ms"]},
        wait_s=wait,
        done=f"{device} watches {thing_text(canonical_id(thing))}",
    )


@app.command("release", epilog=_RELEASE_EPILOG)
def release(
    context: typer.Context,
    thing: ThingArgument,
    *,
    device: DeviceOption,
    until: Annotated[str | None, typer.Option(metavar="TIME", help=f"Else now. {TIME_HELP}")] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """End a watch: until when the device watches the thing. That time must not be judged yet."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    name = canonical_id(thing)
    with session.client() as client:
        open_watches = [from_ms for watched, from_ms in client.device(device).watches if watched == name]
    if not open_watches:
        raise NotFoundError("cold.watch", f"{device} watches no {name}", "see `tradelane device show`")
    arguments: dict[str, Value] = {
        "device": device,
        "thing": name,
        "from_ms": open_watches[-1],
        "until_ms": _now_ms() if until is None else read_time(until),
    }
    submit_operation(
        session,
        "cold_chain.release",
        arguments,
        shown={"thing": name, "device": device, "until_ms": arguments["until_ms"]},
        wait_s=wait,
        done=f"{device} watches {thing_text(name)} until {time_text(cast(int, arguments['until_ms']))}",
    )


@app.command("record", epilog=_RECORD_EPILOG)
def record(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="SenML in JSON, or CSV; - is standard input.")],
    *,
    sensor: Annotated[str | None, typer.Option(metavar="NAME", help="Which sensor of a SenML pack.")] = None,
    time_zone: Annotated[str | None, typer.Option(metavar="OFFSET", help="Of a CSV file's times, as +01:00.")] = None,
    date_order: Annotated[Literal["dmy", "mdy"] | None, typer.Option(help="Of dates such as 3/4/2026.")] = None,
    unit: Annotated[Literal["C", "F", "K"] | None, typer.Option(help="Of a CSV column that names none.")] = None,
    column: Annotated[str | None, typer.Option(metavar="NAME", help="Which temperature column of a CSV file.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Read the file and say what is in it; send nothing.")] = False,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Record the readings in a file, signed with the key of their device.

    Each reading is recorded once: after an interruption run the command again, and it goes on where it stopped. Exit
    code 5 means that readings came too late, because the device has recorded later ones. What is read in a CSV file,
    and what is refused in one, is in docs/cold-chain.md.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    measured, told = read_measured(
        read_file(file, SIZE_BYTES_MAX), stated_of(time_zone, date_order, unit, column), sensor
    )
    for text in told[:20]:
        session.output.note(f"[yellow]left out:[/] {escape(text)}")
    if len(told) > 20:
        session.output.note(f"[yellow]left out:[/] and {len(told) - 20} more")
    values = [value for _, value in measured if value is not None]
    if not values:
        raise BadRequestError("readings.none", f"{file} holds no temperature", "see what was left out, and why")
    if check:
        value = {"readings": len(values), "unmeasured": len(measured) - len(values), "left_out": told}
        ends = {"first_ms": measured[0][0], "last_ms": measured[-1][0]}
        extremes = {"min_milli_celsius": min(values), "max_milli_celsius": max(values)}
        span = f"{time_text(measured[0][0])} to {time_text(measured[-1][0])}"
        said = f"{len(values)} readings, {span}, {degrees(min(values))} to {degrees(max(values))} °C"
        session.output.result({**value, **ends, **extremes}, said)
        return
    signing_key = session.key()
    with session.client() as client, session.output.progress() as bars:
        name = device_of(client, signing_key).id
        found = record_readings(client, signing_key, measured, lambda done, total: bars(name, done, total), wait_s=wait)
    session.output.result({**_recorded_value(found), "left_out": told}, *_recorded_text(found))
    if found.late:
        raise typer.Exit(5)


@app.command("status", epilog=_STATUS_EPILOG)
def status(
    context: typer.Context,
    thing: ThingArgument,
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show what the ledger makes of a thing's cold chain: disposition, watches and breaches."""
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found, breaches = client.cold_record(thing), client.cold_breaches(thing)
    value = {**found.fields, "breaches_found": [one.fields for one in breaches]}
    session.output.result(value, *record_text(found), *breaches_text(breaches))


@app.command("acknowledge", epilog=_ACKNOWLEDGE_EPILOG)
def acknowledge(
    context: typer.Context,
    thing: ThingArgument,
    breach: Annotated[int, typer.Argument(metavar="BREACH", min=1, help="Its number.", show_default=False)],
    *,
    comment: Annotated[str, typer.Option(help="What was done about it; it stays on the ledger.", show_default=False)],
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Say that you know of a breach of a thing that you hold. That alone never makes the thing fit for use."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    arguments: dict[str, Value] = {"thing": canonical_id(thing), "breach": breach, "comment": comment}
    submit_operation(
        session,
        "cold_chain.acknowledge",
        arguments,
        shown={"thing": arguments["thing"], "breach": breach},
        wait_s=wait,
        done=f"acknowledged breach {breach}",
    )


def _read_profile(file: Path) -> dict[str, Value]:
    """Return the arguments that define the profile in a file; what they may be is for the ledger to say."""
    data = read_file(file, _SIZE_BYTES_MAX)
    try:
        document = json_text.loads(data)
        fields = {name: document[name] for name in ("id", "min_milli_celsius", "max_milli_celsius", "gap_ms")}
        limits = [[limit[name] for name in _LIMIT_FIELDS] for limit in document.get("limits", [])]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        hint = "compare it with examples/fridge-2-8.json"
        raise BadRequestError("profile.file", f"{file} is no profile: {error!r}", hint) from error
    return {**fields, "limits": cast("list[Value]", limits)}


def _recorded_value(found: Recorded) -> dict[str, object]:
    return {
        "device": found.device,
        "recorded": found.recorded,
        "already": found.already,
        "unmeasured": found.unmeasured,
        "late": [[time_ms, milli_celsius] for time_ms, milli_celsius in found.late],
        "transactions": found.transactions,
    }


def _recorded_text(found: Recorded) -> list[RenderableType]:
    shown: list[RenderableType] = [done_text(f"recorded {found.recorded} readings of {found.device}")]
    rows = []
    if found.already:
        rows.append(("already", f"{found.already} were on the ledger"))
    if found.unmeasured:
        rows.append(("unmeasured", f"{found.unmeasured} lines without a temperature: unmonitored time"))
    if found.late:
        first, last = found.late[0][0], found.late[-1][0]
        rows.append(("too late", f"{len(found.late)} of {time_text(first)} to {time_text(last)} are not recorded:"))
        rows.append(("", "the device has recorded later readings"))
    if rows:
        shown.append(fields_table(rows))
    return shown


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
