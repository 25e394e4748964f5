"""Telling a service manager how far this process is (sd_notify): a line to the socket that it names."""

import os
import socket
from contextlib import suppress


def tell_manager(state: str) -> None:
    """Say ``READY=1`` or ``STOPPING=1``; nothing where nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
        to.connect("\0" + address[1:] if address.startswith("@") else address)
        to.send(state.encode())
