"""Both codings of point maps against what they are by definition."""

import numpy as np
import pytest

from models.geometry.point_maps import colours_of, positions_of

EXTENT = np.array([[-1.0, -0.5, -0.25], [1.0, 0.5, 0.25]])


def test_isotropic_is_the_same_affine_map_for_every_object() -> None:
    corners = np.array([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [0.5, -0.5, 0.0]])
    expected = [[0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5], [0.75, 0.25, 0.5]]
    for extent in (EXTENT, EXTENT / 2):
        np.testing.assert_array_equal(colours_of(corners, "isotropic", extent), np.float32(expected))


def test_per_axis_spreads_the_box_of_the_mesh() -> None:
    corners = np.array([[-1.0, -0.5, -0.25], [1.0, 0.5, 0.25], [0.0, 0.0, 0.0], [0.0, 0.25, -0.125]])
    np.testing.assert_allclose(colours_of(corners, "per_axis", EXTENT), [[0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5], [0.5, 0.75, 0.25]], atol=1e-7)


@pytest.mark.parametrize("coding", ["isotropic", "per_axis"])
def test_colours_read_back_are_the_positions(coding) -> None:
    inside = np.random.default_rng(0).uniform(EXTENT[0], EXTENT[1], (20, 30, 3))
    np.testing.assert_allclose(positions_of(colours_of(inside, coding, EXTENT), coding, EXTENT), inside, atol=3e-7)


def test_a_sheet_has_the_middle_colour_and_keeps_its_place() -> None:
    flat = np.array([[-1.0, -1.0, 0.2], [1.0, 1.0, 0.2]])
    points = np.array([[-1.0, 0.0, 0.2], [1.0, 1.0, 0.2]])
    colours = colours_of(points, "per_axis", flat)
    np.testing.assert_allclose(colours, [[0, 0.5, 0.5], [1, 1, 0.5]])
    np.testing.assert_allclose(positions_of(colours, "per_axis", flat), points, atol=1e-7)


def test_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'radial'.*isotropic or per_axis"):
        colours_of(np.zeros((1, 3)), "radial", EXTENT)  # type: ignore[arg-type]
