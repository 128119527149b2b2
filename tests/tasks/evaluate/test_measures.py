"""What the table of the evaluation counts."""

import pytest

from models.metrics.multiview import Consistency
from tasks.evaluate.measures import consistency_over_assets


def test_an_asset_that_no_two_views_share_does_not_count() -> None:
    scores = {"cup": Consistency(20.0, 0.9, 15.0, 0.5), "jug": Consistency(30.0, 0.8, 25.0, 0.4), "disc": Consistency(90.0, 1.0, None, 0.0)}
    measured = consistency_over_assets(scores)
    assert measured["consistency_psnr"]["mean"] == pytest.approx(25.0) and measured["consistency_psnr_shared"]["mean"] == pytest.approx(20.0)
    assert set(measured["consistency_psnr"]["values"]) == {"cup", "jug"}


def test_without_a_telling_asset_there_is_no_number() -> None:
    assert consistency_over_assets({"disc": Consistency(90.0, 1.0, None, 0.0)}) == {}
