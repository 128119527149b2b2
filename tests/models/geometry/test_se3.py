"""Rigid transforms: inverse and composition."""

import numpy as np

from models.geometry.se3 import invert, rigid, transform


def test_invert_undoes_a_transform() -> None:
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    b_from_a = rigid(rotation, rng.normal(size=3))
    points = rng.normal(size=(5, 3))
    np.testing.assert_allclose(transform(invert(b_from_a), transform(b_from_a, points)), points, atol=1e-12)
    np.testing.assert_allclose(invert(b_from_a) @ b_from_a, np.eye(4), atol=1e-12)


def test_transform_is_the_homogeneous_product() -> None:
    b_from_a = rigid(np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(transform(b_from_a, np.array([1.0, 0.0, 5.0])), [1.0, 3.0, 8.0])
