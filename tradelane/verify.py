"""Check a proof bundle offline: no node, no network, only the bundle and a trust root that the user already has."""

from pathlib import Path

from ledger.errors import LedgerError
from ledger.proof import Facts, TrustRoot, trust_from_json, trust_to_json, verify_bundle
from tradelane.errors import BadRequestError, NotFoundError, VerificationError
from tradelane.transport import JsonObject

__all__ = ["Facts", "TrustRoot", "load_trust", "read_trust", "save_trust", "verify_proof"]


def verify_proof(bundle: str | JsonObject, trust: TrustRoot, *, time_ms_min: int = 0, height_min: int = 0) -> Facts:
    """Return what a bundle, as its JSON text or as an object, proves to somebody with this trust root.

    ``time_ms_min`` (milliseconds UTC) and ``height_min`` refuse a bundle that holds as of an earlier block. A light
    client keeps the ``trust`` of the facts instead of its own: it is the newest trust root that the bundle leads to.

    Raises
    ------
    VerificationError
        It does not prove what it says; ``code`` is the one reason (docs/proofs.md lists them).

    """
    try:
        return verify_bundle(bundle, trust, time_ms_min, height_min)
    except LedgerError as error:
        raise VerificationError(error.code, str(error), "do not rely on it; ask another node for a bundle") from error


def read_trust(text: str) -> TrustRoot:
    """Return the trust root in the text of a trust file; raises BadRequestError where it is none."""
    try:
        return trust_from_json(text)
    except LedgerError as error:
        raise BadRequestError(f"trust.{error.code}", f"no trust root: {error}", "ask a founder for the file") from error


def load_trust(path: Path) -> TrustRoot:
    """Return the trust root in a file; raises NotFoundError or BadRequestError."""
    try:
        return read_trust(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError("trust.missing", f"there is no trust file {path}", "ask a founder for it") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequestError("trust.unreadable", f"{path} cannot be read: {error}") from error


def save_trust(path: Path, trust: TrustRoot) -> None:
    """Write a trust file in place of the one that is there; raises BadRequestError."""
    beside = path.with_name(path.name + ".new")
    try:
        # First beside it: a trust root that is half written would leave its owner without one.
        beside.write_text(trust_to_json(trust), encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise BadRequestError("trust.unwritable", f"{path} cannot be written: {error}") from error
