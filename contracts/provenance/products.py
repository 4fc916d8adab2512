"""Products: what a GTIN stands for, said once by the organisation that registers it and changed by it alone.

Heads: ``product`` {owner, name, registered_ms, names?, brand?, description?, image_hash?, storage?, hs_code?,
mass_grams?, country_of_origin?, url?}.
"""

import re
from typing import Final

from contracts import heads
from contracts.arguments import Arguments, mapping
from contracts.context import Context
from contracts.identifiers import COUNTRY, GTIN, require_gs1_check_digit
from contracts.membership import acting_organisation, require_active
from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.state import Head

_HS_CODE: Final = re.compile(r"[0-9]{4,12}")
# Absolute zero and far above any store: milli-degrees Celsius.
COLDEST_MILLI_CELSIUS: Final = -273_150
HOTTEST_MILLI_CELSIUS: Final = 1_000_000


def register_product(context: Context, arguments: dict[str, Value]) -> Value:
    """Register a product under its GTIN, 14 digits with the check digit."""
    read = Arguments(arguments)
    owner = acting_organisation(context, read)
    gtin = _gtin(read)
    name = read.text("name", 200)
    details = _details(read)
    read.end()
    require_active(context, owner)
    if context.get(heads.product(gtin)) is not None:
        raise Rejected(ResultCode.PRODUCT_EXISTS, f"{gtin} is registered")
    product: Head = {"owner": owner, "registered_ms": context.block.time_ms, "name": name, **details}
    context.record(heads.product(gtin), product)
    return None


def update_product(context: Context, arguments: dict[str, Value]) -> Value:
    """Replace the given details of one's own product; the others stay."""
    read = Arguments(arguments)
    gtin = _gtin(read)
    name = read.optional_text("name", 200)
    details = _details(read)
    read.end()
    product = context.get(heads.product(gtin))
    if product is None:
        raise Rejected(ResultCode.UNKNOWN_PRODUCT, f"{gtin} is not registered")
    if product["owner"] != context.member:
        raise Rejected(ResultCode.NOT_PRODUCT_OWNER, f"{gtin} was registered by {product['owner']!r}")
    if name is not None:
        product["name"] = name
    product.update(details)
    context.record(heads.product(gtin), product)
    return None


def _gtin(read: Arguments) -> str:
    return require_gs1_check_digit(read.pattern("gtin", GTIN), "GTIN")


def _details(read: Arguments) -> Head:
    found: dict[str, Value] = {
        "names": read.optional_texts("names", 200),
        "brand": read.optional_text("brand", 200),
        "description": read.optional_text("description", 4_000),
        "image_hash": read.optional_fixed("image_hash", 32),
        "storage": _storage(read),
        "hs_code": read.optional_pattern("hs_code", _HS_CODE),
        "mass_grams": read.optional_integer("mass_grams", 1, 10**12),
        "country_of_origin": read.optional_pattern("country_of_origin", COUNTRY),
        "url": read.optional_identifier("url"),
    }
    return {field: value for field, value in found.items() if value is not None}


def _storage(read: Arguments) -> Value:
    """Return the range of temperatures in milli-degrees Celsius, and the time that may be spent outside it in all."""
    if not read.has("storage"):
        return None
    inner = Arguments(mapping(read.required("storage"), "storage", 3))
    lowest = inner.integer("min_milli_celsius", COLDEST_MILLI_CELSIUS, HOTTEST_MILLI_CELSIUS)
    highest = inner.integer("max_milli_celsius", lowest, HOTTEST_MILLI_CELSIUS)
    budget_ms = inner.optional_integer("budget_ms")
    inner.end()
    storage: Head = {"min_milli_celsius": lowest, "max_milli_celsius": highest}
    return storage if budget_ms is None else {**storage, "budget_ms": budget_ms}
