"""Somebody with the gateway's database changes one byte of its log."""

import sqlite3
from contextlib import closing
from pathlib import Path

PATIENCE = 20.0


def flip_byte(database: Path, entry: int) -> int:
    """Change one bit in the middle of a stored entry; the place of the byte."""
    with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection, connection:
        (sealed,) = connection.execute(
            "SELECT sealed FROM log_entries WHERE position = ?", (entry,)
        ).fetchone()
        place = len(sealed) // 2
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        connection.execute("UPDATE log_entries SET sealed = ? WHERE position = ?", (changed, entry))
    return place
