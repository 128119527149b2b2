"""A suite for a README: `python -m docs.suite data/micro/evaluate/realiz3d_texturing` writes docs/<suite>.png and prints the table as Markdown.

The picture has a column for each method, above it its name, and a row of views for each asset.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.image_codec import decode_png, encode_png
from tasks.evaluate.suite_table import number

LABEL_PIXELS, GAP_PIXELS = 22, 6
LETTERS = 0.35
"""Size of letters, where the title fits."""


def main() -> None:
    """Draw every method on some assets, and print the numbers."""
    parser = argparse.ArgumentParser(prog="python -m docs.suite", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="data/<size>/evaluate/<suite>")
    parser.add_argument("--rows", nargs="*", help="names of the rows to draw; without it all that were measured")
    parser.add_argument("--every", type=int, default=5, help="draw every how many-th asset")
    parser.add_argument("--views", type=int, default=2, help="how many views of each")
    chosen = parser.parse_args()
    record = json.loads((chosen.folder / "metrics.json").read_bytes())
    rows = [row for row in record["rows"] if row["metrics"] and (not chosen.rows or row["name"] in chosen.rows)]
    columns = [column(chosen.folder / "samples", row, record["assets"][:: chosen.every], chosen.views) for row in rows]
    path = Path(__file__).with_name(f"{record['suite']}.png")
    path.write_bytes(encode_png(np.hstack(columns)))
    print(f"{markdown(record)}\n\n{path}")


def column(folder: Path, row: dict[str, Any], assets: list[str], views: int) -> np.ndarray:
    """The first views of some assets by one method, one below the other under its title: (H, W, 3) uint8."""
    strips = [decode_png((folder / f"{asset}.{row['name']}.png").read_bytes()) for asset in assets]
    shown = np.vstack([strip[:, : views * strip.shape[0]] for strip in strips])
    label = np.full((LABEL_PIXELS, shown.shape[1], 3), 255, np.uint8)
    title = row["title"].split(": ")[-1].split(" (")[0]
    (width, _), _ = cv2.getTextSize(title, cv2.FONT_HERSHEY_SIMPLEX, LETTERS, 1)
    size = LETTERS * min(1.0, (shown.shape[1] - 4) / max(width, 1))
    cv2.putText(label, title, (2, LABEL_PIXELS - 8), cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 1, cv2.LINE_AA)
    return np.hstack([np.vstack([label, shown]), np.full((len(shown) + LABEL_PIXELS, GAP_PIXELS, 3), 255, np.uint8)])


def markdown(record: dict[str, Any]) -> str:
    """Mean ± standard deviation over seeds of every row, the ends of the scale first."""
    lines = [["row", *(f"{column['title']} {'↑' if column['better'] == 'higher' else '↓'}" for column in record["columns"])]]
    lines.append(["---"] * len(lines[0]))
    for row in [*record["ends"], *record["rows"]]:
        if row["metrics"]:
            lines.append([row["title"], *(number(row["metrics"].get(column["name"])) for column in record["columns"])])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
