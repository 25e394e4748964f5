"""IPFS nodes and their settings."""

from cli.shapes.ipfs import IpfsChecked, IpfsFinding, IpfsProfile
from cli.views.text import counted, table

RESTART = "Then restart the daemon. What it was started with (ipfs daemon --...) is not seen here."


def checked_text(node: IpfsChecked) -> str:
    """The verdict, what the node is, then each finding with the way out."""
    exposed = [one for one in node.findings if one.exposed]
    advised = [one for one in node.findings if not one.exposed]
    verdict = "EXPOSED. Do not keep records in this node as it is." if exposed else "This node is private."
    rows = [
        ("address", node.url),
        ("Kubo", node.version),
        ("keeps", f"{counted(node.pins, 'block')} of ours, {node.size} bytes in all"),
    ]
    lines = [verdict, table(rows, indent="  ")]
    for title, some in (("What exposes it:", exposed), ("What the private profile has otherwise:", advised)):
        if some:
            lines += [title, *(line for one in some for line in _finding_lines(one))]
    return "\n".join([*lines, *([RESTART] if node.findings else [])])


def profile_text(profile: IpfsProfile) -> str:
    """A script that can be run as it stands."""
    lines = [line for one in profile.commands for line in (f"# Else {one.why}.", one.command)]
    return "\n".join(lines)


def _finding_lines(one: IpfsFinding) -> list[str]:
    return [f"  {one.setting} is {one.found}: {one.why}", f"    {one.command}"]
