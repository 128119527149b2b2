"""The tree that a lineage is told as, and how an asset is credited in it."""

from dataclasses import dataclass, field

from data_specs.asset import CatalogueLine


@dataclass(frozen=True)
class Node:
    """One line of a lineage and, below it, what it was made from or what was made of it."""

    text: str
    children: list["Node"] = field(default_factory=list)


def draw(node: Node) -> list[str]:
    """A tree as indented lines."""
    lines = [node.text]
    for child in node.children:
        last = child is node.children[-1]
        first, *rest = draw(child)
        lines += [("└─ " if last else "├─ ") + first, *[("   " if last else "│  ") + line for line in rest]]
    return lines


def credit(line: CatalogueLine) -> str:
    """An asset, where it comes from, its licence and its author."""
    parts = [f"{line.source} {line.location}", f"licence {line.licence}", f"by {line.author}" if line.author else "", line.attribution]
    return f"asset {line.asset_id}: " + ", ".join(filter(None, parts))
