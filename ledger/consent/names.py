"""Names that may stand in a statement: nothing in them can end a quotation, hide, or reorder the text."""

import re
import unicodedata

from ledger.errors import InvalidInput

MAX_NAME = 60
# All that a reader takes for the end of a quoted name.
_QUOTES = '"«»“”„‟‹›〝〞〟＂˝ʺˮ″‶❝❞⹂〃🙶🙷🙸'  # noqa: RUF001
_ACCOUNT_LIKE = re.compile(r"did:|0x[0-9a-f]{8}", re.IGNORECASE)
# Default_Ignorable_Code_Point outside of the categories below, and the blank Braille pattern.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Cc Cf Cs Co Cn: control, invisible or reordering, surrogates, private, unassigned; Zl Zp: line breaks.
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def check_name(name: str) -> str:
    """`name`, if a statement may quote it.

    Raises:
        InvalidInput: (``bad_name``) empty, over 60 characters, not NFC, with outer or doubled spaces, with a
            control, invisible, bidirectional or line-break character or a quotation mark, or with something
            that looks like an account.
    """
    why = _fault(name)
    if why:
        raise InvalidInput(f"a name that cannot stand in a statement: {why}", reason="bad_name")
    return name


def check_note(note: str, most: int) -> str:
    """`note`, if it is one line of plain text that no terminal or reader can be misled by; it may be empty.

    Raises:
        InvalidInput: (``bad_note``) over `most` characters, or with a control, invisible, bidirectional or
            line-break character.
    """
    if len(note) > most or _is_hidden(note):
        raise InvalidInput(
            f"a note is one line of plain text of at most {most} characters", reason="bad_note"
        )
    return note


def _fault(name: str) -> str:
    if not 0 < len(name) <= MAX_NAME:
        return f"it must have 1 to {MAX_NAME} characters"
    if _is_hidden(name):
        return "it has an invisible, control or line-break character"
    if not unicodedata.is_normalized("NFC", name):
        return "it is not in Unicode NFC"
    if name != " ".join(name.split()):
        return "it has a space too many"
    if any(char in _QUOTES for char in name):
        return "it has a quotation mark"
    if _ACCOUNT_LIKE.search(name):
        return "it looks like an account"
    return ""


def _is_hidden(text: str) -> bool:
    """Whether something in a text does not show, or moves what does."""
    return bool(_INVISIBLE.search(text)) or any(unicodedata.category(char) in _REFUSED for char in text)
