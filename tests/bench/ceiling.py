"""What the framework gives at most: one route of FastAPI with a constant answer, served as a gateway is.

A process of its own that prints its port; it ends when its standard input does.
"""

import socket
import sys
import threading

import uvicorn
from fastapi import FastAPI

from api.server import serving

app = FastAPI()


@app.post("/constant")
async def constant() -> dict[str, bool]:
    """Always the same."""
    return {"decision": True}


def main() -> None:
    """Serve until told to end."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    print(listener.getsockname()[1], flush=True)
    server = uvicorn.Server(serving(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    sys.stdin.read()
    server.should_exit = True
    thread.join()


if __name__ == "__main__":
    main()
