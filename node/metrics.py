"""What a node counts and measures, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """The node's own registry, so that two nodes in one process never share a number."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.height = Gauge("tradelane_height", "Height of the last committed block.", registry=self.registry)
        self.view = Gauge("tradelane_view", "View of the height in progress.", registry=self.registry)
        self.pending_transactions = Gauge(
            "tradelane_pending_transactions", "Transactions that wait for a block.", registry=self.registry
        )
        self.committed_transactions = Counter(
            "tradelane_committed_transactions",
            "Transactions committed, by outcome.",
            ["outcome"],
            registry=self.registry,
        )
        self.refused_transactions = Counter(
            "tradelane_refused_transactions", "Transactions not taken, by code.", ["code"], registry=self.registry
        )
        self.reports = Counter(
            "tradelane_consensus_reports",
            "What the replica ignored or found wrong, by kind.",
            ["kind"],
            registry=self.registry,
        )
        self.peer_junk = Counter(
            "tradelane_peer_junk", "Bodies of peers that were dropped, by reason.", ["reason"], registry=self.registry
        )
        self.dropped_messages = Counter(
            "tradelane_dropped_messages",
            "Messages to peers dropped from full queues.",
            ["peer"],
            registry=self.registry,
        )
        self.reachable_peers = Gauge("tradelane_reachable_peers", "Peers that answered lately.", registry=self.registry)
        self.disk_free_bytes = Gauge(
            "tradelane_disk_free_bytes", "Free bytes on the disk of the node's home.", registry=self.registry
        )
        self.earliest_height = Gauge(
            "tradelane_earliest_height", "Lowest height whose transactions this node keeps.", registry=self.registry
        )
        self.commit_seconds = Histogram(
            "tradelane_commit_seconds",
            "Time to write a block to disk.",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
            registry=self.registry,
        )
