"""How many blocks to ask for the events of at once: as many as the node gives, found out by asking.

No code of JSON-RPC says "too many blocks": nodes use -32005, -32602, -32000, -32600 and others, time out,
break off, or answer HTTP 413. So whatever may mean it is taken to mean it, and a narrower range is asked for;
what cannot mean it is raised at once. If a single block is refused, the fault is another.
"""

from ledger.errors import ChainUnreachable

_OTHER = {-32700, -32601, -32004, -32001, 429}
_SLOW = ("timeout", "cut_short")
_FORGET = 64


class Window:
    """The range that works: it narrows with each refusal, and grows back towards what was refused."""

    def __init__(self, largest: int) -> None:
        """Begin with the most that is ever asked for."""
        self.blocks = largest
        self._largest = largest
        self._given = 0
        self._refused: int | None = None
        self._since = 0

    def given(self, blocks: int) -> None:
        """A range of so many blocks was answered."""
        if blocks < self.blocks:
            return
        self._given = blocks
        self._since += 1
        if self._since >= _FORGET:
            self._refused, self._since = None, 0
        if self._refused is None:
            self.blocks = min(self._largest, 2 * blocks)
        elif (step := (self._refused - blocks) // 2) > blocks // 8:
            self.blocks = blocks + step

    def refused(self, blocks: int, why: ChainUnreachable) -> bool:
        """A range of so many blocks was not answered; whether a narrower one is worth asking for."""
        if blocks <= 1 or not _may_be_size(why):
            return False
        narrower = blocks // (8 if why.reason in _SLOW else 2)
        self.blocks = max(1, self._given if narrower < self._given < blocks else narrower)
        self._given, self._refused, self._since = 0, blocks, 0
        return True


def _may_be_size(why: ChainUnreachable) -> bool:
    if why.reason == "rpc_error":
        return why.fields.get("rpc_code") not in _OTHER
    return why.reason == "too_large" or why.reason in _SLOW
