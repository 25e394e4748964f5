"""Memory that is used again and again: a few buffers between who fills them and who is done with them."""

from queue import SimpleQueue


class Buffers:
    """Buffers of one size, each with one user at a time. Any thread takes, any thread gives back."""

    def __init__(self, count: int, size: int) -> None:
        self._free: SimpleQueue[bytearray] = SimpleQueue()
        self._size = size
        for _ in range(count):
            self._free.put(bytearray(size))

    def take(self) -> bytearray:
        """A buffer with anything in it, when one is free."""
        return self._free.get()

    def give_back(self, part: bytes | memoryview) -> None:
        """Let the buffer be taken again that this is a part of; nothing happens if it is of none."""
        whole = part.obj if isinstance(part, memoryview) else None
        if isinstance(whole, bytearray) and len(whole) == self._size:
            self._free.put(whole)
