"""The repository speaks of the project alone: no machine paths, no registry hosts."""

import re
import subprocess

from tests.conftest import REPOSITORY

FOREIGN = re.compile(r"/(?:work|farm|root)/[a-z]|pypi\.org|registry\.npmjs|deb\.debian|/ho" + r"me/[a-z]+/")
TEXT = {".py", ".md", ".yaml", ".yml", ".toml", ".sh", ".txt", ".html", ".j2", ""}


def test_no_foreign_words() -> None:
    names = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split("\n")
    strays = []
    for name in filter(None, names):
        path = REPOSITORY / name
        if path.suffix in TEXT and path.is_file() and path.name != "test_speaks_of_itself.py":
            strays += [f"{name}: {line.strip()[:80]}" for line in path.read_text(errors="replace").splitlines() if FOREIGN.search(line)]
    assert not strays
