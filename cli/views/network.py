"""Networks and their nodes."""

from cli.shapes.network import NetworkChecked, NetworksListed, NodeExamined, NodeFinding
from cli.views.text import plain, table


def checked_text(checked: NetworkChecked) -> str:
    """Each node with its verdict and findings, then whether they agree."""
    lines = [line for node in checked.nodes for line in _node_lines(node)]
    if checked.agreement is not None:
        lines += ["All together:", *_finding_lines([checked.agreement])]
    return "\n".join(lines)


def listed_text(listed: NetworksListed) -> str:
    """One line for each network."""
    rows = [("name", "chain", "a block every", "final after", "head at most", "deployed when")]
    rows += [
        (
            one.name,
            str(one.chain_id),
            f"{one.block_seconds} s",
            f"{one.final_behind} blocks",
            f"{one.head_age} s old",
            one.settles,
        )
        for one in listed.networks
    ]
    return table(rows)


def _node_lines(node: NodeExamined) -> list[str]:
    weak = any(one.verdict == "weak" for one in node.findings)
    verdict = "unfit" if not node.fit else "fit, with weak points" if weak else "fit"
    return [f"{plain(node.node)}: {verdict}", *_finding_lines(node.findings)]


def _finding_lines(findings: list[NodeFinding]) -> list[str]:
    rows = [(one.verdict, one.name, f"{plain(one.found)}: {plain(one.means)}.") for one in findings]
    lines = table(rows, indent="  ").splitlines()
    return [
        line
        for row, one in zip(lines, findings, strict=True)
        for line in (row, *([f"        {plain(one.fix)}"] if one.fix else []))
    ]
