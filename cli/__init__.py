"""The `consent` command: thin commands over the ledger's clients, audit and stack."""
