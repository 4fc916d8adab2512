"""PBFT as one deterministic object: ``Replica.step(event)`` returns the effects to carry out, in order."""
