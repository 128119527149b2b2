"""The node tree of a glTF file: which nodes the default scene shows, where they stand, and the rest pose of skins."""

from typing import Any

import numpy as np

from models.geometry.gltf_accessors import Accessors
from models.geometry.gltf_document import Document
from models.geometry.mesh_error import MeshError

MAX_DEPTH = 512


class Nodes:
    """World transforms of every node. Raises MeshError `node_cycle` or `node_depth` unless the nodes form a forest.

    world_from_node: (N, 4, 4) float64. shown: indices of the default scene's nodes, parents first.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        entries = document.items("nodes")
        self._children = [_children(document, index) for index in range(len(entries))]
        roots = self._roots()
        self.world_from_node = np.tile(np.eye(4), (len(entries), 1, 1))
        reached = self._place(roots)
        if len(reached) < len(entries):
            raise MeshError("node_cycle", f"{len(entries) - len(reached)} nodes are their own ancestors")
        self.shown = self._below(_scene_roots(document, roots))

    def _roots(self) -> list[int]:
        parents = np.zeros(len(self._children), np.int64)
        for children in self._children:
            for child in children:
                parents[child] += 1
        if (parents > 1).any():
            raise MeshError("node_cycle", f"node {int(parents.argmax())} has more than one parent")
        return np.flatnonzero(parents == 0).tolist()

    def _place(self, roots: list[int]) -> list[int]:
        reached: list[int] = []
        level, depth = [(root, np.eye(4)) for root in roots], 0
        while level:
            if depth > MAX_DEPTH:
                raise MeshError("node_depth", f"nodes are nested more than {MAX_DEPTH} deep")
            following = []
            for index, parent in level:
                self.world_from_node[index] = parent @ _local(self.document.item("nodes", index))
                following += [(child, self.world_from_node[index]) for child in self._children[index]]
            reached += [index for index, _ in level]
            level, depth = following, depth + 1
        return reached

    def _below(self, roots: list[int]) -> list[int]:
        shown: dict[int, None] = {}
        stack = roots[::-1]
        while stack:
            index = stack.pop()
            if index not in shown:
                shown[index] = None
                stack += self._children[index][::-1]
        return list(shown)

    def joint_matrices(self, skin: Any, accessors: Accessors) -> np.ndarray:
        """What takes a vertex of a skinned mesh to the world through each joint, at the file's rest pose: (J, 4, 4) float64."""
        entry = self.document.item("skins", skin)
        joints = entry.get("joints", [])
        for joint in joints:
            self.document.item("nodes", joint)
        inverse_bind = np.tile(np.eye(4), (len(joints), 1, 1))
        if "inverseBindMatrices" in entry:
            columns = accessors.read(entry["inverseBindMatrices"], ("MAT4",)).astype(np.float64)
            if len(columns) < len(joints):
                raise MeshError("bad_skin", f"{len(joints)} joints but {len(columns)} inverse bind matrices")
            inverse_bind = columns[: len(joints)].reshape(-1, 4, 4).transpose(0, 2, 1)
        return self.world_from_node[joints] @ inverse_bind if joints else inverse_bind


def _children(document: Document, index: int) -> list[int]:
    children = document.item("nodes", index).get("children", [])
    for child in children:
        document.item("nodes", child)
    return children


def _scene_roots(document: Document, roots: list[int]) -> list[int]:
    if not document.items("scenes"):
        return roots
    chosen = document.item("scenes", document.tree.get("scene", 0)).get("nodes", [])
    for index in chosen:
        document.item("nodes", index)
    return list(chosen)


def _local(node: dict[str, Any]) -> np.ndarray:
    if "matrix" in node:
        matrix = _numbers(node["matrix"], 16).reshape(4, 4).T
        if np.abs(matrix[3] - [0, 0, 0, 1]).max() > 1e-4:
            raise MeshError("bad_transform", "a node's matrix is not affine")
        return matrix
    x, y, z, w = _unit(_numbers(node.get("rotation", [0, 0, 0, 1]), 4))
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * _numbers(node.get("scale", [1, 1, 1]), 3)
    matrix[:3, 3] = _numbers(node.get("translation", [0, 0, 0]), 3)
    return matrix


def _unit(quaternion: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(quaternion)
    return quaternion / length if length > 1e-12 else np.array([0.0, 0.0, 0.0, 1.0])


def _numbers(values: Any, count: int) -> np.ndarray:
    numbers = np.array(values, np.float64)
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise MeshError("bad_transform", f"a node's transform must hold {count} finite numbers, not {str(values)[:80]}")
    return numbers
