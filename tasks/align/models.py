"""The models that play the roles of the stage, opened once per worker process; and what tells one set of models from another."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from data_specs.align_params import AlignParams, AppearanceParams, BackgroundParams, DetectorParams, SegmenterParams
from data_specs.ids import content_id
from models.metrics.embedder import embedder_digest
from models.perception.background_remover import make_background_remover
from models.perception.base import BackgroundRemover, DepthEstimator, Detector, MeshGenerator, PoseEstimator, Segmenter
from models.perception.depth_estimator import make_depth_estimator
from models.perception.detector import make_detector
from models.perception.mesh_generator import make_mesh_generator
from models.perception.nearest_asset import CatalogueAsset
from models.perception.pose_estimator import make_pose_estimator
from models.perception.segmenter import make_segmenter
from models.perception.weights import PUBLISHED, checked_file
from tasks.align.asset_catalogue import AssetCatalogue
from tasks.align.filters import FilterContext, open_filters
from tasks.align.mesh_preparation import MeshPreparation, ReadLimits
from tasks.local_folder import FileDigests


@dataclass(frozen=True)
class Setup:
    """What a worker needs to open the models; plain data.

    limits: of the process that reads generated meshes. catalogue: the assets, where a model or a source needs them. scenes: folder through which
    foundation_pose is spoken to, one for each command and environment.
    """

    params: AlignParams
    limits: ReadLimits
    catalogue: AssetCatalogue | None
    scenes: str


@dataclass(frozen=True)
class Models:
    """One model for each role. background: None where the mask itself is the cut-out."""

    detector: Detector
    segmenter: Segmenter
    background: BackgroundRemover | None
    mesh: MeshGenerator
    preparation: MeshPreparation
    depth: DepthEstimator
    pose: PoseEstimator
    filters: FilterContext


@lru_cache(maxsize=1)
def open_models(setup: Setup) -> Models:
    """Load every model. Raises ValueError saying what is missing."""
    params = setup.params

    def findable() -> Iterator[CatalogueAsset]:
        assert setup.catalogue is not None, "plan opens the assets for who needs them"
        return setup.catalogue.findable(params.mesh.catalogue)

    return Models(
        detector=make_detector(params.detector),
        segmenter=make_segmenter(params.segmenter),
        background=make_background_remover(params.background) if params.background.kind != "cut_out" else None,
        mesh=make_mesh_generator(params.mesh, findable),
        preparation=MeshPreparation(setup.limits, params.mesh.max_faces, params.mesh.texture_pixels),
        depth=make_depth_estimator(params.depth),
        pose=make_pose_estimator(params.pose, Path(setup.scenes)),
        filters=open_filters(params.appearance),
    )


def model_digests(params: AlignParams, catalogue: AssetCatalogue | None) -> dict[str, str]:
    """Role -> digest of what plays it, for those that are more than code and parameters. Raises MissingWeights for a file that is not there.

    A mesh server cannot be asked what it runs: `align.mesh.server_model`, a parameter, says so. Of FoundationPose the command counts, every file that
    it names, and `align.pose.environment`.
    """
    found = {}
    if params.detector.kind == "grounding_dino":
        found["detector"] = _digest(params.detector, "groundingdino_swint_ogc.pth", "align.detector.weights")
        from models.perception.grounding_dino import text_encoder_digest  # loads torch: only those who use it pay

        found["text_encoder"] = text_encoder_digest(params.detector.text_encoder)
    if params.segmenter.kind == "segment_anything":
        from models.perception.sam import PUBLISHED_FILES

        found["segmenter"] = _digest(params.segmenter, PUBLISHED_FILES[params.segmenter.model], "align.segmenter.weights")
    if params.background.kind == "u2net":
        found["background"] = _digest(params.background, "u2net.onnx", "align.background.weights")
    if params.depth.kind == "depth_pro":
        found["depth"] = params.depth.sha256 or params.depth.revision or _file_digest(Path(params.depth.weights) / "model.safetensors")
    if params.mesh.kind == "nearest_asset" and catalogue is not None:
        found["mesh"] = catalogue.digest
    if params.pose.kind == "foundation_pose":
        found["pose"] = content_id([FileDigests.digest(Path(word)) if Path(word).is_file() else "" for word in params.pose.command])
    if params.appearance.kind == "micro":
        found["appearance"] = embedder_digest("micro")
    else:
        from models.metrics.lpips_distance import BACKBONE

        found["appearance"] = _digest(params.appearance, BACKBONE, "align.appearance.weights")
    return found


def _digest(role: DetectorParams | SegmenterParams | BackgroundParams | AppearanceParams, wanted: str, parameter: str) -> str:
    file = checked_file(role.weights, role.sha256, wanted, parameter)
    return role.sha256 or PUBLISHED[file.name].sha256


def _file_digest(path: Path) -> str:
    return FileDigests.digest(path) if path.is_file() else ""
