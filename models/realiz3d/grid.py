"""Four views as the 2 x 2 tiles of one picture or latent (SPEC R1), in the order of `data_specs.view.ORTHOGONAL_NAMES`, row by row."""

from torch import Tensor

ROWS = COLUMNS = 2
VIEWS = ROWS * COLUMNS


def to_grid(views: Tensor) -> Tensor:
    """Tile views: (B, 4, C, H, W) -> (B, C, 2 H, 2 W). Raises ValueError for another number of views."""
    batch, count, channels, height, width = views.shape
    if count != VIEWS:
        raise ValueError(f"{count} views do not fill a grid of {ROWS} x {COLUMNS}")
    tiled = views.view(batch, ROWS, COLUMNS, channels, height, width).permute(0, 3, 1, 4, 2, 5)
    return tiled.reshape(batch, channels, ROWS * height, COLUMNS * width)


def from_grid(grid: Tensor) -> Tensor:
    """Invert `to_grid`: (B, C, 2 H, 2 W) -> (B, 4, C, H, W)."""
    batch, channels, height, width = grid.shape
    tiles = grid.view(batch, channels, ROWS, height // ROWS, COLUMNS, width // COLUMNS).permute(0, 2, 4, 1, 3, 5)
    return tiles.reshape(batch, VIEWS, channels, height // ROWS, width // COLUMNS)
