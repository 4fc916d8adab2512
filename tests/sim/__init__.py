"""Whole clusters in one thread: real nodes on a virtual clock, network and disk, every run from one seed.

    scenario.py      what a seed means: how many validators, which faults, who lies
    network.py       the clock's queue, which messages arrive and when
    virtual_disk.py  what lasts of a machine, and what may happen to a write
    ledger.py        accounts that pay one another, in place of the contracts
    machine.py       one machine: store, chain, pool, replica and engine, all of them the real ones
    clients.py       who pays, waits and tries again
    roles.py         how liars change what they send and answer
    cluster.py       the loop
    invariants.py    what must never happen; model.py a second ledger to compare with
    coverage.py      the rare paths that many runs must have taken
    run.py           one seed or many
    shrink.py        a failing seed made smaller; corpus/ keeps the seeds that once failed
    mutants.py       planted bugs that the simulator must find

``python -m tests.sim --seeds 0:2500`` runs it; ``--seed 7`` replays one and prints its last events.
"""
