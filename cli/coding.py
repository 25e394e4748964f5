"""The codes that documents and requests may name, as lists to look things up in."""

from collections.abc import Iterator
from enum import StrEnum

from cli.shapes.policy import CodePart, CodesListed
from ledger.consent import codes
from ledger.errors import InvalidInput


class CodeList(StrEnum):
    """The lists, by the words for them."""

    PURPOSES = "purposes"
    LABELS = "labels"
    CONFIDENTIALITY = "confidentiality"
    ACTIONS = "actions"
    CLASSES = "classes"


def listed(which: str | None, text: str | None) -> CodesListed:
    """The codes of one list or of all, in their order; with `text` those whose code or words have it.

    The name of a list may be left out before the text.

    Raises:
        InvalidInput: two texts, and the first is no list.
    """
    known = which is None or which in list(CodeList)
    if not known and text is not None:
        raise InvalidInput(
            "there is no such list of codes", reason="unknown_list", fix=f"Use one of {', '.join(CodeList)}."
        )
    wanted, searched = (which, text) if known else (None, which)
    return CodesListed(
        codes=[
            part
            for part in _all()
            if (wanted is None or part.list == wanted) and (searched is None or _has(part, searched))
        ]
    )


def _has(part: CodePart, text: str) -> bool:
    return any(text.casefold() in found.casefold() for found in (part.code, part.words, part.word or ""))


def _all() -> Iterator[CodePart]:
    yield from _tree(CodeList.PURPOSES, codes.PURPOSE_SYSTEM, codes.PURPOSES)
    yield from _tree(CodeList.LABELS, codes.SENSITIVITY_SYSTEM, codes.SENSITIVITIES)
    for name, system, table in (
        (CodeList.CONFIDENTIALITY, codes.CONFIDENTIALITY_SYSTEM, codes.CONFIDENTIALITIES),
        (CodeList.ACTIONS, codes.ACTION_SYSTEM, codes.ACTIONS),
    ):
        for code, words in table.items():
            yield CodePart(list=name, code=code, system=system, words=words)
    for one in codes.CLASSES.values():
        yield CodePart(
            list=CodeList.CLASSES, code=one.code, system=one.system, words=one.words, word=one.word
        )


def _tree(name: CodeList, system: str, tree: codes.Tree) -> Iterator[CodePart]:
    for code in tree:
        above = sorted(tree.ancestors(code) - {code}, key=lambda other: -len(tree.ancestors(other)))
        yield CodePart(list=name, code=code, system=system, words=tree.words(code), above=tuple(above))
