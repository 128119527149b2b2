"""Cameras: stored and read back unchanged; a matrix that is no rigid motion is refused."""

import numpy as np
import pytest

from data_specs.camera import Camera, CameraRecord, Intrinsics


def test_record_round_trip_and_centre() -> None:
    camera_from_world = np.eye(4)
    camera_from_world[:3, 3] = [0.0, 0.0, 4.0]
    camera = Camera(Intrinsics.from_fov(64, 45.0), camera_from_world)
    back = CameraRecord.model_validate_json(CameraRecord.from_camera(camera).model_dump_json()).to_camera()
    assert back.intrinsics == camera.intrinsics
    assert np.array_equal(back.camera_from_world, camera.camera_from_world)
    assert np.allclose(back.world_position(), [0, 0, -4])


def test_field_of_view_reaches_the_image_edge() -> None:
    intrinsics = Intrinsics.from_fov(100, 60.0)
    edge = intrinsics.matrix() @ np.array([np.tan(np.radians(30.0)), 0.0, 1.0])
    assert edge[0] / edge[2] == pytest.approx(100.0)


def test_sheared_matrix_is_refused() -> None:
    record = CameraRecord.from_camera(Camera(Intrinsics.from_fov(8, 45.0), np.diag([1.0, 2.0, 1.0, 1.0])))
    with pytest.raises(ValueError, match="rigid"):
        record.to_camera()
