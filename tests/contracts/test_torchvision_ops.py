"""Where torchvision's operators do not load, diffusers can only be imported after ours are declared: packages that declare them may import it."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMPORT = re.compile(r"^(?:from|import) (?:diffusers|peft|torchvision)\b", re.MULTILINE)
DECLARES = "import models.torchvision_ops"


def test_diffusers_is_imported_by_packages_that_declare_the_operators() -> None:
    files = [path for layer in ("data_specs", "models", "tasks", "flows") for path in (ROOT / layer).rglob("*.py")]
    importing = [path for path in files if IMPORT.search(path.read_text())]
    assert importing
    declared = {init.parent for init in (ROOT / "models").rglob("__init__.py") if DECLARES in init.read_text()}
    late = [path for path in importing if path.parent not in declared and DECLARES not in path.read_text()]
    assert [path.relative_to(ROOT).as_posix() for path in late] == []
