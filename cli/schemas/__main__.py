"""Write the schemas, or compare them."""

import sys
from pathlib import Path

from cli.schemas import DIRECTORY, all_kinds, path_of, text_of


def main(arguments: list[str]) -> int:
    """Write what differs, or with ``--check`` only name it; returns the exit code."""
    wanted = {path_of(kind): text_of(kind) for kind in all_kinds()}
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text]
    strange = [path for path in DIRECTORY.glob("*.json") if path not in wanted]
    check = arguments == ["--check"]
    for path in [*stale, *strange]:
        print(f"{path.name} {'differs' if check else 'written anew'}", file=sys.stderr)
        _mend(path, None if path in strange else wanted[path], check=check)
    return int(check and bool(stale or strange))


def _mend(path: Path, text: str | None, *, check: bool) -> None:
    if check:
        return
    if text is None:
        path.unlink()
    else:
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
