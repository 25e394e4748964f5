"""The gateway over HTTP: routes, sign-in and wiring. What is decided is decided in `ledger.service`."""
