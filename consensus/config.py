"""The numbers of the protocol: timeouts in milliseconds and bounds on what is kept for others."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConsensusConfig:
    """Timeouts and limits of one replica; they may differ between nodes without harm to safety.

    The n-th view of a height lasts ``view_timeout_ms * (3/2)^n``, at most ``view_timeout_ms_max``.
    """

    view_timeout_ms: int = 2_000
    view_timeout_ms_max: int = 30_000
    retransmit_interval_ms: int = 1_000
    status_interval_ms: int = 1_000
    fetch_interval_ms: int = 500
    future_messages_max: int = 64
    future_bytes_max: int = 8 * 1024 * 1024

    def __post_init__(self) -> None:
        assert 0 < self.view_timeout_ms <= self.view_timeout_ms_max, "a view lasts some time and not for ever"
        assert self.retransmit_interval_ms > 0, "messages are sent again at some interval"
        assert self.retransmit_interval_ms <= self.view_timeout_ms, "a lost message is sent again before its view ends"
        assert self.status_interval_ms > 0, "a heart beats at some interval"
        assert self.future_messages_max > 0, "the messages of the next height are worth keeping"
        assert self.future_bytes_max > 0, "the messages of the next height are worth keeping"

    @property
    def listening_ms(self) -> int:
        """How long a replica on a new disk listens at least: every other that is there says something in that time."""
        return self.status_interval_ms * 3 // 2

    def timeout_ms(self, view: int) -> int:
        """Return how long a view may last before the replica asks for the next one."""
        timeout_ms = self.view_timeout_ms
        for _ in range(view):
            if timeout_ms >= self.view_timeout_ms_max:
                break
            timeout_ms = timeout_ms * 3 // 2
        return min(timeout_ms, self.view_timeout_ms_max)
