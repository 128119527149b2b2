"""The child process that unwraps one mesh: `unwrap_worker FOLDER SIDE MEMORY_BYTES` reads vertices.npy and faces.npy and writes corner_uv.npy."""

import sys
from pathlib import Path

import numpy as np

from models.geometry.unwrapping import unwrap
from tasks.child_process import OUT_OF_MEMORY, limit_process

HEADER_BYTES = 1024
"""More than that of an array's file."""


def main() -> None:
    """Unwrap; a failure is the last line of standard error."""
    folder, side, memory_bytes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    vertices, faces = (np.load(folder / name, allow_pickle=False) for name in ("vertices.npy", "faces.npy"))
    try:
        limit_process(memory_bytes, HEADER_BYTES + faces.size * 2 * np.dtype(np.float64).itemsize)
        corner_uv = unwrap(vertices, faces, side)
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)
    np.save(folder / "corner_uv.npy", corner_uv)


if __name__ == "__main__":
    main()
