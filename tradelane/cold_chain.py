"""What a node answers about devices, profiles and cold records, as typed values; see results.py for the conventions.

Temperatures are milli-degrees Celsius.
"""

from dataclasses import dataclass, field
from typing import cast

from tradelane.fields import Fields
from tradelane.transport import JsonObject


@dataclass(frozen=True, slots=True)
class Device:
    """A measuring device; ``calibrations`` are (from, until), ``watches`` the open ones as (thing, from)."""

    id: str
    owner: str
    key: str
    calibrations: tuple[tuple[int, int], ...]
    certificate_hash: str | None
    last_sequence: int
    last_ms: int
    missing: int
    watches: tuple[tuple[str, int], ...]
    revoked_ms: int | None
    fields: JsonObject = field(repr=False, default_factory=dict)

    def is_calibrated_at(self, time_ms: int) -> bool:
        """Whether one of its calibrations holds at a time."""
        return any(from_ms <= time_ms < until_ms for from_ms, until_ms in self.calibrations)


@dataclass(frozen=True, slots=True)
class ColdLimit:
    """When a breach begins: ``timer`` consecutive or cumulative, ``side`` above or below, ``gravity`` how bad it is."""

    timer: str
    side: str
    threshold_milli_celsius: int
    duration_ms: int
    gravity: str


@dataclass(frozen=True, slots=True)
class ColdProfile:
    """A range, the longest interval between readings, and the limits that readings are judged by."""

    id: str
    owner: str
    min_milli_celsius: int
    max_milli_celsius: int
    gap_ms: int
    limits: tuple[ColdLimit, ...]
    fields: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class ColdWatch:
    """What one device found about a thing from a time on, until another (None: it goes on)."""

    device: str
    profile: str
    from_ms: int
    until_ms: int | None
    readings: int
    monitored_ms: int
    unmonitored_ms: int
    out_of_range_ms: int
    min_milli_celsius: int | None
    max_milli_celsius: int | None
    last_ms: int | None


@dataclass(frozen=True, slots=True)
class ColdStay:
    """What a watch of a container found while a thing was in it (``until_ms`` None: it is in it still).

    The ``counted`` minutes are the thing's: in the others a nearer device watched. ``breaches`` are the container's,
    with the times that the thing went through.
    """

    container: str
    device: str
    profile: str
    from_ms: int
    until_ms: int | None
    readings: int
    monitored_ms: int
    unmonitored_ms: int
    out_of_range_ms: int
    counted_out_of_range_ms: int
    counted_unmonitored_ms: int
    min_milli_celsius: int | None
    max_milli_celsius: int | None
    breaches: tuple["ColdBreach", ...]


@dataclass(frozen=True, slots=True)
class ColdInherited:
    """What a thing went through inside of others; ``marks`` are what was not followed, as (reason, what)."""

    out_of_range_ms: int
    unmonitored_ms: int
    breaches: int
    unacknowledged: int
    is_rejected: bool
    stays: tuple[ColdStay, ...]
    marks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ColdRecord:
    """How cold a thing was kept; ``disposition`` is None where no device ever watched it.

    ``budget_ms`` and the range are those of its product, None where the owner of the product set none. What it went
    through inside of others is ``inherited``, and ``overall_disposition`` the word for both.
    """

    id: str
    product: str | None
    disposition: str | None
    is_rejected: bool
    out_of_range_ms: int
    budget_ms: int | None
    min_milli_celsius: int | None
    max_milli_celsius: int | None
    unmonitored_ms: int
    breaches: int
    unacknowledged: int
    watches: tuple[ColdWatch, ...]
    overall_disposition: str | None
    inherited: ColdInherited
    height: int
    fields: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class ColdBreach:
    """A run that reached a limit of the profile; ``limit`` is that limit, ``until_ms`` as far as it has come."""

    number: int
    device: str
    profile: str
    limit: ColdLimit
    from_ms: int
    until_ms: int
    first_sequence: int
    last_sequence: int
    min_milli_celsius: int
    max_milli_celsius: int
    custodian: str | None
    acknowledged_by: str | None
    acknowledged_ms: int | None
    comment: str | None
    fields: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class ColdReadings:
    """Readings that a device signed together, as (time, temperature); the first has the number ``first_sequence``."""

    device: str
    profile: str
    first_sequence: int
    readings: tuple[tuple[int, int], ...]
    calibrations: tuple[tuple[int, int], ...]
    certificate_hash: str | None
    transaction: str
    operation: int
    height: int
    time_ms: int


@dataclass(frozen=True, slots=True)
class DeviceReadings:
    """Readings that a device signed together, whatever it watched, as (time, temperature)."""

    device: str
    first_sequence: int
    readings: tuple[tuple[int, int], ...]
    transaction: str
    operation: int
    height: int
    time_ms: int


def read_device(fields: Fields) -> Device:
    """Return a device out of an answer."""
    return Device(
        id=fields.text("id"),
        owner=fields.text("owner"),
        key=fields.text("key"),
        calibrations=_integer_pairs(fields, "calibrations"),
        certificate_hash=fields.optional_text("certificate_hash"),
        last_sequence=fields.integer("last_sequence"),
        last_ms=fields.integer("last_ms"),
        missing=fields.integer("missing"),
        watches=cast("tuple[tuple[str, int], ...]", fields.rows("watches", str, int)),
        revoked_ms=fields.optional_integer("revoked_ms"),
        fields=fields.values,
    )


def read_cold_profile(fields: Fields) -> ColdProfile:
    """Return a profile out of an answer."""
    return ColdProfile(
        id=fields.text("id"),
        owner=fields.text("owner"),
        min_milli_celsius=fields.integer("min_milli_celsius"),
        max_milli_celsius=fields.integer("max_milli_celsius"),
        gap_ms=fields.integer("gap_ms"),
        limits=fields.objects("limits", _limit),
        fields=fields.values,
    )


def read_cold_record(fields: Fields) -> ColdRecord:
    """Return a cold record out of an answer."""
    return ColdRecord(
        id=fields.text("id"),
        product=fields.optional_text("product"),
        disposition=fields.optional_text("disposition"),
        is_rejected=fields.boolean("is_rejected"),
        out_of_range_ms=fields.integer("out_of_range_ms"),
        budget_ms=fields.optional_integer("budget_ms"),
        min_milli_celsius=fields.optional_integer("min_milli_celsius"),
        max_milli_celsius=fields.optional_integer("max_milli_celsius"),
        unmonitored_ms=fields.integer("unmonitored_ms"),
        breaches=fields.integer("breaches"),
        unacknowledged=fields.integer("unacknowledged"),
        watches=fields.objects("watches", _watch),
        overall_disposition=fields.optional_text("overall_disposition"),
        inherited=_inherited(fields.object("inherited")),
        height=fields.integer("height"),
        fields=fields.values,
    )


def read_cold_breach(fields: Fields) -> ColdBreach:
    """Return a breach out of an answer."""
    return ColdBreach(
        number=fields.integer("number"),
        device=fields.text("device"),
        profile=fields.text("profile"),
        limit=_limit(fields),
        from_ms=fields.integer("from_ms"),
        until_ms=fields.integer("until_ms"),
        first_sequence=fields.integer("first_sequence"),
        last_sequence=fields.integer("last_sequence"),
        min_milli_celsius=fields.integer("min_milli_celsius"),
        max_milli_celsius=fields.integer("max_milli_celsius"),
        custodian=fields.optional_text("custodian"),
        acknowledged_by=fields.optional_text("acknowledged_by"),
        acknowledged_ms=fields.optional_integer("acknowledged_ms"),
        comment=fields.optional_text("comment"),
        fields=fields.values,
    )


def read_cold_readings(fields: Fields) -> ColdReadings:
    """Return a batch of readings out of an answer."""
    return ColdReadings(
        device=fields.text("device"),
        profile=fields.text("profile"),
        first_sequence=fields.integer("first_sequence"),
        readings=_integer_pairs(fields, "readings"),
        calibrations=_integer_pairs(fields, "calibrations"),
        certificate_hash=fields.optional_text("certificate_hash"),
        transaction=fields.text("transaction"),
        operation=fields.integer("operation"),
        height=fields.integer("height"),
        time_ms=fields.integer("time_ms"),
    )


def read_device_readings(fields: Fields) -> DeviceReadings:
    """Return what a device recorded at once out of an answer."""
    return DeviceReadings(
        device=fields.text("device"),
        first_sequence=fields.integer("first_sequence"),
        readings=_integer_pairs(fields, "readings"),
        transaction=fields.text("transaction"),
        operation=fields.integer("operation"),
        height=fields.integer("height"),
        time_ms=fields.integer("time_ms"),
    )


def _limit(fields: Fields) -> ColdLimit:
    return ColdLimit(
        timer=fields.text("timer"),
        side=fields.text("side"),
        threshold_milli_celsius=fields.integer("threshold_milli_celsius"),
        duration_ms=fields.integer("duration_ms"),
        gravity=fields.text("gravity"),
    )


def _watch(fields: Fields) -> ColdWatch:
    return ColdWatch(
        device=fields.text("device"),
        profile=fields.text("profile"),
        from_ms=fields.integer("from_ms"),
        until_ms=fields.optional_integer("until_ms"),
        readings=fields.integer("readings"),
        monitored_ms=fields.integer("monitored_ms"),
        unmonitored_ms=fields.integer("unmonitored_ms"),
        out_of_range_ms=fields.integer("out_of_range_ms"),
        min_milli_celsius=fields.optional_integer("min_milli_celsius"),
        max_milli_celsius=fields.optional_integer("max_milli_celsius"),
        last_ms=fields.optional_integer("last_ms"),
    )


def _inherited(fields: Fields) -> ColdInherited:
    return ColdInherited(
        out_of_range_ms=fields.integer("out_of_range_ms"),
        unmonitored_ms=fields.integer("unmonitored_ms"),
        breaches=fields.integer("breaches"),
        unacknowledged=fields.integer("unacknowledged"),
        is_rejected=fields.boolean("is_rejected"),
        stays=fields.objects("stays", _stay),
        marks=fields.objects("marks", lambda mark: (mark.text("reason"), mark.text("what"))),
    )


def _stay(fields: Fields) -> ColdStay:
    return ColdStay(
        container=fields.text("container"),
        device=fields.text("device"),
        profile=fields.text("profile"),
        from_ms=fields.integer("from_ms"),
        until_ms=fields.optional_integer("until_ms"),
        readings=fields.integer("readings"),
        monitored_ms=fields.integer("monitored_ms"),
        unmonitored_ms=fields.integer("unmonitored_ms"),
        out_of_range_ms=fields.integer("out_of_range_ms"),
        counted_out_of_range_ms=fields.integer("counted_out_of_range_ms"),
        counted_unmonitored_ms=fields.integer("counted_unmonitored_ms"),
        min_milli_celsius=fields.optional_integer("min_milli_celsius"),
        max_milli_celsius=fields.optional_integer("max_milli_celsius"),
        breaches=fields.objects("breaches", read_cold_breach),
    )


def _integer_pairs(fields: Fields, name: str) -> tuple[tuple[int, int], ...]:
    return cast("tuple[tuple[int, int], ...]", fields.rows(name, int, int))
