"""Use cases of a gateway: what api and cli call. Adapters come in through `ledger.service.ports`."""
