"""Small pieces of text."""

import unicodedata
from collections.abc import Iterable, Sequence

# Control, invisible or reordering, surrogates, private, unassigned, line breaks: none may reach a terminal.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def table(rows: Sequence[tuple[str, ...]], *, indent: str = "") -> str:
    """Columns as wide as they need to be."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"{indent}{line}".rstrip() for line in lines)


def plain(text: str) -> str:
    """What somebody else wrote, so that it misleads no terminal and no reader: what is unseen as its code."""
    return "".join(
        f"\\u{{{ord(char):x}}}" if unicodedata.category(char) in _UNSEEN else char for char in text
    )


def indented(text: str, by: str = "  ") -> str:
    """Every line that is not empty moved to the right."""
    return "\n".join(f"{by}{line}" if line else "" for line in text.splitlines())


def quoted(text: str) -> str:
    """A text that somebody signs, every line of it behind a bar."""
    return "\n".join(f"| {line}".rstrip() for line in text.splitlines())


def listed(items: Iterable[str], nothing: str = "nothing") -> str:
    """``a, b, c``."""
    return ", ".join(items) or nothing


def counted(count: int, singular: str, plural: str = "") -> str:
    """``1 record``, ``2 records``."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def short(identifier: str) -> str:
    """The beginning of a consent id or CID: enough to name it on the command line."""
    return identifier[:12]


def size_words(count: int) -> str:
    """Bytes as people read them."""
    size, units = float(count), ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{size:.0f} {units[0]}" if units[0] == "bytes" else f"{size:.1f} {units[0]}"
