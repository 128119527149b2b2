"""The parameters of the stage `align`: which pictures, which model plays each role, and what a model needs to run (SPEC F11).

`weights` is always a local path, or a hub id where a model loads through `from_pretrained`; empty means the file is not here, and whoever
needs it says what is missing. `sha256` is needed for a file that `models/perception/weights.py` does not know.
"""

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from data_specs.aligned_subject import PointMapColours
from data_specs.strict import Strict
from data_specs.view import ViewPlan

Device = Literal["cpu", "cuda"]
Transient = Literal["mesh_server", "mesh_timeout", "mesh_answer", "pose_failed", "pose_timeout", "pose_answer", "timeout", "worker_died", "error"]
"""Rules whose drops another attempt may spare: they tell of servers, commands and processes, not of pictures."""

LOADING_S, SPARE_S = 600.0, 60.0
"""What a batch may need beside meshes and poses that others make: to load models, and for each picture."""


class DetectorParams(Strict):
    """Name to boxes."""

    kind: Literal["contrast", "grounding_dino"] = Field("contrast", description="contrast: what stands out from the border's colours (no weights)")
    weights: str = Field("", description="grounding_dino: path of groundingdino_swint_ogc.pth or a safetensors file of the same names")
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$", description="of a weights file that is not the published one")
    text_encoder: str = Field("bert-base-uncased", description="grounding_dino: folder or hub id of the BERT tokenizer and weights")
    min_score: float = Field(
        0.05,
        ge=0,
        le=1,
        description="boxes below this are not reported (published default of grounding_dino: 0.35); box_score asks for more of the best",
    )
    device: Device = "cpu"


class SegmenterParams(Strict):
    """Box to mask."""

    kind: Literal["grab_cut", "segment_anything"] = Field("grab_cut", description="grab_cut: colour models and a graph cut (no weights)")
    model: Literal["vit_h", "vit_l", "vit_b"] = Field("vit_h", description="segment_anything: which of the published sizes")
    weights: str = Field("", description="segment_anything: path of the published .pth or a safetensors file of the same names")
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$", description="of a weights file that is not the published one")
    device: Device = "cpu"


class BackgroundParams(Strict):
    """Picture to cut-out."""

    kind: Literal["cut_out", "u2net"] = Field("cut_out", description="cut_out: the alpha channel, else detector and segmenter; u2net: rembg's ONNX")
    weights: str = Field("", description="u2net: path of u2net.onnx as rembg publishes it")
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$", description="of a weights file that is not the published one")


class DepthParams(Strict):
    """Picture to depth."""

    kind: Literal["channel", "depth_pro"] = Field("channel", description="channel: the depth that came with the picture (no weights)")
    weights: str = Field("apple/DepthPro-hf", description="depth_pro: folder or hub id")
    revision: str = Field("", pattern=r"^([0-9a-f]{40})?$", description="depth_pro: commit on the hub, 40 hex digits; a branch can move")
    sha256: str = Field(
        "", pattern=r"^([0-9a-f]{64})?$", description="depth_pro: of its model.safetensors; empty = not checked in a folder of one's own"
    )
    device: Device = "cpu"


class MeshParams(Strict):
    """Cut-out to mesh."""

    kind: Literal["nearest_asset", "hunyuan3d"] = Field("nearest_asset", description="nearest_asset: the asset whose renders look most alike")
    url: tuple[str, ...] = Field(
        ("http://127.0.0.1:8081",), min_length=1, description="hunyuan3d: where its api_server.py listens; [..., ...]: requests are spread over them"
    )
    route: Literal["generate", "send"] = Field("generate", description="hunyuan3d: one long request, or send and ask for the status")
    timeout_s: float = Field(600.0, gt=0, description="hunyuan3d: for one mesh, from asking to the last byte, the wait for its turn included")
    expected_s: float = Field(60.0, gt=0, description="hunyuan3d: what a server needs for one mesh; less without texture")
    attempts: int = Field(3, gt=0, description="hunyuan3d: how often one mesh is asked for")
    first_pause_s: float = Field(2.0, ge=0, description="hunyuan3d: before the second attempt; doubles each time")
    poll_s: float = Field(2.0, gt=0, description="hunyuan3d: between two questions for the status")
    queue_limit: int = Field(1, gt=0, description="hunyuan3d: requests of one worker that are under way at a time")
    max_mb: int = Field(200, gt=0, description="hunyuan3d: larger answers are refused")
    texture: bool = Field(True, description="hunyuan3d: the server was started with --enable_tex")
    seed: int = Field(1234, ge=0)
    octree_resolution: int = Field(256, gt=0)
    num_inference_steps: int = Field(5, gt=0, description="hunyuan3d: 5 suits its turbo models")
    guidance_scale: float = Field(5.0, ge=0)
    face_count: int = Field(40_000, gt=0)
    kept_gb: float = Field(50.0, ge=0, description="hunyuan3d: its answers lie in runs/<size>/align/meshes for later runs, at most so much of them")
    server_model: str = Field(
        "tencent/Hunyuan3D-2", description="hunyuan3d: what the server was started with (to be said: another one makes other meshes)"
    )
    catalogue: Literal["all", "held_out"] = Field(
        "all", description="nearest_asset: which may be found; held_out: those of validation and test, if any"
    )
    max_faces: int = Field(20_000, gt=0, description="meshes with more faces are reduced, and get new texture coordinates")
    texture_pixels: int = Field(1024, gt=0, description="side of the texture of a mesh that gets new texture coordinates")

    @field_validator("url", mode="before")
    @classmethod
    def _one_or_several(cls, url: Any) -> Any:
        return (url,) if isinstance(url, str) else url


class PoseParams(Strict):
    """Mesh and picture to pose."""

    kind: Literal["render_and_compare", "foundation_pose"] = Field("render_and_compare", description="render_and_compare: ours (no weights)")
    command: tuple[str, ...] = Field(
        (), description="foundation_pose: run for each scene, {scene} and {mesh} filled in, or once for a batch, {scenes}: a file that lists them"
    )
    by_hand: bool = Field(False, description="foundation_pose: without a command, wait for somebody to write the poses")
    environment: str = Field("", description="foundation_pose: what the command runs in, in words (commit, weights): another one finds other poses")
    timeout_s: float = Field(300.0, gt=0, description="foundation_pose: for one scene")
    object_side_m: float = Field(0.2, gt=0, description="foundation_pose: the size it is told; its depth filter is made for things of a hand's size")

    @property
    def in_batches(self) -> bool:
        """Whether the command is started once for a batch."""
        return any("{scenes}" in word for word in self.command)


class AppearanceParams(Strict):
    """How different the posed render looks from the picture."""

    kind: Literal["micro", "lpips"] = Field("micro", description="micro: the shipped embedder, as the rule micro_distance; lpips: LPIPS on AlexNet")
    weights: str = Field("", description="lpips: path of alexnet-owt-7be5be79.pth, or a safetensors file of the same names")
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$", description="lpips: of a weights file that is not the published one")


class FilterParams(Strict):
    """What a picture and what was found in it must reach: each threshold is that of the rule of its name.

    Those of box_score, pose, outline, scale, depth, colours, second object and leads are what `align --tune` chose for the embedded models.
    """

    box_score: float = Field(0.299, ge=0, le=1, description="at least: how sure the detector is of its best box")
    box_count: float = Field(0.95, ge=0, description="at most: score of the best box elsewhere, as a share of the best box's: which one is it?")
    box_border: float = Field(0.0, ge=0, lt=0.5, description="at least: gap between box and picture's border, as a share of its side; not cut-outs")
    mask_least: float = Field(0.01, ge=0, le=1, description="at least: share of the picture that the mask covers")
    mask_most: float = Field(0.8, ge=0, le=1, description="at most: the same")
    mask_score: float = Field(0.0, ge=0, le=1, description="at least: how sure the segmenter is")
    mesh_faces: float = Field(12, ge=0, description="at least: faces of the mesh")
    mesh_thickness: float = Field(0.005, ge=0, le=1, description="at least: shortest side of the mesh's box over its longest")
    pose_confidence: float = Field(0.294, ge=0, le=1, description="at least: the estimator's probability that the pose is right")
    silhouette_iou: float = Field(0.891, ge=0, le=1, description="at least: intersection over union of mask and posed mesh (SPEC F11)")
    scale_agreement: float = Field(0.165, ge=0, description="at most: |ln| of the depth's scale by the posed mesh over that by the mask")
    depth_agreement: float = Field(0.724, ge=0, le=1, description="at least: share of the mask where the posed mesh is as deep as the picture")
    colour_difference: float = Field(0.164, ge=0, description="at most: distance of hue and saturation inside the mask, light fitted")
    micro_distance: float = Field(1.8, ge=0, description="at most: perceptual distance in the micro embedder; align.appearance.kind=micro")
    lpips: float = Field(0.3, ge=0, description="at most: LPIPS of posed render and picture (SPEC F11); align.appearance.kind=lpips")
    second_object: float = Field(0.255, ge=0, description="at most: score of what else is found, also once the object is painted out, as a share")
    mirror_lead: float = Field(0.0, description="at most: how much nearer to the picture the mirror image of the mesh comes, by edges")
    rival_lead: float = Field(0.0, description="at most: how much nearer to the picture the mesh comes from another side, by edges")


class FilterTuningParams(Strict):
    """Composed pictures on which `align --tune` chooses the filters' thresholds, and those it checks them on."""

    meshes: str = Field("", description="folder of meshes with a manifest.json, every third is for the test; empty = procedural objects alone")
    seeds: int = Field(8, gt=0, description="objects of each procedural category; every third category is for the test")
    size_pixels: int = Field(256, gt=0, description="side of a picture")
    clutter_share: float = Field(0.25, ge=0, le=1, description="share of the pictures with another thing behind the object")
    occlusion_share: float = Field(0.25, ge=0, le=1, description="share of the pictures with something before the object")
    occlusion: float = Field(0.15, ge=0, lt=1, description="share of the object's pixels that it hides")
    depth_share: float = Field(0.7, ge=0, le=1, description="share of the pictures that come with depth")
    precision: float = Field(0.95, gt=0, lt=1, description="share of what is kept that must be right")
    recall: float = Field(0.6, gt=0, le=1, description="share of the right ones that should be kept")


class ComposedParams(Strict):
    """Pictures whose truth is known: assets under a sky before a textured backdrop, seen as people hold a camera."""

    assets: Literal["all", "held_out"] = Field("held_out", description="which assets are shown; held_out: those of validation and test, if any")
    size_pixels: int = Field(256, gt=0, description="side of a picture")
    clutter: int = Field(0, ge=0, description="how many other things stand behind the object")
    occlusion: float = Field(0.0, ge=0, lt=1, description="share of the object's pixels that something before it hides")
    faults: tuple[str, ...] = Field((), description="faults that are planted, each as often (tasks/align/planted_faults.py)")
    fault_share: float = Field(0.5, ge=0, le=1, description="share of the pictures with a fault, where there are faults")


class AlignParams(Strict):
    """Pictures of named objects to mesh, pose and point map."""

    source: Literal["subjects200k", "folder", "composed", ""] = Field(
        "folder", description="where pictures come from; composed: made of assets, their truth known; empty = no pictures, the stage is skipped"
    )
    location: str = Field(
        "", description="subjects200k: a parquet file or a folder of them; folder: pictures, with a manifest.json of names or without"
    )
    further_folder: str = Field("", description="folder of more pictures beside those of the source; left out where it is not there")
    count: int = Field(24, gt=0, description="at most this many pictures of the source, and of the further folder")
    min_quality: int = Field(5, ge=0, le=5, description="subjects200k: the least of the three scores; 0 = also what nobody scored")
    composed: ComposedParams = ComposedParams.model_validate({})
    size_pixels: int = Field(512, gt=0, description="longest side of a picture; larger ones are scaled down")
    fov_degrees: float = Field(45.0, gt=0, lt=180, description="field of view along the longest side of a picture whose lens nobody knows")
    plan: ViewPlan = Field("turntable8", description="which views of the mesh a sample holds (SPEC F1)")
    view_pixels: int = Field(512, gt=0, description="side of these views")
    samples_per_edge_pixel: int = Field(8, gt=0, description="rays that anti-alias a pixel on an edge")
    point_map_colours: PointMapColours = Field("isotropic", description="how positions are read as colours; per_axis: the released RefAny3D weights")
    shard_items: int = Field(32, gt=0, description="pictures per shard")
    batch: int = Field(1, gt=0, description="pictures that go through the models together; more than 1 suits GPUs")
    retry: tuple[Transient, ...] = Field((), description="pictures that these rules dropped in finished shards are tried again, e.g. [mesh_timeout]")
    verdicts: str = Field("", description="file of human verdicts, as the page qa.html saves it; they win over the filters; empty = none")
    detector: DetectorParams = DetectorParams.model_validate({})
    segmenter: SegmenterParams = SegmenterParams.model_validate({})
    background: BackgroundParams = BackgroundParams.model_validate({})
    depth: DepthParams = DepthParams.model_validate({})
    mesh: MeshParams = MeshParams.model_validate({})
    pose: PoseParams = PoseParams.model_validate({})
    appearance: AppearanceParams = AppearanceParams.model_validate({})
    filters: FilterParams = FilterParams.model_validate({})
    tuning: FilterTuningParams = FilterTuningParams.model_validate({})
    timeout_s: float = Field(
        0.0, ge=0, description="time for one batch, the loading of the models in a new worker included; 0 = as long as its meshes and poses may take"
    )

    @field_validator("timeout_s")
    @classmethod
    def _outlasts_a_batch(cls, timeout_s: float, info: ValidationInfo) -> float:
        if timeout_s == 0.0 or not {"batch", "mesh", "pose"} <= info.data.keys():  # what is wrong with these is said of them
            return timeout_s
        meshes, poses = _waits(info.data["batch"], info.data["mesh"], info.data["pose"])
        if timeout_s <= meshes + poses:
            raise ValueError(
                f"a batch may wait {meshes:g} s for meshes (1 + align.batch / mesh.queue_limit times mesh.timeout_s) and {poses:g} s for poses "
                f"(1 + align.batch times pose.timeout_s): set more than {meshes + poses:g}, or 0, which is as much as it needs"
            )
        return timeout_s

    @property
    def batch_timeout_s(self) -> float:
        """Time for one batch."""
        return self.timeout_s or sum(_waits(self.batch, self.mesh, self.pose)) + LOADING_S + self.batch * SPARE_S


def _waits(batch: int, mesh: MeshParams, pose: PoseParams) -> tuple[float, float]:
    """How long a batch may wait for a mesh server, and for whoever finds poses, in seconds; once more for what tells whose fault a failure is."""
    meshes = (1 - (-batch // mesh.queue_limit)) * mesh.timeout_s if mesh.kind == "hunyuan3d" else 0.0
    return meshes, (1 + batch) * pose.timeout_s if pose.kind == "foundation_pose" else 0.0
