"""What the ledger holds: things, products, organisations, accounts, payments, offers. Reads alone."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Response

from contracts import heads
from contracts.settlement.transfer_ids import TRANSFER_ID_BYTES
from ledger.readable import Json
from node import money, netting, queries
from node.api.answers import Answers
from node.api.parameters import (
    AccountsOf,
    ById,
    HistoryOf,
    HoldsOf,
    OffersOf,
    Paged,
    PaymentsOf,
    ProofOf,
    Proven,
    Read,
    SiteEvents,
    TraceOf,
    WindowsOf,
)
from node.api.problems import Problem
from node.api.transactions import bundled
from node.links import EVER_MS, Interval
from node.payments import payment, payments_page
from node.proofs import head_bundle, records_up_to, statement_bundle
from node.queries import JsonObject, Thing, find_thing
from node.sites import canonical_site, site_page
from node.storage.store import Store
from node.trace import AsOf, Limits, trace, tree_json

T = TypeVar("T")


def router(answers: Answers) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1", tags=["state"])
    _add_things(routes, answers)
    _add_parties(routes, answers)
    _add_money(routes, answers)
    _add_payments(routes, answers)
    return routes


def _add_things(routes: APIRouter, answers: Answers) -> None:
    @routes.get("/items", summary="What is known of an item, logistic unit or lot now")
    async def item(asked: Annotated[ById, Query()]) -> Response:
        return await answers.json(lambda store: queries.thing_summary(store, thing_or_problem(store, asked.id)), asked)

    @routes.get("/items/history", summary="Every record of a thing, oldest first")
    async def history(asked: Annotated[HistoryOf, Query()]) -> Response:
        def read(store: Store) -> Json:
            thing = thing_or_problem(store, asked.id)
            after = queries.record_number(asked.cursor)
            page = queries.history_page(store, thing, after, asked.limit)
            return {"id": thing.identifier, "kind": thing.kind, "count": thing.count, **page.to_json()}

        return await answers.json(read, asked)

    @routes.get("/items/trace", summary="The tree of a thing: containers, sources, products, contents")
    async def tree(asked: Annotated[TraceOf, Query()]) -> Response:
        def read(store: Store) -> Json:
            return _tree(store, asked)

        return await answers.json(read, asked)

    @routes.get("/sites/events", summary="What happened at a place, in the order in which it happened")
    async def at_site(asked: Annotated[SiteEvents, Query()]) -> Response:
        def read(store: Store) -> Json:
            site = canonical_site(asked.id)
            window = _window(asked.since_ms, asked.until_ms)
            return {"id": site, **site_page(store, site, window, asked.cursor, asked.limit).to_json()}

        return await answers.json(read, asked)

    @routes.get("/items/proof", summary="The proof bundle of a thing and its whole history, or of its absence")
    async def proof(asked: Annotated[ProofOf, Query()]) -> Response:
        def read(store: Store) -> Json:
            thing = find_thing(store, asked.id)
            return _proof(store, queries.item_key(asked.id) if thing is None else thing.key, asked)

        return await answers.json(read, asked)

    @routes.get("/products/{gtin}", summary="A product by its GTIN")
    async def product(gtin: str, asked: Annotated[Read, Query()]) -> Response:
        return await _one(answers, lambda store: queries.product(store, gtin.zfill(14)), asked, "product.unknown", gtin)


def _add_parties(routes: APIRouter, answers: Answers) -> None:
    @routes.get("/organisations", summary="Organisations by id")
    async def organisations(asked: Annotated[Paged, Query()]) -> Response:
        return await answers.json(
            lambda store: queries.organisations_page(store, asked.cursor, asked.limit).to_json(), asked
        )

    @routes.get("/organisations/{identifier:path}", summary="An organisation")
    async def organisation(identifier: str, asked: Annotated[Read, Query()]) -> Response:
        return await _one(
            answers, lambda store: queries.organisation(store, identifier), asked, "organisation.unknown", identifier
        )

    @routes.get("/offers", summary="Offers of custody or ownership by id")
    async def offers(asked: Annotated[OffersOf, Query()]) -> Response:
        return await answers.json(
            lambda store: queries.offers_page(
                store,
                asked.cursor,
                asked.limit,
                giver=asked.giver,
                taker=asked.taker,
                party=asked.party,
                item=asked.item,
                status=asked.status,
            ).to_json(),
            asked,
        )

    @routes.get("/offers/{identifier:path}", summary="An offer")
    async def offer(identifier: str, asked: Annotated[Read, Query()]) -> Response:
        return await _one(answers, lambda store: queries.offer(store, identifier), asked, "offer.unknown", identifier)


def _add_money(routes: APIRouter, answers: Answers) -> None:
    @routes.get("/accounts", summary="Accounts by id, all or those of an owner")
    async def accounts(asked: Annotated[AccountsOf, Query()]) -> Response:
        return await answers.json(
            lambda store: money.accounts_page(store, asked.owner, asked.cursor, asked.limit).to_json(), asked
        )

    # Before the account itself, whose id may hold slashes.
    @routes.get("/accounts/{identifier:path}/entries", summary="Everything that touched an account, oldest first")
    async def entries(identifier: str, asked: Annotated[Paged, Query()]) -> Response:
        def read(store: Store) -> JsonObject | None:
            page = money.account_entries(store, identifier, queries.record_number(asked.cursor), asked.limit)
            return None if page is None else {"id": identifier, **page.to_json()}

        return await _one(answers, read, asked, "account.unknown", identifier)

    @routes.get("/accounts/{identifier:path}/holds", summary="What is held on either side of an account")
    async def holds(identifier: str, asked: Annotated[HoldsOf, Query()]) -> Response:
        def read(store: Store) -> JsonObject | None:
            page = money.account_holds(store, identifier, asked.cursor, asked.limit, status=asked.status)
            return None if page is None else {"id": identifier, **page.to_json()}

        return await _one(answers, read, asked, "account.unknown", identifier)

    @routes.get("/holds/{identifier}", summary="A hold by the id of its pending transfer")
    async def hold(identifier: str, asked: Annotated[Read, Query()]) -> Response:
        transfer_id = transfer_id_or_problem(identifier)
        return await _one(answers, lambda store: money.hold(store, transfer_id), asked, "hold.unknown", identifier)

    @routes.get("/accounts/{identifier:path}/proof", summary="The proof bundle of an account and its statement")
    async def proof(identifier: str, asked: Annotated[Proven, Query()]) -> Response:
        return await answers.json(lambda store: _proof(store, heads.account(identifier), asked), asked)

    @routes.get("/accounts/{identifier:path}", summary="The totals of an account")
    async def account(identifier: str, asked: Annotated[Read, Query()]) -> Response:
        return await _one(answers, lambda store: money.account(store, identifier), asked, "account.unknown", identifier)


def _add_payments(routes: APIRouter, answers: Answers) -> None:
    @routes.get("/windows", summary="Windows in which obligations are netted, by currency and id")
    async def windows(asked: Annotated[WindowsOf, Query()]) -> Response:
        statuses = None if asked.status is None else frozenset({asked.status})
        return await answers.json(
            lambda store: netting.windows_page(store, asked.currency, statuses, asked.cursor, asked.limit).to_json(),
            asked,
        )

    @routes.get("/windows/{currency}/{identifier:path}", summary="A window with all its obligations")
    async def window(currency: str, identifier: str, asked: Annotated[Read, Query()]) -> Response:
        return await _one(
            answers,
            lambda store: netting.window(store, currency, identifier),
            asked,
            "window.unknown",
            f"{identifier} of {currency}",
        )

    @routes.get("/quotes/{provider}/{identifier}", summary="How much of a provider's quote was used")
    async def quote(provider: str, identifier: str, asked: Annotated[Read, Query()]) -> Response:
        quote_id = transfer_id_or_problem(identifier)
        return await _one(
            answers, lambda store: money.quote(store, provider, quote_id), asked, "organisation.unknown", provider
        )

    @routes.get("/obligations/{identifier}", summary="An obligation by its id")
    async def obligation(identifier: str, asked: Annotated[Read, Query()]) -> Response:
        obligation_id = transfer_id_or_problem(identifier)
        return await _one(
            answers, lambda store: netting.obligation(store, obligation_id), asked, "obligation.unknown", identifier
        )

    @routes.get("/payments", summary="Payments by UETR, without their steps")
    async def payments(asked: Annotated[PaymentsOf, Query()]) -> Response:
        statuses = None if asked.status is None else frozenset({asked.status})
        return await answers.json(
            lambda store: payments_page(store, statuses, asked.cursor, asked.limit).to_json(), asked
        )

    @routes.get("/payments/{uetr}", summary="A payment by its UETR, with every step and its time")
    async def one_payment(uetr: str, asked: Annotated[Read, Query()]) -> Response:
        return await _one(answers, lambda store: payment(store, uetr.lower()), asked, "payment.unknown", uetr)

    @routes.get("/payments/{uetr}/proof", summary="The proof bundle of a payment and its history, or of its absence")
    async def payment_proof(uetr: str, asked: Annotated[Proven, Query()]) -> Response:
        return await answers.json(lambda store: _proof(store, heads.payment(uetr.lower()), asked), asked)


def _proof(store: Store, key: bytes, asked: Proven) -> Json:
    after = asked.after_count
    if after is None and asked.after_height is not None:
        after = max(0, records_up_to(store, key, asked.after_height) - 1)
    return bundled(lambda: head_bundle(store, key) if after is None else statement_bundle(store, key, after))


def _tree(store: Store, asked: TraceOf) -> Json:
    if asked.at_height is not None and asked.at_ms is not None:
        raise Problem("query.wrong_type", "a tree is as of a height or of a time: give at_height or at_ms, not both")
    if asked.at_height is not None and asked.at_height > store.tip.height:
        detail = f"this node is at height {store.tip.height}, asked for is {asked.at_height}"
        raise Problem("not_yet_at_height", detail)
    limits = Limits(
        depth_max=asked.depth, nodes_max=asked.nodes, branches_max=asked.fan_out, all_events_max=asked.events
    )
    window = _window(asked.since_ms, asked.until_ms)
    as_of = AsOf(asked.at_height, asked.at_ms)
    root = trace(store, asked.id, asked.direction, limits, as_of=as_of, window=window)
    return tree_json(store, found_or_problem(root, "item.unknown", asked.id), as_of)


def _window(since_ms: int | None, until_ms: int | None) -> Interval | None:
    if since_ms is None and until_ms is None:
        return None
    return Interval(EVER_MS if since_ms is None else since_ms, until_ms)


async def _one(
    answers: Answers, function: Callable[[Store], JsonObject | None], asked: Read, code: str, name: str
) -> Response:
    return await answers.json(lambda store: found_or_problem(function(store), code, name), asked)


def thing_or_problem(store: Store, identifier: str) -> Thing:
    """Return the thing of an identifier in any spelling; raises Problem."""
    return found_or_problem(find_thing(store, identifier), "item.unknown", identifier)


def found_or_problem(value: T | None, code: str, name: str) -> T:
    """Return what was found; raises Problem with a code where it is None."""
    if value is None:
        raise Problem(code, f"{name[:200]!r} is not on the ledger at this height")
    return value


def transfer_id_or_problem(text: str) -> bytes:
    """Return the transfer id that a text says in hexadecimal; raises Problem."""
    if len(text) != 2 * TRANSFER_ID_BYTES or text != text.lower():
        raise Problem("query.transfer_id", f"{text[:64]!r} is not 32 hexadecimal digits")
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise Problem("query.transfer_id", f"{text[:64]!r} is not 32 hexadecimal digits") from error
