"""`tradelane device new|register|list|show|calibrate|revoke`: what measures, with which key, and how long it counts."""

import hashlib
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from cli.files import read_file
from cli.formatting import TIME_HELP, committed_table, committed_value, done_text, read_time, thing_text, time_text
from cli.output import fields_table, table
from cli.session import (
    AsOption,
    JsonOption,
    KeyOption,
    NetworkOption,
    NodeOption,
    Session,
    WaitOption,
    open_key,
    open_session,
)
from cli.submitting import submit_operation
from ledger.codec import Value
from ledger.keys import SecretKey, signed_preimage
from ledger.transaction import Operation
from tradelane import (
    BadRequestError,
    ConflictError,
    Device,
    NotAuthorisedError,
    NotFoundError,
    TradelaneError,
    new_key,
    save_key,
)

_EPILOG: Final = """\b
Examples:
  tradelane device new logger-7 -o logger-7.json --calibrated-until 2027-11-01 \\
      --as brand
  tradelane device show logger-7
"""
_NEW_EPILOG: Final = """\b
Examples:
  tradelane device new logger-7 -o logger-7.json --calibrated-until 2027-11-01 \\
      --as brand
  tradelane device new logger-7 -o logger-7.json --calibrated-from 2026-10-30 \\
      --calibrated-until 2027-10-30 --certificate logger-7.pdf --as brand
"""
_REGISTER_EPILOG: Final = """\b
Examples:
  tradelane keys new logger-8.json
  tradelane device register logger-8 --device-key logger-8.json \\
      --calibrated-until 2027-11-01 --as brand
"""
_LIST_EPILOG: Final = """\b
Examples:
  tradelane device list
  tradelane device list --of brand --json
"""
_SHOW_EPILOG: Final = """\b
Examples:
  tradelane device show logger-7
"""
_CALIBRATE_EPILOG: Final = """\b
Examples:
  tradelane device calibrate logger-7 --calibrated-from 2027-10-28 \\
      --calibrated-until 2028-10-28 --certificate logger-7.pdf --as brand
"""
_REVOKE_EPILOG: Final = """\b
Examples:
  tradelane device revoke logger-7 --as brand
"""
_SIZE_BYTES_MAX: Final = 64 * 1024 * 1024

app = typer.Typer(help="Register measuring devices and look at them.", no_args_is_help=True, epilog=_EPILOG)

DeviceArgument = Annotated[str, typer.Argument(metavar="DEVICE", help="Id of the device.", show_default=False)]
FromOption = Annotated[
    str | None, typer.Option("--calibrated-from", metavar="TIME", help=f"Else now. {TIME_HELP}", show_default=False)
]
UntilOption = Annotated[
    str, typer.Option("--calibrated-until", metavar="TIME", help="When the calibration ends.", show_default=False)
]
CertificateOption = Annotated[
    Path | None, typer.Option("--certificate", metavar="FILE", help="Its certificate, whose hash is recorded.")
]
OrganisationOption = Annotated[
    str | None, typer.Option("--of", metavar="ORGANISATION", help="Whose device it is; else that of --as.")
]


@app.command("new", epilog=_NEW_EPILOG)
def new(
    context: typer.Context,
    device: DeviceArgument,
    *,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Where its key is written.")],
    calibrated_from: FromOption = None,
    calibrated_until: UntilOption,
    certificate: CertificateOption = None,
    organisation: OrganisationOption = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Make a key for a device, and register both.

    The key may record readings and nothing else. It belongs on the gateway that reads the device.
    """
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    fields = _calibration(calibrated_from, calibrated_until, certificate)
    owner, signing_key = _owner(session, organisation), session.key()
    device_key = new_key()
    # Saved first: a key that the ledger knows and nobody has cannot be registered again.
    save_key(output, device_key)
    try:
        _register(session, signing_key, device, device_key, owner, fields, wait)
    except TradelaneError:
        session.output.note(f"the key is in {escape(str(output))}: tradelane device register --device-key takes it")
        raise


@app.command("register", epilog=_REGISTER_EPILOG)
def register(
    context: typer.Context,
    device: DeviceArgument,
    *,
    device_key: Annotated[Path, typer.Option(metavar="FILE", help="Key of the device.", show_default=False)],
    calibrated_from: FromOption = None,
    calibrated_until: UntilOption,
    certificate: CertificateOption = None,
    organisation: OrganisationOption = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Register a device that has a key; the key becomes one of the organisation's unless it is one."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    fields = _calibration(calibrated_from, calibrated_until, certificate)
    owner, signing_key = _owner(session, organisation), session.key()
    _register(session, signing_key, device, open_key(device_key), owner, fields, wait)


@app.command("list", epilog=_LIST_EPILOG)
def list_devices(
    context: typer.Context,
    *,
    of: Annotated[str | None, typer.Option("--of", metavar="ORGANISATION", help="Only its devices.")] = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """List devices: whose they are, what they watch, and until when they are calibrated."""
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found = client.devices(None if of is None else session.organisation_id(of))
    rows = table("device", "of", ">readings", ">watches", "calibrated until")
    for one in found:
        until = time_text(max(until_ms for _, until_ms in one.calibrations))
        state = until if one.revoked_ms is None else "revoked"
        rows.add_row(
            escape(one.id), escape(one.owner), str(one.last_sequence - one.missing), str(len(one.watches)), state
        )
    session.output.result([one.fields for one in found], rows if found else "there is no device")


@app.command("show", epilog=_SHOW_EPILOG)
def show(
    context: typer.Context,
    device: DeviceArgument,
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """Show a device: its key, calibrations, last reading and what it watches."""
    session = open_session(context, json=json, node=node, network=network)
    with session.client() as client:
        found = client.device(device)
    session.output.result(found.fields, fields_table(_rows(found)))


@app.command("calibrate", epilog=_CALIBRATE_EPILOG)
def calibrate(
    context: typer.Context,
    device: DeviceArgument,
    *,
    calibrated_from: FromOption = None,
    calibrated_until: UntilOption,
    certificate: CertificateOption = None,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Add a time for which a device of yours is calibrated. Readings outside of all such times are refused."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    fields = _calibration(calibrated_from, calibrated_until, certificate)
    submit_operation(
        session,
        "cold_chain.calibrate",
        {"id": device, **fields},
        shown={"device": device},
        wait_s=wait,
        done=f"{device} is calibrated until {time_text(read_time(calibrated_until))}",
    )


@app.command("revoke", epilog=_REVOKE_EPILOG)
def revoke(
    context: typer.Context,
    device: DeviceArgument,
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    key: KeyOption = None,
    acting_as: AsOption = None,
    wait: WaitOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Take a device of yours out of use, for good; what it has recorded stays."""
    session = open_session(context, json=json, node=node, network=network, key=key, acting_as=acting_as)
    submit_operation(
        session,
        "cold_chain.revoke_device",
        {"id": device},
        shown={"device": device},
        wait_s=wait,
        done=f"revoked {device}",
    )


def _register(
    session: Session,
    signing_key: SecretKey,
    device: str,
    device_key: SecretKey,
    owner: str,
    fields: dict[str, Value],
    wait_s: float,
) -> None:
    public_key = device_key.public_key
    registered = Operation("cold_chain.register_device", {"id": device, "key": public_key, **fields})
    with session.client() as client:
        message = signed_preimage("possession", bytes.fromhex(client.chain_id()), owner.encode())
        added: dict[str, Value] = {
            "key": public_key,
            "purpose": "device",
            "methods": ["cold_chain.record_batch"],
            "proof": device_key.sign(message),
        }
        try:
            status = client.submit([Operation("membership.add_key", added), registered], signing_key, wait_s=wait_s)
        except (ConflictError, NotAuthorisedError) as error:
            # The key may be the organisation's already, and who registers devices need not be an admin.
            if isinstance(error, ConflictError) and error.code != "ledger.key_exists":
                raise
            try:
                status = client.submit([registered], signing_key, wait_s=wait_s)
            except NotFoundError:
                raise error from None
    value = {"device": device, "key": public_key, "organisation": owner, **committed_value(status)}
    session.output.result(
        value,
        done_text(f"registered {device} of {owner}"),
        fields_table([("key", public_key.hex())]),
        committed_table(status),
    )


def _owner(session: Session, named: str | None) -> str:
    name = named or session.settings.acting_as
    if name is None:
        raise BadRequestError("device.owner", "nobody was named whose device it is", "use --as or --of")
    return session.organisation_id(name)


def _calibration(start: str | None, end: str, certificate: Path | None) -> dict[str, Value]:
    from_ms = time.time_ns() // 1_000_000 if start is None else read_time(start)
    fields: dict[str, Value] = {"calibrated_from_ms": from_ms, "calibrated_until_ms": read_time(end)}
    if certificate is not None:
        fields["certificate_hash"] = hashlib.sha256(read_file(certificate, _SIZE_BYTES_MAX)).digest()
    return fields


def _rows(device: Device) -> list[tuple[str, str]]:
    rows = [("device", escape(device.id)), ("of", escape(device.owner)), ("key", device.key)]
    rows += [
        ("calibrated", f"{time_text(from_ms)} to {time_text(until_ms)}") for from_ms, until_ms in device.calibrations
    ]
    if device.certificate_hash is not None:
        rows.append(("certificate", device.certificate_hash))
    rows.append(("readings", f"{device.last_sequence - device.missing}, and {device.missing} numbers left out"))
    if device.last_sequence:
        rows.append(("last reading", time_text(device.last_ms)))
    rows += [("watches", f"{escape(thing_text(thing))} from {time_text(since)}") for thing, since in device.watches]
    if device.revoked_ms is not None:
        rows.append(("revoked", time_text(device.revoked_ms)))
    return rows
