"""glTF 2.0 to `Mesh`: the default scene at its rest pose, every transform applied, base colours only."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from data_specs.asset import Material, Mesh
from models.geometry.gltf_accessors import Accessors, normalised
from models.geometry.gltf_document import ignored_extensions, parse_document
from models.geometry.gltf_materials import Mapping, Materials, Surface
from models.geometry.gltf_nodes import Nodes
from models.geometry.gltf_primitives import PrimitiveSource
from models.geometry.mesh_error import MeshError
from models.geometry.mesh_ops import ReadMesh, drop_unreferenced
from models.geometry.references import Resolve, no_files

MAX_VERTICES = 20_000_000


def read_glb(data: bytes) -> Mesh:
    """Read a self-contained GLB, such as `mesh.glb` of an asset shard. Raises MeshError (a ValueError)."""
    return read_gltf(data).mesh


def read_gltf(data: bytes, resolve: Resolve = no_files, max_faces: int = 10_000_000) -> ReadMesh:
    """Read a .glb or .gltf file.

    resolve: gives the bytes of files that it refers to. Raises MeshError (a ValueError) naming the rule that the file broke.
    """
    try:
        with np.errstate(all="ignore"):  # infinities are found by the checks, not by warnings
            return _read(data, resolve, max_faces)
    except MeshError:
        raise
    except (LookupError, TypeError, AttributeError, ArithmeticError, ValueError) as error:
        # JSON of a wrong shape surfaces in many places; the file, not the reader, is at fault.
        raise MeshError("bad_json", f"the glTF structure is broken ({type(error).__name__}: {error})") from error


def _read(data: bytes, resolve: Resolve, max_faces: int) -> ReadMesh:
    document = parse_document(data, resolve)
    nodes, accessors = Nodes(document), Accessors(document)
    scene = _Scene(accessors, Materials(accessors), max_faces)
    for name in ignored_extensions(document):
        scene.warn(f"the optional extension {name[:80]} is ignored")
    for index in nodes.shown:
        node = document.item("nodes", index)
        if "mesh" in node:
            joints = nodes.joint_matrices(node["skin"], accessors) if "skin" in node else None
            scene.add(index, node, _Placement(nodes.world_from_node[index], joints))
    return scene.assemble()


@dataclass(frozen=True)
class _Placement:
    """Where a node's mesh stands: its world matrix (4, 4), or the matrices of its joints (J, 4, 4) when it is skinned."""

    world: np.ndarray
    joints: np.ndarray | None

    @property
    def mirrored(self) -> bool:
        return self.joints is None and bool(np.linalg.det(self.world[:3, :3]) < 0)


@dataclass(frozen=True)
class _Block:
    """Vertices that one or more primitives share, in the world frame."""

    start: int
    positions: np.ndarray
    normals: np.ndarray | None
    uv: np.ndarray | None
    colours: np.ndarray | None


@dataclass
class _Scene:
    accessors: Accessors
    materials: Materials
    max_faces: int
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._blocks: dict[Any, _Block] = {}
        self._faces: list[np.ndarray] = []
        self._face_materials: list[np.ndarray] = []
        self._used: dict[tuple[int | None, str], tuple[int, Material]] = {}
        self._vertex_count = self._face_count = 0

    def add(self, index: int, node: dict[str, Any], placement: _Placement) -> None:
        mesh = self.accessors.document.item("meshes", node["mesh"])
        weights = node.get("weights", mesh.get("weights", []))
        for primitive in mesh.get("primitives", []):
            self._add_primitive(index, primitive, PrimitiveSource(self.accessors, primitive, weights), placement)

    def _add_primitive(self, node: int, primitive: dict[str, Any], source: PrimitiveSource, placement: _Placement) -> None:
        surface = self.materials.surface(primitive.get("material"))
        if surface.material.texture is not None and f"TEXCOORD_{surface.mapping.coordinates}" not in source.names:
            self.warn(f"a textured material is used without TEXCOORD_{surface.mapping.coordinates}: its factor alone is kept")
            surface = Surface(replace(surface.material, texture=None, encoded=b""))
        key = (node, repr(sorted(source.names.items())), repr(primitive.get("targets")), repr(primitive.get("extensions")), surface.mapping)
        block = self._blocks.get(key) or self._make_block(source, surface.mapping, placement)
        triangles = source.triangles(len(block.positions))
        if not len(triangles):
            self.warn("primitives without triangles (points, lines or empty ones) are ignored")
            return
        self._blocks[key] = block
        self._vertex_count = max(self._vertex_count, block.start + len(block.positions))
        self._count_faces(len(triangles))
        self._faces.append((triangles[:, ::-1] if placement.mirrored else triangles) + block.start)
        place = self._material_place(primitive.get("material"), surface, block)
        self._face_materials.append(np.full(len(triangles), place, np.int32))

    def _make_block(self, source: PrimitiveSource, mapping: Mapping, placement: _Placement) -> _Block:
        positions = source.attribute("POSITION")
        if positions is None:
            raise MeshError("no_positions", "a primitive has no POSITION attribute")
        if self._vertex_count + len(positions) > MAX_VERTICES:
            raise MeshError("too_many_vertices", f"more than {MAX_VERTICES} vertices")
        normals, uv = source.attribute("NORMAL"), source.attribute(f"TEXCOORD_{mapping.coordinates}")
        colours = source.attribute("COLOR_0")
        for name, values in (("NORMAL", normals), ("TEXCOORD", uv), ("COLOR_0", colours)):
            if values is not None and len(values) != len(positions):
                raise MeshError("bad_accessor", f"{name} has {len(values)} elements, POSITION {len(positions)}")
        moved, turned = _place(source, positions, normals, placement)
        flat = None if uv is None else mapping.apply(uv.astype(np.float32, copy=False))
        return _Block(self._vertex_count, moved, turned, flat, None if colours is None else _rgba(colours))

    def _count_faces(self, faces: int) -> None:
        self._face_count += faces
        if self._face_count > self.max_faces:
            raise MeshError("too_many_faces", f"more than {self.max_faces} faces (assets.max_faces)")

    def _material_place(self, index: int | None, surface: Surface, block: _Block) -> int:
        wrap = surface.wraps[0]
        if surface.wraps[0] != surface.wraps[1] and block.uv is not None:
            outside = np.nanmax(np.abs(block.uv - 0.5), axis=0, initial=0.0) > 0.5 + 1e-6
            wrap = surface.wraps[1] if outside[1] and not outside[0] else surface.wraps[0]
            if outside.all():
                self.warn("a texture wraps differently along u and v: u's mode is used for both")
        textured = surface.material.texture is not None
        key = (index, f"{wrap} {textured}")
        if key not in self._used:
            self._used[key] = (len(self._used), replace(surface.material, wrap=wrap))
        return self._used[key][0]

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def assemble(self) -> ReadMesh:
        if not self._faces:
            raise MeshError("no_faces", "the default scene shows no triangles")
        blocks = list(self._blocks.values())
        mesh = Mesh(
            vertices=_joined(blocks, "positions", 3, 0.0),  # type: ignore[arg-type]
            faces=np.concatenate(self._faces).astype(np.int32),
            normals=_joined(blocks, "normals", 3, 0.0),
            uv=_joined(blocks, "uv", 2, 0.0),
            vertex_colours=_joined(blocks, "colours", 4, 1.0),
            face_material=np.concatenate(self._face_materials),
            materials=tuple(material for _, material in self._used.values()),
        )
        return ReadMesh(drop_unreferenced(mesh), self.warnings)


def _joined(blocks: list[_Block], name: str, width: int, fill: float) -> np.ndarray | None:
    parts = [getattr(block, name) for block in blocks]
    if all(part is None for part in parts):
        return None
    filled = [np.full((len(block.positions), width), fill, np.float32) if part is None else part for block, part in zip(blocks, parts)]
    return np.concatenate(filled).astype(np.float32, copy=False)


def _rgba(colours: np.ndarray) -> np.ndarray:
    values = normalised(colours).astype(np.float32)
    if values.shape[1] == 3:
        values = np.concatenate([values, np.ones((len(values), 1), np.float32)], axis=1)
    return np.nan_to_num(values, nan=1.0).clip(0.0, 1.0)


def _place(source: PrimitiveSource, positions: np.ndarray, normals: np.ndarray | None, placement: _Placement) -> tuple[np.ndarray, np.ndarray | None]:
    joints = None if placement.joints is None else _skin(source, placement.joints, len(positions))
    if joints is None:
        if np.array_equal(placement.world, np.eye(4)):
            return positions.astype(np.float32, copy=False), None if normals is None else _unit(normals.astype(np.float32, copy=False))
        linear, shift = placement.world[:3, :3], placement.world[:3, 3]
        moved = positions @ linear.T + shift
        # The cofactor matrix is det * inverse transpose: it also serves singular transforms.
        turned = None if normals is None else _unit(normals.astype(np.float64) @ _cofactors(linear).T * (-1.0 if placement.mirrored else 1.0))
    else:
        moved = np.einsum("vij,vj->vi", joints[:, :, :3], positions.astype(np.float64)) + joints[:, :, 3]
        turned = None if normals is None else _unit(np.einsum("vij,vj->vi", joints[:, :, :3], normals.astype(np.float64)))
    return moved.astype(np.float32), None if turned is None else turned.astype(np.float32)


def _skin(source: PrimitiveSource, matrices: np.ndarray, vertices: int) -> np.ndarray | None:
    blended, total = np.zeros((vertices, 3, 4)), np.zeros(vertices)
    for number in range(4):
        joints, weights = source.attribute(f"JOINTS_{number}"), source.attribute(f"WEIGHTS_{number}")
        if joints is None or weights is None:
            break
        if len(joints) != vertices or len(weights) != vertices or joints.dtype.kind not in "ui":
            raise MeshError("bad_skin", f"JOINTS_{number} or WEIGHTS_{number} does not fit the {vertices} vertices")
        strength = np.maximum(normalised(weights), 0.0).astype(np.float64)
        used = np.where(strength > 0, joints, 0).astype(np.int64)
        if vertices and int(used.max()) >= len(matrices):
            raise MeshError("index_out_of_range", f"a vertex hangs on joint {int(used.max())} of {len(matrices)}")
        for column in range(4):
            blended += strength[:, column, None, None] * matrices[used[:, column], :3]
            total += strength[:, column]
    if not total.any():
        return None
    loose = total <= 0
    blended[loose], total[loose] = matrices[0, :3], 1.0
    return blended / total[:, None, None]


def _cofactors(matrix: np.ndarray) -> np.ndarray:
    return np.stack([np.cross(matrix[1], matrix[2]), np.cross(matrix[2], matrix[0]), np.cross(matrix[0], matrix[1])])


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    near = np.abs(lengths - 1.0) < 1e-5
    if near.all():
        return vectors  # leave what is unit already bit for bit as it is
    return np.where(lengths > 1e-12, vectors / np.maximum(lengths, 1e-12), 0.0).astype(vectors.dtype)
