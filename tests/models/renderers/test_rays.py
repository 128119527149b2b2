"""Image rays, windows and cropped cameras against the plain projection."""

import numpy as np

from data_specs.camera import Camera, Intrinsics
from models.geometry.camera_math import look_at, pixel_centres, project, ray_directions
from models.renderers.rays import crop, image_rays, object_window, sample_places, spread_rays

CAMERA = Camera(Intrinsics(40, 30, 50.0, 55.0, 18.0, 16.0), look_at(np.array([1.0, 2.0, 4.0])))


def test_image_rays_go_through_pixel_centres() -> None:
    rays = image_rays(CAMERA)
    truth = ray_directions(CAMERA, pixel_centres(40, 30)).reshape(-1, 3)
    np.testing.assert_allclose(rays.directions.T, truth, atol=1e-6)
    pixels, depth = project(rays.points(np.full(1200, 3.0, np.float32)).T, CAMERA)
    np.testing.assert_allclose(pixels, pixel_centres(40, 30).reshape(-1, 2), atol=1e-4)
    np.testing.assert_allclose(depth, 3.0, atol=1e-5)


def test_rays_start_where_told() -> None:
    rays = image_rays(CAMERA)
    start = np.linspace(0, 5, 1200, dtype=np.float32)
    moved = rays.interleaved(start)
    np.testing.assert_array_equal(moved[:, :3], rays.points(start).T)
    np.testing.assert_array_equal(moved[:, 3:], rays.directions.T)
    np.testing.assert_allclose(rays.interleaved()[:, :3] - CAMERA.world_position(), 0, atol=1e-6)


def test_spread_rays_cover_their_pixels_evenly() -> None:
    chosen = np.array([0, 567, 1199])
    rays = spread_rays(CAMERA, image_rays(CAMERA).part(chosen), sample_places(16))
    pixels, _ = project(rays.points(np.full(48, 2.0, np.float32)).T, CAMERA)
    inside = pixels.reshape(3, 16, 2).transpose(1, 0, 2) - np.floor(pixel_centres(40, 30).reshape(-1, 2)[chosen])
    assert inside.min() > 0 and inside.max() < 1
    np.testing.assert_allclose(inside.mean(axis=0), 0.5, atol=1e-5)
    for axis in range(2):
        assert (np.histogram(inside[:, 0, axis], 16, (0, 1))[0] == 1).all()


def test_window_holds_the_points_and_crop_keeps_the_pixels() -> None:
    points = np.random.default_rng(0).uniform(-0.3, 0.3, (50, 3)).astype(np.float32)
    rows, columns = object_window(points, CAMERA)
    pixels, _ = project(points, CAMERA)
    assert columns.start <= pixels[:, 0].min() - 1 and columns.stop >= pixels[:, 0].max() + 1
    assert rows.start <= pixels[:, 1].min() - 1 and rows.stop >= pixels[:, 1].max() + 1
    cropped = crop(CAMERA, (rows, columns))
    whole = image_rays(CAMERA).directions.reshape(3, 30, 40)[:, rows, columns]
    np.testing.assert_allclose(image_rays(cropped).directions.reshape(whole.shape), whole, atol=1e-6)


def test_window_of_points_outside_the_picture_or_behind_the_camera() -> None:
    far_right = np.array([[400.0, 0.0, 0.0]], np.float32) @ CAMERA.camera_from_world[:3, :3].astype(np.float32)
    rows, columns = object_window(far_right, CAMERA)
    assert (columns.start, columns.stop) == (39, 40) and rows.stop > rows.start
    assert object_window(np.array([[0, 0, 0], [2, 4, 8]], np.float32), CAMERA) == (slice(0, 30), slice(0, 40))
