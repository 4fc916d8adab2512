"""Whole clusters in one thread: real replicas on a virtual clock, network and disk, every run from one seed.

    network.py     what a seed decides (stateless chance), the clock's queue, which messages arrive and when
    scenario.py    what a seed means: how many validators, which faults, who lies
    toy.py         toy blocks and their execution
    disk.py        what survives a crash
    roles.py       how liars change what they send
    cluster.py     the loop
    invariants.py  what must never happen, and how soon the cluster must be well again
    run.py         one seed or many
    mutants.py     planted bugs that the simulator must find

``python -m tests.sim --seeds 0:2500`` runs it; ``--seed 7`` replays one and prints its last events.
"""
