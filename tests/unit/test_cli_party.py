"""`tradelane party` and a payment with parties against a real node: nothing personal is left behind."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from contracts import heads
from ledger.codec import decode
from ledger.proof import trust_from_genesis, trust_to_json
from ledger.transaction import Operation
from node.setup import FOUNDERS
from tests.support.lying_nodes import HONEST, LyingNodes
from tests.support.running_node import RunningNode, running_node

BANK, BUYER, SELLER = "warehouse", "retailer", "brand"
NAME, STREET, IBAN = "Zdenka Vrchlabska", "Pod Hradbami 17", "DE89370400440532013000"
PAYEE = "Quirijn Oosterhoudt"
PERSONAL = (NAME, STREET, IBAN, PAYEE, "Vrchlabska", "Oosterhoudt")

Command = Callable[..., tuple[int, Any, str]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    directory: Path = tmp_path_factory.mktemp("party")
    with running_node(directory) as node:
        for code in ("HKD", "PHP"):
            node.commit(BANK, Operation("settlement.define_currency", {"code": code, "exponent": 2}))
        for owner, name in ((BANK, "fx/HKD"), (BANK, "fx/PHP"), (BUYER, "buyer/HKD"), (SELLER, "seller/PHP")):
            node.commit(owner, Operation("settlement.open_account", {"id": name, "currency": name[-3:]}))
        for number, (name, amount) in enumerate((("buyer/HKD", 1_000_000), ("fx/PHP", 10_000_000)), 1):
            issue: Any = {"id": bytes([number]) * 16, "account": name, "amount": amount}
            node.commit(BANK, Operation("settlement.issue", issue))
        screeners: Any = {"permissions": {"settlement.publish_screening_list": ["screener", "issuer"]}}
        action: Any = {"id": "p", "action": ["governance.set_permissions", screeners], "expires_ms": 1 << 60}
        node.commit(FOUNDERS[0].id, Operation("governance.propose", action))
        yield node


@pytest.fixture
def command(
    running: RunningNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Command:
    hosts = LyingNodes(running)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tradelane.route._PAUSES_S", (0.0,))
    monkeypatch.setattr("cli.session.open_client", lambda nodes: hosts.client(*nodes))
    Path("trust.json").write_text(trust_to_json(trust_from_genesis(running.node.genesis)))
    Path("buyer.json").write_text(json.dumps({"name": NAME, "street": STREET, "iban": IBAN, "birth_year": 1971}))
    Path("seller.json").write_text(json.dumps({"name": PAYEE}))
    Path("un.jsonl").write_text(json.dumps({"id": "UN-1", "names": ["Somebody Else Entirely"]}))
    Path("near.jsonl").write_text(json.dumps({"id": "UN-2", "names": [PAYEE.replace("rh", "r")]}))

    def call(signer: str, *arguments: str) -> tuple[int, Any, str]:
        capsys.readouterr()
        monkeypatch.setenv("TRADELANE_KEY", str(running.network.key_path(signer)))
        is_asking = arguments[0] in {"quote", "pay", "payment", "corridor", "escrow"} or arguments[:2] == (
            "party",
            "screen",
        )
        code = run([*arguments, *(["--node", HONEST] if is_asking else []), "--json"])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if printed.out else None, printed.err

    return call


TRUST = ("--trust", "trust.json")


def done(outcome: tuple[int, Any, str]) -> Any:
    code, found, err = outcome
    assert code == 0, err
    return found


def seal_both(command: Command) -> None:
    key = done(command(BANK, "party", "key"))["encryption_key"]
    for name in ("buyer", "seller"):
        done(command(BUYER, "party", "seal", f"{name}.json", "--for", key, "-o", name))


def screen(command: Command, name: str, list_file: str = "un.jsonl") -> Any:
    files = (f"{name}.sealed.json", f"{name}.key.json")
    said = ("--list", list_file, "--list-id", "UN", "--screener", BANK, "-o", f"{name}-un.json")
    return done(command(BANK, "party", "screen", *files, *said))


def pay(command: Command, *more: str) -> tuple[int, Any, str]:
    accounts = ("--from", "buyer/HKD", "--to", "seller/PHP")
    return command(BUYER, "pay", "2000.00", "HKD", *accounts, "--quote", "quote.json", *more)


def everything_stored(running: RunningNode) -> bytes:
    """Return all that the node's store holds, as it is read, and its files as they are on the disk (compressed)."""
    entries = running.node.store._database.scan(b"", b"\xff" * 64)
    files = [file.read_bytes() for file in running.network.directory.rglob("*") if file.is_file()]
    return b"\n".join([key + value for key, value in entries] + files)


def test_a_payment_with_parties_leaves_nothing_personal_behind(
    command: Command, running: RunningNode, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    quoted = ("--from-account", "fx/HKD", "--to-account", "fx/PHP", "--maximum", "5000.00", "-o", "quote.json")
    done(command(BANK, "quote", "new", "7.688592130", *quoted))
    seal_both(command)
    screened = ("--data-from", "0.01", "--screened-from", "0.01", "--list", "UN")
    done(
        command(
            BANK, "corridor", "set", "HKD", "PHP", "--side", "source", "--payment-max", "5000.00", *screened, *TRUST
        )
    )
    errors = []
    code, _, err = pay(command)
    assert (code, json.loads(err)["error"]["code"]) == (5, "ledger.party_data_missing")
    errors.append(err)
    parties = ("--originator", "buyer.sealed.json", "--beneficiary", "seller.sealed.json")
    code, _, err = pay(command, *parties)
    assert (code, json.loads(err)["error"]["code"]) == (5, "ledger.attestation_missing")
    errors.append(err)

    near = screen(command, "seller", "near.jsonl")
    assert (near["verdict"], [hit["id"] for hit in near["hits"]]) == ("possible", ["UN-2"])
    versions = [screen(command, name)["list_version"] for name in ("buyer", "seller")]
    published = done(command(BANK, "corridor", "publish-list", "un.jsonl", "--list-id", "UN"))
    assert [published["version"]] * 2 == versions
    attested = ("--attestation", "buyer-un.json", "--attestation", "seller-un.json", "--reference", "CONTROL-TEXT")
    paid = done(pay(command, *parties, *attested))
    assert paid["payment"]["status"] == "settled"

    head = running.node.store.head(heads.payment(paid["uetr"]))
    assert head is not None
    kept: Any = decode(head)
    assert kept["originator"].hex() == json.loads(Path("buyer.sealed.json").read_text())["commitment"]
    read = done(command(BANK, "party", "unseal", "buyer.sealed.json", "buyer.key.json"))
    assert json.loads(read["data"])["street"] == STREET

    stored, said = everything_stored(running), "".join(errors) + caplog.text
    assert b"CONTROL-TEXT" in stored, "what is on the ledger would be found"
    for personal in PERSONAL:
        assert personal.encode() not in stored
        assert personal not in said


def test_rules_are_shown_as_they_are_proven(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    rules = ("--side", "target", "--day-max", "1000.00")
    done(command(BANK, "corridor", "set", "PHP", "HKD", *rules, *TRUST))
    again = done(command(BANK, "corridor", "set", "PHP", "HKD", *rules, "--after-hours", "2", *TRUST))
    assert again["version"] == 2
    shown = done(command(BUYER, "corridor", "show", "PHP", "HKD", *TRUST))
    assert shown["source"] is None
    assert (shown["target"]["version"], shown["target"]["rules"]) == (2, {"day_max": 100_000})
    assert shown["target"]["next"]["rules"] == {"day_max": 100_000}
    assert run(["corridor", "show", "PHP", "HKD", *TRUST, "--node", HONEST]) == 0
    text = capsys.readouterr().out
    assert all(words in text for words in ("no rules", "version 2", "24 hours at most", "1000.00 HKD")), text
    code, _, err = command(BUYER, "corridor", "show", "PHP", "XXX", *TRUST)
    assert (code, json.loads(err)["error"]["code"]) == (3, "currency.unknown")
    code, _, err = command(BANK, "corridor", "publish-list", "trust.json", "--list-id", "UN")
    assert (code, json.loads(err)["error"]["code"]) == (1, "screening.list_json")


def test_only_a_recipient_reads_and_an_erased_key_opens_nothing(command: Command) -> None:
    seal_both(command)
    sealed = ("buyer.sealed.json", "buyer.key.json")
    code, _, err = command(BUYER, "party", "unseal", *sealed)
    assert (code, json.loads(err)["error"]["code"]) == (4, "sealed.recipient")
    code, _, err = command(BANK, "party", "unseal", "buyer.sealed.json", "seller.key.json")
    assert (code, json.loads(err)["error"]["code"]) == (6, "sealed.broken")
    done(command(BANK, "party", "erase", "buyer.key.json"))
    assert not Path("buyer.key.json").exists()
    code, _, err = command(BANK, "party", "unseal", *sealed)
    assert (code, json.loads(err)["error"]["code"]) == (1, "file.unreadable")


def test_what_is_no_key_is_not_erased(command: Command) -> None:
    code, _, err = command(BANK, "party", "erase", "buyer.json")
    assert (code, json.loads(err)["error"]["code"]) == (1, "party.file")
    assert NAME in Path("buyer.json").read_text()


def test_an_error_about_data_does_not_repeat_it(command: Command) -> None:
    Path("odd.json").write_text(json.dumps({"surname": NAME}))
    key = done(command(BANK, "party", "key"))["encryption_key"]
    done(command(BUYER, "party", "seal", "odd.json", "--for", key, "-o", "odd"))
    said = ("--list", "un.jsonl", "--list-id", "UN", "--screener", BANK, "-o", "x.json")
    code, _, err = command(BANK, "party", "screen", "odd.sealed.json", "odd.key.json", *said)
    assert (code, json.loads(err)["error"]["code"]) == (1, "party.data")
    assert NAME not in err


@pytest.mark.parametrize("key", ["", "zz", "00" * 31])
def test_what_is_no_recipient(command: Command, key: str) -> None:
    code, _, err = command(BUYER, "party", "seal", "buyer.json", "--for", key, "-o", "x")
    assert (code, json.loads(err)["error"]["code"]) == (1, "sealed.recipients")
    assert not Path("x.key.json").exists()


def test_parties_go_with_a_quote(command: Command) -> None:
    seal_both(command)
    accounts = ("--from", "buyer/HKD", "--to", "seller/PHP", "--originator", "buyer.sealed.json")
    code, _, err = command(BUYER, "pay", "1.00", "HKD", *accounts)
    assert (code, json.loads(err)["error"]["code"]) == (1, "party.quote")


def test_escrow_carries_parties_too(command: Command) -> None:
    seal_both(command)
    Path("when.json").write_text(json.dumps({"kind": "document", "type": "invoice", "roles": ["carrier"]}))
    quoted = ("--from-account", "fx/HKD", "--to-account", "fx/PHP", "--maximum", "5000.00", "-o", "quote.json")
    done(command(BANK, "quote", "new", "7.688592130", *quoted))
    held = ("--from", "buyer/HKD", "--to", "seller/PHP", "--when", "when.json", "--quote", "quote.json")
    parties = ("--originator", "buyer.sealed.json", "--beneficiary", "seller.sealed.json")
    done(command(BANK, "corridor", "set", "HKD", "PHP", "--side", "source", "--data-from", "0.01", *TRUST))
    code, _, err = command(BUYER, "escrow", "open", "100.00", "HKD", *held)
    assert (code, json.loads(err)["error"]["code"]) == (5, "ledger.party_data_missing")
    assert done(command(BUYER, "escrow", "open", "100.00", "HKD", *held, *parties))["uetr"]


def test_a_payment_that_looks_split_waits_until_it_is_reviewed(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    quoted = ("--from-account", "fx/HKD", "--to-account", "fx/PHP", "--maximum", "5000.00", "--capacity", "9000.00")
    done(command(BANK, "quote", "new", "7.688592130", *quoted, "-o", "quote.json"))
    watched = ("--watched-below", "2100.00", "--near-payments-max", "1", "--watched-days", "7", "--review-hours", "48")
    done(command(BANK, "corridor", "set", "HKD", "PHP", "--side", "source", *watched, *TRUST))
    assert done(pay(command))["payment"]["status"] == "settled"
    held = done(pay(command))
    assert held["payment"]["status"] == "held"
    code, _, err = command(BUYER, "escrow", "review", held["uetr"], "--release")
    assert (code, json.loads(err)["error"]["code"]) == (4, "transaction.key_not_allowed")
    assert run(["escrow", "show", held["uetr"], *TRUST, "--node", HONEST]) == 0
    assert ["in", "review", "by", BANK] in [line.split() for line in capsys.readouterr().out.splitlines()]

    counted = done(command(BANK, "corridor", "watch", "buyer/HKD", "HKD", "PHP", *TRUST))["watch"]
    assert ([row[1] for row in counted["hours"]], [row[1] for row in counted["days"]]) == ([2], [400_000])
    assert run(["corridor", "watch", "buyer/HKD", "HKD", "PHP", *TRUST, "--node", HONEST]) == 0
    text = capsys.readouterr().out
    assert all(words in text for words in ("2 just below", "4000.00 HKD in parts", "with seller/PHP")), text
    assert run(["corridor", "watch", "seller/PHP", "HKD", "PHP", *TRUST, "--node", HONEST]) == 0
    assert "nothing is counted" in capsys.readouterr().out
    assert run(["corridor", "show", "HKD", "PHP", *TRUST, "--node", HONEST]) == 0
    assert "2100.00 HKD" in capsys.readouterr().out

    entries = "balance", "buyer/HKD", "--entries"
    assert done(command(BANK, "escrow", "review", held["uetr"], "--release"))["payment"]["status"] == "settled"
    moved = done(command(BUYER, *entries, "--node", HONEST))["entries"]
    assert [(entry["kind"], entry["posted"], entry["pending"]) for entry in moved][-3:] == [
        ("pay", "-2000.00", ""),
        ("escrow", "", "-2000.00"),
        ("escrow", "-2000.00", "2000.00"),
    ]


def test_sealed_text_cannot_write_over_a_terminal(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    Path("odd.json").write_text("one\x1b[2Jtwo")
    key = done(command(BANK, "party", "key"))["encryption_key"]
    done(command(BUYER, "party", "seal", "odd.json", "--for", key, "-o", "odd"))
    assert command(BANK, "party", "unseal", "odd.sealed.json", "odd.key.json")[1]["data"] == "one\x1b[2Jtwo"
    assert run(["party", "unseal", "odd.sealed.json", "odd.key.json"]) == 0
    assert capsys.readouterr().out == "one\ufffd[2Jtwo\n"
