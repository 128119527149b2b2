"""Every convention of the data, stated once (frames, axes, units, colours) and asserted on every shard.

Frames
    world      right-handed, Y up, metres where a unit is known.
    object     right-handed, Y up, centred at the bounding-box centre, longest side 2: coordinates lie in [-1, 1].
               The front of an object looks along +Z.
    camera     OpenCV axes: x right, y down, z forward. `camera_from_world` is 4 x 4 and acts on column vectors.
Images
    Pixel centres lie at +0.5; (0, 0) is the top-left corner of the top-left pixel. Arrays are (height, width, channels).
    RGB is sRGB, 8 bit, straight (not premultiplied) alpha. White is composited by whoever needs a background.
Geometry maps (exact, never filtered; 0 where no surface is hit)
    depth      metres along the camera's +Z axis, 16-bit PNG, value = round(depth / depth_scale).
    normal     unit vector in the object frame, 8-bit PNG, value = round((n + 1) / 2 * 255).
    position   object coordinates, 16-bit PNG, value = round((p - position_min) / position_scale).
"""

import cv2
import numpy as np

OBJECT_HALF_SIDE = 1.0
"""The canonical object frame spans [-1, 1] along its longest side."""

POSITION_MIN = -1.0
POSITION_SCALE = 2.0 / 65535.0
"""A stored position p is POSITION_MIN + value * POSITION_SCALE: steps of 3.1e-5 of the object frame."""

DEPTH_SCALE = 1.0 / 4096.0
"""A stored depth is value * DEPTH_SCALE metres: up to 16 m in steps of 0.24 mm."""

POINT_MAP_CODINGS = ("isotropic", "per_axis")
"""`isotropic` maps [-1, 1] to [0, 1] on all axes alike (ours); `per_axis` stretches each axis of the mesh to [0, 1] (released RefAny3D weights)."""

DOMAINS = ("synthetic", "real")
"""Visual domains of Realiz3D (SPEC R3); recipes may name more."""

RANDOMLY_LIT = "randomly_lit"
"""A second synthetic domain: renders under a random sky, beside uniformly lit ones, which then are `synthetic` alone (SPEC R3)."""


def encode_normal(normal: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Quantise unit normals to 8 bits.

    normal: (H, W, 3) float, unit, object frame. mask: (H, W) bool. Returns (H, W, 3) uint8, 0 outside the mask.
    """
    return cv2.copyTo(cv2.convertScaleAbs(normal, alpha=127.5, beta=127.5), mask.view(np.uint8))


def decode_normal(coded: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Invert `encode_normal` up to quantisation: (H, W, 3) float32 unit normals in the object frame, 0 outside the mask."""
    normal = coded.astype(np.float32) / 127.5 - 1.0
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-8)
    normal[~mask] = 0.0
    return normal


def encode_position(position: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Quantise object coordinates to 16 bits.

    position: (H, W, 3) float in [-1, 1], object frame. mask: (H, W) bool. Returns (H, W, 3) uint16, 0 outside the mask.
    Raises ValueError when a masked position leaves [-1, 1] by more than 1e-3: the mesh is not in the canonical frame.
    """
    inside = mask.view(np.uint8)
    largest = cv2.norm(position, cv2.NORM_INF, inside)
    if largest > OBJECT_HALF_SIDE + 1e-3:
        raise ValueError(f"position {largest:.4f} lies outside [-1, 1]: the mesh is not in the canonical object frame")
    return cv2.copyTo(_to_uint16(position, 1.0 / POSITION_SCALE, -POSITION_MIN / POSITION_SCALE), inside)


def decode_position(coded: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Invert `encode_position` up to quantisation: (H, W, 3) float32 object coordinates, 0 outside the mask."""
    position = coded.astype(np.float32) * np.float32(POSITION_SCALE) + np.float32(POSITION_MIN)
    position[~mask] = 0.0
    return position


def encode_depth(depth: np.ndarray) -> np.ndarray:
    """Quantise depth in metres along +Z to 16 bits: (H, W) float -> (H, W) uint16, 0 = no hit.

    Raises ValueError when a depth does not fit (16 m and more): move the camera closer or scale the scene.
    """
    if depth.size and float(depth.max()) / DEPTH_SCALE > 65535:
        raise ValueError(f"depth {float(depth.max()):.2f} m exceeds the 16-bit range of {65535 * DEPTH_SCALE:.2f} m")
    return _to_uint16(depth, 1.0 / DEPTH_SCALE, 0.0)


def _to_uint16(values: np.ndarray, scale: float, shift: float) -> np.ndarray:
    """round(values * scale + shift), clipped: one pass of OpenCV, where NumPy takes five."""
    return cv2.addWeighted(values, scale, values, 0.0, shift, dtype=cv2.CV_16U)


def decode_depth(coded: np.ndarray) -> np.ndarray:
    """Invert `encode_depth` up to quantisation: (H, W) float32 metres, 0 = no hit."""
    return coded.astype(np.float32) * np.float32(DEPTH_SCALE)
