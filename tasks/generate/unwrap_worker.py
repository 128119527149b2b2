"""The child process that unwraps one mesh: `unwrap_worker FOLDER SIDE` reads vertices.npy and faces.npy and writes corner_uv.npy."""

import sys
from pathlib import Path

import numpy as np

from models.geometry.unwrapping import unwrap


def main() -> None:
    """Unwrap; a failure is the last line of standard error."""
    folder, side = Path(sys.argv[1]), int(sys.argv[2])
    vertices, faces = (np.load(folder / name, allow_pickle=False) for name in ("vertices.npy", "faces.npy"))
    np.save(folder / "corner_uv.npy", unwrap(vertices, faces, side))


if __name__ == "__main__":
    main()
