"""Back-projection consistency where the answer is known."""

from dataclasses import replace

import numpy as np
import pytest

from models.metrics.multiview import back_projection_consistency
from tests.models.geometry.surface_views import in_front, rings, sphere_views, stripes


@pytest.mark.parametrize("size_pixels, floor", [(64, 45.0), (256, 60.0)])
def test_true_pictures_agree(size_pixels: int, floor: float) -> None:
    views = in_front(sphere_views(size_pixels, stripes, 0.4, (0.0, 0.0, 0.6)), sphere_views(size_pixels, rings, 0.5, (0.0, 0.0, -0.5)))
    result = back_projection_consistency(views)
    assert result.psnr > floor
    assert result.psnr_shared > floor - 5.0
    assert result.ssim > 0.999


def test_views_of_different_objects_disagree() -> None:
    """Front and back of one object, left and right of another: at least 20 dB worse."""
    one, other = sphere_views(64, stripes), sphere_views(64, rings)
    mixed = [one[0], replace(one[1], rgb=other[1].rgb), one[2], replace(one[3], rgb=other[3].rgb)]
    truth, result = back_projection_consistency(one), back_projection_consistency(mixed)
    assert result.psnr < truth.psnr - 20.0
    assert result.psnr_shared < result.psnr
    assert result.ssim < 0.95


def test_a_known_difference_gives_the_known_error() -> None:
    """Two equal views, one darker by 0.2: both come back in the middle, 0.1 away from each, which is 20 dB."""
    view = sphere_views(48)[0]
    light, dark = replace(view, rgb=np.full_like(view.rgb, 0.7)), replace(view, rgb=np.full_like(view.rgb, 0.5))
    result = back_projection_consistency([light, dark])
    assert result.psnr == pytest.approx(20.0, abs=1e-3)
    assert result.shared > 0.8


def test_nothing_to_see_is_an_error() -> None:
    view = sphere_views(16)[0]
    with pytest.raises(ValueError, match="no view shows the object"):
        back_projection_consistency([replace(view, mask=np.zeros_like(view.mask))])
