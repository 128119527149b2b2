"""Every benchmark in turn: `make bench`, or `python -m tests.benchmarks render loader` for some."""

import importlib
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))


def machine() -> str:
    """The processor, its cores and today's date: what a number is worth nothing without."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), platform.processor()
    )
    return f"{model}, {os.cpu_count()} cores, {datetime.now(UTC):%Y-%m-%d}"


def main() -> None:
    """Run the named benchmarks, or all."""
    chosen = sys.argv[1:] or NAMES
    unknown = sorted(set(chosen) - set(NAMES))
    if unknown:
        sys.exit(f"no benchmark {', '.join(unknown)}: choose from {', '.join(NAMES)}")
    print(machine())
    for name in chosen:
        print(f"\n{name}\n" + "-" * len(name), flush=True)
        importlib.import_module(f"tests.benchmarks.{name}").run()


if __name__ == "__main__":
    main()
