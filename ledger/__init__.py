"""The core of Consent Ledger: consent, policy, crypto, records, log, chain, store, audit and service."""

__version__ = "0.1.0"
