"""Elements that a document may carry without effect: hashed with it, never evaluated, of a closed shape."""

from ledger.consent.elements import Node, require_short
from ledger.errors import DocumentRejected

TEXT = "text"
_CODING = {"system": TEXT, "version": TEXT, "code": TEXT, "display": TEXT}
_CONCEPT = {"coding": [_CODING], "text": TEXT}
_IDENTIFIER = {"use": TEXT, "type": _CONCEPT, "system": TEXT, "value": TEXT}
_REFERENCE = {"reference": TEXT, "type": TEXT, "identifier": _IDENTIFIER, "display": TEXT}

CARRIED: dict[str, object] = {
    "id": TEXT,
    "language": TEXT,
    "meta": {
        "versionId": TEXT,
        "lastUpdated": TEXT,
        "source": TEXT,
        "profile": [TEXT],
        "security": [_CODING],
        "tag": [_CODING],
    },
    "text": {"status": TEXT, "div": TEXT},
    "identifier": [_IDENTIFIER],
    "category": [_CONCEPT],
    "organization": [_REFERENCE],
}


def take_carried(root: Node) -> None:
    """Take every carried element that is there.

    Raises:
        DocumentRejected: one is of another shape; the path names where.
    """
    for name, shape in CARRIED.items():
        if root.has(name):
            _check(root.take(name), shape, root.at(name))


def _check(value: object, shape: object, path: str) -> None:
    if isinstance(shape, dict):
        node = Node(value, path)
        for name, inner in shape.items():
            if node.has(name):
                _check(node.take(name), inner, node.at(name))
        node.done()
    elif isinstance(shape, list):
        if not isinstance(value, list) or not value:
            raise DocumentRejected(path, "a list with at least one entry is expected", reason="wrong_type")
        require_short(path, value)
        for index, item in enumerate(value):
            _check(item, shape[0], f"{path}[{index}]")
    elif not isinstance(value, str) or not value.strip():
        raise DocumentRejected(path, "a text that is not empty is expected", reason="wrong_type")
