"""What a seed means: the size of the cluster, its faults until it is healed, and who lies.

Half of the seeds have a clean network and partitions by view alone, for a lock that is lost shows only where nothing
else disturbs the few messages that matter (Twins, Bano and others 2020).
"""

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TypeVar

LIARS = (
    "twin",
    "equivocator",
    "hider",
    "usurper",
    "forger",
    "selective",
    "corrupter",
    "bad_block",
    "flooder",
    "slow",
    "sync_liar",
    "clock_liar",
    "mute",
)
"""The roles of tests/sim/roles.py; the first ones are dealt more often."""

FAULTS = ("drop", "duplicate", "delay", "cut", "clog", "view_split", "kind_cut", "fetch_cut", "crash", "power_cut",
          "rollback", "disk", "idle", "skew", "change", "liars")  # fmt: skip
"""What ``--without`` takes away."""

DISK_FAULTS = ("slow", "full", "sync_error", "sync_error_kept", "flip_ledger", "flip_safety", "torn", "reformat")
"""What may happen to a disk; ``is_damage`` says which of them are more than a crash."""

_HARMLESS = frozenset({"slow", "full", "sync_error", "sync_error_kept"})


def chance(seed: int, *ids: object) -> float:
    """Return a number from 0 up to 1 that the seed gives to these ids."""
    return int.from_bytes(blake2b(repr((seed, ids)).encode(), digest_size=6).digest()) / (1 << 48)


@dataclass(frozen=True, slots=True)
class Cut:
    """Links (source, target) over which nothing passes for a time."""

    from_ms: int
    to_ms: int
    links: frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Clog:
    """A machine whose messages, in and out, wait for a time and then all arrive."""

    machine: int
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class DiskFault:
    """What happens to the disk of a machine, and when."""

    machine: int
    kind: str
    at_ms: int
    for_ms: int

    @property
    def is_damage(self) -> bool:
        """Whether it takes more than a crash would: at most ``faults_tolerated`` machines may have that or lie."""
        return self.kind not in _HARMLESS


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run. Rates are shares of 1; ``liars`` maps the index of a validator to its role.

    ``without`` names what was taken away: classes of ``FAULTS`` and single atoms, such as ``cut.0`` or ``crash.2.1``.
    """

    seed: int
    validator_count: int
    gst_ms: int
    drop: float = 0.0
    duplicate: float = 0.0
    delay_ms_max: int = 30
    cuts: tuple[Cut, ...] = ()
    clogs: tuple[Clog, ...] = ()
    view_split: float = 0.0
    kind_cut: float = 0.0
    fetch_cut: float = 0.0
    crash: float = 0.0
    power_cut_ms: int | None = None
    rollback: float = 0.0
    disk: tuple[DiskFault, ...] = ()
    idle: float = 0.0
    skew_ms: int = 0
    change: bool = False
    view_timeout_ms: int = 2_000
    liars: dict[int, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()


def scenario_of(seed: int, validator_count: int | None = None, without: frozenset[str] = frozenset()) -> Scenario:
    """Return the run of a seed, for a cluster of a given size or the size that the seed chooses."""
    count = validator_count or (4, 4, 4, 4, 4, 4, 5, 7, 7, 1, 6, 10)[int(chance(seed, "size") * 12)]
    gst_ms = 4_000 + int(chance(seed, "gst") * 5_000)
    faults = _clean(seed, count, gst_ms) if chance(seed, "clean") < 0.5 else _noisy(seed, count, gst_ms)
    liars = {} if "liars" in without else _liars(seed, count)
    liars = {index: role for index, role in liars.items() if f"liar.{index}" not in without}
    all_liars = _liars(seed, count)
    return Scenario(
        seed=seed,
        validator_count=count,
        gst_ms=gst_ms,
        drop=0.0 if "drop" in without else faults.drop,
        duplicate=0.0 if "duplicate" in without else faults.duplicate,
        delay_ms_max=30 if "delay" in without else faults.delay_ms_max,
        cuts=_kept("cut", faults.cuts, without),
        clogs=_kept("clog", faults.clogs, without),
        view_split=0.0 if "view_split" in without else faults.view_split,
        kind_cut=0.0 if "kind_cut" in without else faults.kind_cut,
        fetch_cut=0.0 if "fetch_cut" in without else faults.fetch_cut,
        crash=0.0 if "crash" in without else faults.crash,
        power_cut_ms=None if "power_cut" in without else faults.power_cut_ms,
        rollback=0.0 if "rollback" in without else faults.rollback,
        disk=_kept("disk", _disk_faults(seed, count, gst_ms, all_liars), without),
        idle=0.0 if "idle" in without else faults.idle,
        skew_ms=0 if "skew" in without else int(chance(seed, "skew") * 400),
        change="change" not in without and count >= 4 and chance(seed, "change") < 0.25,
        view_timeout_ms=faults.view_timeout_ms,
        liars=liars,
        without=without,
    )


Item = TypeVar("Item")


def _kept(name: str, atoms: tuple[Item, ...], without: frozenset[str]) -> tuple[Item, ...]:
    """Leave out the atoms that were taken away; the others keep their numbers in what is printed."""
    return () if name in without else tuple(
        atom for number, atom in enumerate(atoms) if f"{name}.{number}" not in without
    )  # fmt: skip


def _disk_faults(seed: int, count: int, gst_ms: int, liars: dict[int, str]) -> tuple[DiskFault, ...]:
    """Deal faults of disks: damage only to so many honest machines that they and the liars can be borne."""
    if chance(seed, "disks") < 0.55:
        return ()
    honest = [index for index in range(count) if index not in liars]
    room = (count - 1) // 3 - len(liars)
    damaged: set[int] = set()
    faults = []
    for number in range(1 + int(chance(seed, "disk faults") * 3)):
        machine = honest[int(chance(seed, "disk of", number) * len(honest))]
        kind = DISK_FAULTS[int(chance(seed, "disk kind", number) * len(DISK_FAULTS))]
        fault = DiskFault(
            machine,
            kind,
            int(chance(seed, "disk at", number) * gst_ms),
            300 + int(chance(seed, "disk for", number) * 1500),
        )
        if fault.is_damage and machine not in damaged:
            if len(damaged) >= room:
                continue
            damaged.add(machine)
        faults.append(fault)
    return tuple(faults)


def _clean(seed: int, count: int, gst_ms: int) -> Scenario:
    return Scenario(
        seed,
        count,
        gst_ms,
        delay_ms_max=(5, 60, 200)[int(chance(seed, "delay") * 3)],
        view_split=chance(seed, "view split") * 0.7,
        kind_cut=chance(seed, "kind cut") * 0.4,
        fetch_cut=1.0 if chance(seed, "fetch cut") < 0.7 else 0.0,
        crash=0.2 if chance(seed, "crashes") < 0.4 else 0.0,
        view_timeout_ms=600,
    )


def _noisy(seed: int, count: int, gst_ms: int) -> Scenario:
    return Scenario(
        seed,
        count,
        gst_ms,
        drop=chance(seed, "drop") * 0.4,
        duplicate=chance(seed, "duplicate") * 0.5,
        delay_ms_max=20 + int(chance(seed, "delay") * 600),
        cuts=tuple(_cut(seed, number, count, gst_ms) for number in range(int(chance(seed, "cuts") * 3))),
        clogs=_clogs(seed, count, gst_ms),
        fetch_cut=chance(seed, "fetch cut") * 0.8,
        crash=chance(seed, "crash rate") * 0.05,
        power_cut_ms=int(chance(seed, "power cut at") * gst_ms) if chance(seed, "power cut") < 0.2 else None,
        rollback=0.3 if chance(seed, "rollback") < 0.3 else 0.0,
        idle=0.3 if chance(seed, "idle") < 0.3 else 0.0,
    )


def _cut(seed: int, number: int, count: int, gst_ms: int) -> Cut:
    """Return a partition: two sides, or one direction of it."""
    from_ms = int(chance(seed, "cut from", number) * gst_ms)
    side = [chance(seed, "side", number, node) < 0.4 for node in range(2 * count)]
    is_one_way = chance(seed, "one way", number) < 0.5
    links = frozenset(
        (source, target)
        for source in range(2 * count)
        for target in range(2 * count)
        if side[source] != side[target] and not (is_one_way and side[target])
    )
    return Cut(from_ms, from_ms + int(chance(seed, "cut for", number) * (gst_ms - from_ms)) + 1, links)


def _clogs(seed: int, count: int, gst_ms: int) -> tuple[Clog, ...]:
    """Clog a few machines one after another and unclog them in another order (swizzle-clogging)."""
    if chance(seed, "clogs") < 0.7:
        return ()
    number_of = 1 + int(chance(seed, "clogged") * min(count, 4))
    middle_ms = gst_ms // 2
    return tuple(
        Clog(
            int(chance(seed, "clogged machine", number) * count),
            int(chance(seed, "clog", number) * middle_ms),
            middle_ms + int(chance(seed, "unclog", number) * (gst_ms - middle_ms)),
        )
        for number in range(number_of)
    )


def _liars(seed: int, count: int) -> dict[int, str]:
    liars: dict[int, str] = {}
    for number in range((count - 1) // 3):
        if chance(seed, "lies", number) < 0.75:
            index = int(chance(seed, "liar", number) * count)
            liars[index] = LIARS[int(chance(seed, "role", number) ** 1.3 * len(LIARS))]
    return liars
