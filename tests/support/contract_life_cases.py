"""Situations for the codes of an item's life, for the golden table in tests/unit/test_contracts_codes.py."""

from tests.support.contract_situations import REFUSE, Case, R, case, ran
from tests.support.contracts_world import START_MS, Call, add, event, observe, sgtin

_DAY_MS = 86_400_000
_MADE_MS = START_MS - 20 * _DAY_MS
_SOLD_MS = START_MS - 11 * _DAY_MS
_MADE = ("maker", add(sgtin(1), time_ms=_MADE_MS, event_id="urn:made"))
_OFFER: Call = (
    "custody.offer",
    {"id": "life", "to": "shop", "kind": "custody", "items": [sgtin(1)], "expires_ms": START_MS + 1},
)
_ACCEPTANCE: Call = ("custody.accept", {"id": "life"})
_HANDED_OVER = (("maker", _OFFER), ("shop", _ACCEPTANCE))


def _sold(time_ms: int = _SOLD_MS, **more: object) -> Call:
    return observe(sgtin(1), time_ms=time_ms, biz_step="retail_selling", disposition="retail_sold", **more)


def _returned(time_ms: int, **more: object) -> Call:
    return observe(sgtin(1), time_ms=time_ms, disposition="returned", **more)


_OFTEN_SEEN = tuple(("maker", observe(sgtin(1), time_ms=START_MS - 1_000 + number)) for number in range(18))

LIFE_CASES: tuple[Case, ...] = (
    case(
        R.DESTROYED,
        "maker",
        observe(sgtin(1), **REFUSE),
        setup=ran(_MADE, ("maker", observe(sgtin(1), time_ms=_SOLD_MS, biz_step="destroying"))),
    ),
    case(
        R.DESTROYED,
        "maker",
        _returned(_SOLD_MS + 1, **REFUSE),
        setup=ran(_MADE, ("maker", observe(sgtin(1), time_ms=_SOLD_MS, biz_step="destroying"))),
        note="nothing brings it back",
    ),
    case(R.ALREADY_SOLD, "maker", _sold(_SOLD_MS + 1, **REFUSE), setup=ran(_MADE, ("maker", _sold()))),
    case(
        R.OK,
        "maker",
        _sold(_SOLD_MS + 2, **REFUSE),
        setup=ran(_MADE, ("maker", _sold()), ("maker", _returned(_SOLD_MS + 1))),
    ),
    case(
        R.UNDO_TOO_LATE,
        "maker",
        _returned(_SOLD_MS + 10 * _DAY_MS + 1, **REFUSE),
        setup=ran(_MADE, ("maker", _sold())),
    ),
    case(
        R.OK,
        "maker",
        _returned(_SOLD_MS + 10 * _DAY_MS, **REFUSE),
        setup=ran(_MADE, ("maker", _sold())),
        note="on the last moment of the tenth day",
    ),
    case(
        R.UNDO_BY_ANOTHER,
        "maker",
        _returned(_SOLD_MS + 1, **REFUSE),
        setup=ran(_MADE, *_HANDED_OVER, ("shop", _sold())),
    ),
    case(
        R.UNDO_ELSEWHERE,
        "maker",
        _returned(_SOLD_MS + 1, biz_location="urn:there", **REFUSE),
        setup=ran(_MADE, ("maker", _sold(biz_location="urn:here"))),
    ),
    case(
        R.EVENT_TOO_OLD,
        "maker",
        observe(sgtin(1), time_ms=START_MS - 5_000, **REFUSE),
        setup=ran(_MADE, *_OFTEN_SEEN),
    ),
    case(
        R.EFFECT_NOT_UNDONE,
        "maker",
        event(
            "ObjectEvent",
            "ADD",
            epcs=[sgtin(1)],
            time_ms=_MADE_MS,
            event_id="urn:made",
            declaration={"declared_ms": START_MS, "corrective_ids": []},
            **REFUSE,
        ),
        setup=ran(_MADE, *_OFTEN_SEEN),
    ),
)
