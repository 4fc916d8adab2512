"""What every command that changes something does last: sign operations, send them, say where they were committed."""

from collections.abc import Mapping, Sequence

from cli.formatting import committed_table, committed_value, done_text
from cli.session import Session
from ledger.codec import Value
from ledger.transaction import Operation


def submit_operation(
    session: Session, method: str, arguments: dict[str, Value], *, shown: Mapping[str, object], wait_s: float, done: str
) -> None:
    """Send one operation and print the outcome as `submit_operations` does."""
    submit_operations(session, [Operation(method, arguments)], shown=shown, wait_s=wait_s, done=done)


def submit_operations(
    session: Session, operations: Sequence[Operation], *, shown: Mapping[str, object], wait_s: float, done: str
) -> None:
    """Send operations as one transaction and print the outcome: ``shown`` first for programs, ``done`` for people."""
    key = session.key()
    with session.client() as client:
        status = client.submit(operations, key, wait_s=wait_s)
    session.output.result({**shown, **committed_value(status)}, done_text(done), committed_table(status))
