"""Storage: the ledger's LevelDB store, the safety store for votes, and the locks that guard them."""
