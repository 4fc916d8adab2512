"""What a transaction may do: membership, provenance, settlement, governance. Pure and deterministic."""
