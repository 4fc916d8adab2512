"""The running node: the only floor with IO, clocks and threads."""
