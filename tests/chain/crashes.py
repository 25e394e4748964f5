"""Connections to a node that take the process down with them."""

from collections.abc import Sequence

from ledger.chain.answers import Answer, Call
from ledger.chain.rpc import Rpc


class Crash(BaseException):
    """The process ends here."""


class CrashingRpc(Rpc):
    """A node connection that takes the process down around a broadcast."""

    crash = ""

    def batch(self, calls_: Sequence[Call]) -> list[Answer]:
        is_broadcast = any(method == "eth_sendRawTransaction" for method, _ in calls_)
        if is_broadcast and self.crash == "before":
            raise Crash
        answers = super().batch(calls_)
        if is_broadcast and self.crash == "after":
            raise Crash
        return answers
