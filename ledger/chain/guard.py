"""The devnet's guard: a small process between us and anvil, so that no chain is lost or left behind.

It runs alone (``python -I guard.py DIRECTORY PULSE -- PROGRAM ARGUMENT …``), and

- holds the directory's lock, so that two chains never write one state;
- gives anvil the last state that is whole: anvil rewrites its file in place, and a kill in the middle of that
  leaves a torn one, so a copy of the last whole state is kept beside it;
- ends anvil gently when its own standard input ends, which is also what happens when whoever started it dies;
- mines (PULSE 1): two blocks on top of each with transactions, so that it becomes final at once, and one in
  five seconds of quiet, so that the head stays fresh without the state growing by the second.

On standard output it writes JSON lines: ``{"pid": …, "port": …}`` once anvil listens, or ``{"failed": …}``.
"""

import contextlib
import ctypes
import fcntl
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import IO, Any

import msgspec

STATE, PREVIOUS = "state.json", "state.previous.json"
LISTENING = re.compile(r"Listening on \S+:([0-9]+)")
LOCK_SECONDS = 20.0
STOP_SECONDS = 15.0
PULSE_SECONDS = 0.2
QUIET_SECONDS = 5.0
DEPTH = 2
_KEEP_SECONDS = 2.0
_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Guard one run of anvil; its exit code, or 1 if it never got to listen."""
    directory, pulse, command = Path(arguments[0]), arguments[1] == "1", arguments[3:]
    with (directory / "lock").open("w") as lock:
        if not locked(lock, LOCK_SECONDS):
            return fail("another chain uses this directory")
        if not restore(directory):
            return fail("neither the chain's state nor its copy is whole")
        return watch(directory, command, pulse=pulse)


def watch(directory: Path, command: list[str], *, pulse: bool) -> int:
    """Run anvil until it ends or standard input does."""
    child = subprocess.Popen(  # noqa: S603 - the command line is ours
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_die_with_parent,
    )
    ended = threading.Event()
    for task in (lambda: stop_with_input(child), lambda: keep_copies(directory, ended)):
        threading.Thread(target=task, daemon=True).start()
    tail: deque[str] = deque(maxlen=20)
    listening = False
    for raw in child.stdout or ():
        tail.append(raw.decode(errors="replace").rstrip())
        found = None if listening else LISTENING.search(tail[-1])
        if found is not None:
            listening, port = True, int(found[1])
            say({"pid": child.pid, "port": port})
            if pulse:
                threading.Thread(target=lambda port=port: mine(port, ended), daemon=True).start()
    code = child.wait()
    ended.set()
    return code if listening else fail("anvil: " + " | ".join(line for line in tail if line)[-500:])


def restore(directory: Path) -> bool:
    """Put the last whole state in place and keep a copy; False if there is one, but none that is whole."""
    state, previous = directory / STATE, directory / PREVIOUS
    if not state.exists() and not previous.exists():
        return True
    if is_whole(state):
        copy(state, previous)
    else:
        copy(previous, state)
    return is_whole(state)


def is_whole(path: Path) -> bool:
    """Whether the file is one complete JSON text."""
    try:
        msgspec.json.decode(path.read_bytes(), type=msgspec.Raw)
    except (OSError, msgspec.DecodeError):
        return False
    return True


def keep_copies(directory: Path, ended: threading.Event) -> None:
    """Copy each whole state that anvil writes, taking at most a twentieth of the time."""
    pause = _KEEP_SECONDS
    while not ended.wait(pause):
        started = time.monotonic()
        copy(directory / STATE, directory / PREVIOUS)
        pause = max(_KEEP_SECONDS, 20 * (time.monotonic() - started))


def copy(source: Path, target: Path) -> None:
    """Replace `target` by `source` if that is whole; never by half of it."""
    draft = target.with_suffix(".draft")
    with contextlib.suppress(OSError):
        draft.write_bytes(source.read_bytes())
        if is_whole(draft):
            draft.replace(target)


def stop_with_input(child: subprocess.Popen[bytes]) -> None:
    """When standard input ends: the signal on which anvil writes its state, in the end the last one."""
    while os.read(0, 1):
        pass
    for number, patience in ((signal.SIGINT, STOP_SECONDS), (signal.SIGKILL, None)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(patience)
            return


def mine(port: int, ended: threading.Event) -> None:
    """Mine when something was put on chain, and now and then."""
    last, quiet = -1, 0.0
    while not ended.wait(PULSE_SECONDS):
        quiet += PULSE_SECONDS
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            number = int(ask(port, "eth_blockNumber"), 16)
            blocks = DEPTH if number != last else int(quiet >= QUIET_SECONDS)
            for _ in range(blocks):
                ask(port, "evm_mine")
            last, quiet = number + blocks, 0.0 if blocks else quiet


def ask(port: int, method: str) -> Any:  # noqa: ANN401
    """One JSON-RPC call."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": []})
        connection.request("POST", "/", body, {"content-type": "application/json"})
        return json.loads(connection.getresponse().read()).get("result")
    finally:
        connection.close()


def locked(lock: IO[str], patience: float) -> bool:
    """Take the lock, waiting for a chain that is still writing its state."""
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        else:
            return True


def fail(why: str) -> int:
    """Say what stands in the way."""
    say({"failed": why})
    return 1


def say(value: dict[str, Any]) -> None:
    """One JSON line for whoever started us; nobody may be listening any more."""
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(value), flush=True)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
