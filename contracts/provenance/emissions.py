"""Emissions: what greenhouse gas a leg of transport or the handling at a hub gave off, by the goods that were moved.

The emission is mass times distance times a factor whose source and quality are stated (the calculation of ISO 14083),
in integers: masses in grams, distances in metres, factors in milligrams of CO2 equivalents a tonne-kilometre (at a hub
a tonne), emissions in grams. The whole is rounded once, half up, and dealt out so that the goods' grams add up to it.

Heads: ``emission`` {organisation, mode, distance_metres, factor_mg, data, source, from_ms, until_ms, goods: [[kind,
identifier, mass_grams, grams]], grams, status, reason?, count, chain}; ``emitted`` {papers: [id, ...]}.
"""

from typing import Final

from contracts import heads
from contracts.arguments import Arguments, integer, refuse, row
from contracts.context import Context
from contracts.provenance.subjects import Subject, list_paper, read_subject, require_party
from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.state import Head

HUB: Final = "hub"
STANDING: Final = "standing"
WITHDRAWN: Final = "withdrawn"
GOODS_MAX: Final = 100
MODES: Final = frozenset({"air", HUB, "inland_water", "pipeline", "rail", "road", "sea"})
DATA: Final = frozenset({"default", "modelled", "primary"})
MASS_GRAMS_MAX: Final = 10**12
DISTANCE_METRES_MAX: Final = 10**8
FACTOR_MG_MAX: Final = 10**8

_ID_BYTES_MAX: Final = 64
# Grams of goods in a tonne, times milligrams in a gram; and metres in a kilometre.
_PER_TONNE: Final = 10**9
_METRES_PER_KM: Final = 1_000

Good = tuple[Subject, int]


def record_emissions(context: Context, arguments: dict[str, Value]) -> Value:
    """Record the emissions of a leg or a hub for goods that one owns or holds."""
    read = Arguments(arguments)
    name = read.identifier("id", _ID_BYTES_MAX)
    goods = read.listed("goods", GOODS_MAX, _good)
    mode = read.choice("mode", MODES)
    distance = 0 if mode == HUB else read.integer("distance_metres", 1, DISTANCE_METRES_MAX)
    factor = read.integer("factor_mg", 0, FACTOR_MG_MAX)
    from_ms = read.integer("from_ms")
    made: Head = {
        "organisation": context.member,
        "mode": mode,
        "distance_metres": distance,
        "factor_mg": factor,
        "data": read.choice("data", DATA),
        "source": read.text("source", 200),
        "from_ms": from_ms,
        "until_ms": read.integer("until_ms", from_ms),
        "status": STANDING,
    }
    read.end()
    subjects = [subject for subject, _ in goods]
    if not goods or len(set(subjects)) != len(subjects):
        refuse("goods are 1 or more, none twice")
    if context.get(heads.emission(name)) is not None:
        raise Rejected(ResultCode.EMISSIONS_EXIST, f"{name} was recorded before")
    require_party(context, subjects)
    grams = dealt_out([mass for _, mass in goods], distance, factor, is_hub=mode == HUB)
    for subject in subjects:
        list_paper(context, heads.emitted(*subject), name)
    made["goods"] = [[*subject, mass, share] for (subject, mass), share in zip(goods, grams, strict=True)]
    made["grams"] = sum(grams)
    context.record(heads.emission(name), made)
    return {"grams": sum(grams)}


def withdraw_emissions(context: Context, arguments: dict[str, Value]) -> Value:
    """Take a record of emissions back for good; it stays to be read, and counts no more."""
    read = Arguments(arguments)
    name = read.identifier("id", _ID_BYTES_MAX)
    reason = read.text("reason", 1_000)
    read.end()
    made = context.get(heads.emission(name))
    if made is None:
        raise Rejected(ResultCode.UNKNOWN_EMISSIONS, f"{name} was not recorded")
    if made["organisation"] != context.member:
        raise Rejected(ResultCode.NOT_EMISSIONS_RECORDER, f"{name} was recorded by {made['organisation']!r}")
    if made["status"] == WITHDRAWN:
        raise Rejected(ResultCode.EMISSIONS_WITHDRAWN, f"{name} was withdrawn")
    made.update(status=WITHDRAWN, reason=reason)
    context.record(heads.emission(name), made)
    return None


def dealt_out(masses_grams: list[int], distance_metres: int, factor_mg: int, *, is_hub: bool) -> list[int]:
    """Return the grams of each good; they add up to the rounded whole, because each sum so far is rounded."""
    shares, mass_so_far, grams_so_far = [], 0, 0
    for mass in masses_grams:
        mass_so_far += mass
        if is_hub:
            grams = _half_up(mass_so_far * factor_mg, _PER_TONNE)
        else:
            grams = _half_up(mass_so_far * distance_metres * factor_mg, _PER_TONNE * _METRES_PER_KM)
        shares.append(grams - grams_so_far)
        grams_so_far = grams
    return shares


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def _good(value: object, what: str) -> Good:
    kind, name, mass = row(value, what, 3)
    subject = read_subject([kind, name], what)
    if subject[0] not in ("item", "lot"):
        refuse(f"{what}: goods are items and lots")
    return subject, integer(mass, f"{what}: the mass in grams", 1, MASS_GRAMS_MAX)
