"""When somebody who is asked is suspected, and the object that clears them."""

import numpy as np

from models.perception.blame import Blame, known_object


def test_the_first_failure_is_suspicious_and_later_ones_in_a_row() -> None:
    blame = Blame()
    assert not blame.suspects([])
    assert blame.suspects([False]) and blame.suspects([False])
    assert not blame.suspects([]), "nobody was asked"
    blame.clear()
    assert not blame.suspects([False]) and not blame.suspects([False]) and blame.suspects([False])
    assert not blame.suspects([False, True, False, False])
    assert blame.suspects([False, True]) is False and blame.suspects([True, False, False, False])


def test_the_known_object_is_there_with_all_that_is_asked_for() -> None:
    known = known_object()
    assert known.depth is not None and known.picture.alpha is not None
    assert 0.1 < known.mask.mean() < 0.6 and known.picture.size == known.mask.shape == known.depth.shape == (256, 256)
    assert (known.picture.alpha[known.mask] > 0).all() and (known.depth[known.mask] > 2.0).all()
    rows, columns = np.nonzero(known.mask)
    assert min(rows.min(), columns.min()) > 0 and max(rows.max(), columns.max()) < 255 and np.abs(known.mesh.vertices).max() <= 1.0 + 1e-5
