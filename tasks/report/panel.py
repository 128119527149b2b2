"""A section of the report: a title, what fills its template, or why there is nothing to show."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tasks.report.inputs import Inputs, MissingError


@dataclass(frozen=True)
class Panel:
    """A section of the page: `templates/<name>.html.j2`, drawn with what `facts` returns or, where that raises `MissingError`, with its text."""

    name: str
    title: str
    facts: Callable[[Inputs], dict[str, Any]]

    def fill(self, inputs: Inputs) -> dict[str, Any]:
        """What the page template draws: name, title, and either facts or what is missing."""
        try:
            return {"name": self.name, "title": self.title, "facts": self.facts(inputs), "missing": ""}
        except MissingError as missing:
            return {"name": self.name, "title": self.title, "facts": {}, "missing": str(missing)}
