"""The parameters of every stage: one pydantic section per word, read from `params/<size>.yaml`; unknown keys are errors."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator

from data_specs.align_params import AlignParams
from data_specs.asset import Front, UpAxis
from data_specs.base_pictures import BasePicturesParams
from data_specs.matched_real import RealSource
from data_specs.published_embedder import PublishedEmbedderParams
from data_specs.strict import Strict
from data_specs.view import Light, ViewPlan

PARAMS_FOLDER = Path(__file__).parent / "params"
SIZES = ("tiny", "micro", "paper")
WORDS = ("assets", "render", "matched_real", "align", "shards", "features", "train", "evaluate", "report", "generate")
"""The one vocabulary: each is a flow, a task folder, a DVC stage, a params section, a test folder and a subcommand, in this order."""

Strategy = Literal["ddp", "fsdp"]
GpuShare = Annotated[float, Field(ge=0)]


class ExecutionParams(Strict):
    """How work is spread. Nothing here reaches the bytes of a shard."""

    backend: Literal["inline", "ray"] = Field(
        "inline", description="inline: in this process (soft timeouts); ray: worker processes, local or at RAY_ADDRESS"
    )
    workers: int = Field(0, ge=0, description="parallel workers; 0 = one per core")
    retries: int = Field(1, ge=0, description="how often an item whose worker died or timed out is tried again before it is dropped")
    recycle_after: int = Field(500, gt=0, description="items after which a worker process is replaced")
    shards_in_flight: int = Field(2, gt=0, description="shards built at the same time")
    gpus_per_worker: GpuShare | dict[str, GpuShare] = Field(
        0, description="ray: what each worker has of a GPU, or that by word, {align: 0.25}; 0 = none, and it sees no GPU"
    )

    @field_validator("gpus_per_worker")
    @classmethod
    def _by_known_words(cls, shares: float | dict[str, float]) -> float | dict[str, float]:
        unknown = sorted(set(shares) - set(WORDS)) if isinstance(shares, dict) else []
        if unknown:
            raise ValueError(f"{unknown[0]!r} is none of {', '.join(WORDS)}")
        return shares

    def share(self, word: str) -> float:
        """What each worker of a word has of a GPU."""
        return self.gpus_per_worker.get(word, 0.0) if isinstance(self.gpus_per_worker, dict) else self.gpus_per_worker


class AssetsParams(Strict):
    """Catalogue lines to clean meshes."""

    source: Literal["procedural", "folder", "url"] = Field("procedural", description="where assets come from")
    count: int = Field(24, gt=0, description="procedural: how many objects; folder and url: at most this many")
    location: str = Field("", description="folder: its path; url: a CSV or parquet list with url and sha256 columns")
    licences: list[str] = Field(default_factory=list, description="SPDX ids that may be used; empty = all")
    shard_items: int = Field(16, gt=0, description="assets per shard")
    validation: float = Field(0.1, ge=0, lt=1, description="fraction of assets for validation, by hash of the id")
    test: float = Field(0.1, ge=0, lt=1, description="fraction of assets held out for the test, by hash of the id")
    max_faces: int = Field(2_000_000, gt=0, description="larger meshes are dropped")
    max_texture_pixels: int = Field(2048, gt=0, description="larger textures are scaled down to this side")
    max_file_mb: int = Field(500, gt=0, description="larger files are dropped unread")
    memory_mb: int = Field(4096, gt=0, description="address space of the process that reads a stranger's file")
    timeout_s: float = Field(60.0, gt=0, description="time to read one file")
    download_timeout_s: float = Field(600.0, gt=0, description="url: time to fetch one file, over all attempts")
    private_hosts: list[str] = Field(default_factory=list, description="url: hosts of the list that may be at private or loopback addresses")
    up_axis: UpAxis = Field("y", description="folder and url: of OBJ, PLY, STL and OFF files whose list does not say it; glTF is always y")


class RenderParams(Strict):
    """Clean meshes to views of the synthetic domain."""

    plan: ViewPlan = Field("orthogonal4", description="which cameras")
    light: Light | Literal["mixed"] = Field(
        "uniform",
        description="uniform: albedo; environment: sky, sun, shadow and ambient occlusion; "
        "mixed: one or the other for each asset, environment as the domain randomly_lit",
    )
    size_pixels: int = Field(64, gt=0, description="side of a view")
    samples_per_edge_pixel: int = Field(16, gt=0, description="rays that anti-alias a pixel on an edge")
    timeout_s: float = Field(120.0, gt=0, description="time for one asset")
    back_end: Literal["open3d_cpu", "nvdiffrast_gpu"] = Field("open3d_cpu", description="renderer")


class MatchedRealParams(Strict):
    """The photographic side: four pictures for each caption."""

    source: RealSource = Field(
        "photographic_render",
        description="photographic_render: detailed material, environment light, varied viewpoints; base_model: what a model makes of the caption",
    )
    size_pixels: int = Field(64, gt=0, description="side of a picture")
    samples_per_edge_pixel: int = Field(16, gt=0, description="photographic_render: rays that anti-alias a pixel on an edge")
    ambient_rays: int = Field(16, gt=0, description="photographic_render: rays per pixel for ambient occlusion and soft shadow")
    base: BasePicturesParams = BasePicturesParams.model_validate({})
    redraws: int = Field(3, ge=0, description="how often a picture that shows nothing, or is refused, is drawn again before the asset is dropped")
    timeout_s: float = Field(120.0, gt=0, description="time for one caption, the loading of a base model in a new worker included")


class ShardsParams(Strict):
    """Verification of every sample before it may be trained on."""

    reprojection_pixels: float = Field(0.5, gt=0, description="largest distance of a re-projected position from its pixel centre")
    timeout_s: float = Field(120.0, gt=0, description="time to verify one sample")


class FeaturesParams(Strict):
    """What a base model's frozen encoders make of every verified sample, so that training need not."""

    base: str = Field("", description="the base model: a training run, or a reference as in `parents`; empty = training encodes pictures itself")
    precision: Literal["fp32", "fp16"] = Field("fp32", description="how latents and text tokens are stored")
    timeout_s: float = Field(300.0, gt=0, description="time for one sample, the loading of the model in a new worker included")


class TrainBudget(Strict):
    """How long, how fast and how a run is trained. Batch size counts samples over all workers."""

    steps: int = Field(gt=0)
    batch_size: int = Field(gt=0)
    gradient_accumulation: int = Field(1, gt=0)
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(0.0, ge=0)
    warmup_steps: int = Field(0, ge=0)
    max_gradient_norm: float = Field(1.0, gt=0)
    ema_decay: float = Field(0.0, ge=0, lt=1, description="0 = no moving average")
    precision: Literal["fp32", "bf16"] = "fp32"
    gradient_checkpointing: bool = False
    checkpoint_every: int = Field(100, gt=0, description="steps between checkpoints")
    picture_every: int = Field(0, ge=0, description="steps between sampling grids; 0 = only at the end")


class TrainRun(TrainBudget):
    """One training run: a recipe and how it is driven."""

    recipe: str = Field(description="name in models/registry.py")
    parents: dict[str, str] = Field(default_factory=dict, description="role -> an earlier run, or micro:NAME, hub:OWNER/REPO, path:FOLDER")
    config: dict[str, Any] = Field(default_factory=dict, description="the recipe's own settings; unknown keys are errors")
    seed: int = 0


class TrainParams(Strict):
    """Every training run of a size, in order."""

    sequence: list[str] = Field(description="names of `runs`, in the order they are trained")
    runs: dict[str, TrainRun]
    workers: int = Field(0, ge=0, description="Ray Train workers; 0 = in this process")
    strategy: Strategy = Field("ddp", description="ddp: every worker holds all weights; fsdp: each holds its part of them")
    cpus_per_worker: int = Field(2, gt=0)
    gpus_per_worker: float = Field(0, ge=0)
    loader_threads: int = Field(2, gt=0)
    max_failures: int = Field(3, ge=0, description="worker deaths a run survives")


class TuningParams(Strict):
    """Which B_max and t_max a model is sampled with (SPEC R9)."""

    split: Literal["train", "validation", "test"] = "validation"
    max_assets: int = Field(20, gt=0, description="held-out assets to tune on")
    tolerance: float = Field(0.05, ge=0, description="how much farther from the base's pictures than without shifting, as a share of that distance")


class EvaluateParams(Strict):
    """Samples and numbers on held-out assets."""

    run: str = Field(description="which training run is evaluated")
    split: Literal["train", "validation", "test"] = "test"
    max_assets: int = Field(8, gt=0)
    sampling_steps: int = Field(50, gt=0, description="DDIM steps (SPEC R8)")
    guidance: float = Field(4.5, ge=0, description="guidance scale on the text condition of what was trained")
    base_guidance: float = Field(4.5, ge=0, description="the same for pictures of the base alone, and SDEdit by it")
    layer_share: float = Field(0.3, ge=0, le=1, description="B_max as a share of the blocks (SPEC R8)")
    time_threshold: int = Field(950, ge=0, le=1001, description="t_max (SPEC R8); above 1000 = never")
    batch_size: int = Field(4, gt=0)
    embedder: Literal["random", "micro", "published"] = Field(
        "random", description="what distances are measured with: random features, the micro embedder, or the networks of the papers' metrics"
    )
    published: PublishedEmbedderParams = PublishedEmbedderParams.model_validate({})
    base: str = Field(
        "micro_base", description="the text-to-image model whose pictures realism is measured against: a training run, or a reference as in `parents`"
    )
    tuning: TuningParams = TuningParams.model_validate({})


class ReportParams(Strict):
    """The HTML page."""

    contact_sheet_items: int = Field(48, gt=0, description="assets on a contact sheet")
    samples: int = Field(8, gt=0, description="held-out assets shown in full")


class GenerateParams(Strict):
    """A trained model in use: four views of an object with their cameras, its textured mesh, and a page that shows them."""

    kind: Literal["texture", "multiview"] = Field("texture", description="texture: views on a mesh, and the mesh painted; multiview: views alone")
    mesh: str = Field("", description="texture: the mesh file (GLB, glTF, OBJ, PLY, STL, OFF); empty = the first held-out asset")
    up_axis: UpAxis = Field("y", description="of a mesh file that is not glTF")
    front: Front = Field("+z", description="where the object of a mesh file faces once y is up")
    prompt: str = Field("", description="what the object looks like; empty = the held-out asset's caption")
    real: float = Field(0.8, ge=0, le=1, description="0: synthetic everywhere, full control; 0.8: as in the paper (SPEC R8); 1: real everywhere")
    model: str = Field("", description="a training run, a model folder, or a reference (path:, micro:, hub:); empty = the run that learns this kind")
    seed: int = Field(0, description="of the sampling noise")
    size_pixels: int = Field(0, ge=0, description="side of a view; 0 = that of the model's base")
    sampling_steps: int = Field(50, gt=0, description="DDIM steps (SPEC R8)")
    guidance: float = Field(4.5, ge=0, description="guidance scale on the text condition")
    layer_share: float = Field(0.3, ge=0, le=1, description="B_max as a share of the blocks (SPEC R8), at real = 0.8")
    time_threshold: int = Field(950, ge=0, le=1001, description="t_max (SPEC R8), at real = 0.8")
    texture_pixels: int = Field(0, ge=0, le=8192, description="side of the texture; 0 = four times that of a view")
    unwrap_timeout_s: float = Field(300.0, gt=0, description="time to make texture coordinates, where those of the mesh are of no use")
    out: str = Field("", description="folder of the result, below the root; empty = data/<size>/generate")


class Params(Strict):
    """Everything a size says."""

    size: Literal["tiny", "micro", "paper"]
    seed: int = Field(0, description="of the procedural world, of viewpoints and of skies")
    execution: ExecutionParams
    assets: AssetsParams
    render: RenderParams
    matched_real: MatchedRealParams
    align: AlignParams
    shards: ShardsParams
    features: FeaturesParams
    train: TrainParams
    evaluate: EvaluateParams
    report: ReportParams
    generate: GenerateParams


def load_params(size: str, overrides: tuple[str, ...] | list[str] = (), folder: Path = PARAMS_FOLDER) -> Params:
    """Read `params/<size>.yaml` and apply overrides of the form `section.key=value` or `seed=value` (value is YAML).

    Raises ValueError naming the file or the override, the key and what is expected.
    """
    path = folder / f"{size}.yaml"
    if not path.is_file():
        raise ValueError(f"no parameters for size {size!r}: expected one of {', '.join(SIZES)} ({path} does not exist)")
    tree = yaml.safe_load(path.read_text())
    for override in overrides:
        apply_override(tree, override)
    try:
        return Params.model_validate(tree)
    except ValidationError as error:
        raise ValueError(f"parameters of size {size!r} ({path.name}) are wrong:\n  " + explain(error)) from None


def explain(error: ValidationError) -> str:
    """A line for everything that is wrong: key, reason, what was given."""
    return "\n  ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']} (got {e['input']!r})" for e in error.errors())


def apply_override(tree: dict[str, Any], override: str) -> None:
    """Set one key of nested plain data: `section.key=value`, a YAML value or nothing, an empty text. Raises ValueError for anything else."""
    path, separator, text = override.partition("=")
    *sections, key = path.strip().split(".")
    node = tree
    for section in sections:
        node = node.setdefault(section, {})
        if not isinstance(node, dict):
            raise ValueError(f"override {override!r}: {section!r} is not a section")
    if not separator or (not sections and isinstance(node.get(key), dict)):
        raise ValueError(f"override {override!r} must look like section.key=value, or seed=value")
    if path.strip() == "size":
        raise ValueError(f"override {override!r}: the size chooses the parameter file, give it as --size")
    node[key] = yaml.safe_load(text) if text.strip() else ""
