"""What other programs import: a client for nodes, keys and the offline verifier."""
