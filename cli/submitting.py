"""What every command that changes something does last: sign one operation, send it, say where it was committed."""

from cli.formatting import committed_table, committed_value, done_text
from cli.session import Session
from ledger.codec import Value
from ledger.transaction import Operation


def submit_operation(
    session: Session, method: str, arguments: dict[str, Value], *, wait_s: float, name: str, done: str
) -> None:
    """Send an operation and print the outcome: its ``id`` under ``name`` for programs, ``done`` for people."""
    key = session.key()
    with session.client() as client:
        status = client.submit([Operation(method, arguments)], key, wait_s=wait_s)
    session.output.result({name: arguments["id"], **committed_value(status)}, done_text(done), committed_table(status))
