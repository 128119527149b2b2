"""What the stages of a size would take on a given cluster: estimates from counted operations and measured rates, before anything starts."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from data_specs.cluster import Cluster, component_catalogue, gpu_catalogue, measured_rates
from data_specs.params import Params, TrainRun
from models.cost import forward_cost, inference_cost, training_cost
from models.diffusion.blank_samples import CAPTION, CAPTION_TOKENS, blank_features, blank_sample
from models.diffusion.features import ENCODED_MAPS
from models.diffusion.latents import factor
from models.diffusion.text_to_image import TextToImage
from models.geometry.camera_math import view_plan
from models.realiz3d.grid import VIEWS
from models.recipe import Recipe, Source, StepRandom
from tasks.artefacts import Workspace
from tasks.outlines import META, Outlines
from tasks.train.checkpoint import KEEP
from tasks.train.ema import trainable
from tasks.train.job import run_named
from tasks.train.order import batch_counts
from tasks.train.plan import memory_parts
from tasks.train.worker import to_device

HOUR = 3600.0
BYTES = {"fp32": 4, "fp16": 2}


@dataclass(frozen=True)
class Estimate:
    """One stage. memory: bytes on each GPU by what they hold. disk: bytes. assumed: what was neither counted nor measured, in words."""

    name: str
    items: int
    core_hours: float = 0.0
    gpu_hours: float = 0.0
    disk: float = 0.0
    memory: dict[str, float] = field(default_factory=dict)
    unknown: str = ""
    assumed: tuple[str, ...] = ()


class ClusterPlan:
    """The estimates of a size on a cluster."""

    def __init__(self, workspace: Workspace, params: Params, cluster: Cluster, folder: Path) -> None:
        self.params, self.cluster = params, cluster
        self.outlines, self.catalogue, self.rates = Outlines(workspace, params, folder), gpu_catalogue(), measured_rates()
        self.components = component_catalogue()
        self.gpu = self.catalogue.gpus[cluster.gpu]

    def estimates(self) -> list[Estimate]:
        """All stages that take long, in order. What cannot be known is an estimate that says why."""
        data = [
            self._assets(),
            self._render(),
            self._tried("matched_real", self._matched_real),
            self.align(),
            self._tried("features", self._features),
        ]
        return data + [self._tried(f"train {name}", lambda name=name: self.train(name)) for name in self.params.train.sequence]  # type: ignore[misc]

    def train(self, name: str) -> Estimate:
        """A training run with one worker on every GPU. Raises ValueError when its network cannot be known."""
        run, recipe, network = run_named(self.params, name), self.outlines.recipe(name), self.outlines.network(name)
        counts = batch_counts(recipe.sources, run.batch_size)
        layers = getattr(network, "layers", [])
        losses = {source.word: self._sample_loss(recipe, source, network) for source in recipe.sources}
        kept = 0.0
        if run.gradient_checkpointing:  # of one layer at a time everything is kept, of the others what enters them
            kept = sum(count * forward_cost(network, losses[word]).saved_bytes for word, count in counts.items()) / len(layers)
            network.enable_gradient_checkpointing()  # type: ignore[operator]
        costs = {word: training_cost(network, loss) for word, loss in losses.items()}
        kept += sum(count * costs[word].saved_bytes for word, count in counts.items())
        flops = run.steps * sum(count * costs[word].flops for word, count in counts.items())
        everything, trained = (4 * sum(weight.numel() for weight in some) for some in (network.parameters(), trainable(network).values()))
        return Estimate(
            f"train {name}",
            run.steps * run.batch_size,
            gpu_hours=self._gpu_hours(flops, run.precision),
            disk=KEEP * trained * (4 if run.ema_decay else 3) + everything,
            memory=self._memory(run, everything, trained, kept, max((_weight_bytes(layer) for layer in layers), default=0)),
        )

    def _tried(self, name: str, estimate: Callable[[], Estimate]) -> Estimate:
        try:
            return estimate()
        except ValueError as error:
            return Estimate(name, 0, unknown=str(error))

    def _assets(self) -> Estimate:
        count = self.params.assets.count
        return Estimate("assets", count, core_hours=count * self.rates.assets_core_s / HOUR, disk=count * self.rates.assets_bytes)

    def _render(self) -> Estimate:
        count, render = self.params.assets.count, self.params.render
        megapixels = count * VIEWS * render.size_pixels**2 / 1e6
        rate = self.rates.render_core_s_per_megapixel if render.light == "uniform" else self.rates.environment_core_s_per_megapixel
        return Estimate("render", count, core_hours=megapixels * rate / HOUR, disk=megapixels * self.rates.render_bytes_per_megapixel)

    def _matched_real(self) -> Estimate:
        count, matched = self.params.assets.count, self.params.matched_real
        megapixels = count * VIEWS * matched.size_pixels**2 / 1e6
        made = Estimate("matched_real", count, disk=megapixels * self.rates.picture_bytes_per_megapixel)
        if matched.source == "photographic_render":
            return replace(made, core_hours=megapixels * self.rates.environment_core_s_per_megapixel / HOUR)
        base = self.outlines.base(matched.base.model)
        flops = count * VIEWS * _picture_flops(base, matched.base.steps)
        return replace(made, gpu_hours=self._gpu_hours(flops, matched.base.precision), memory={"weights": _weight_bytes(base)})

    def align(self) -> Estimate:
        """As if no filter dropped a picture: what is dropped early costs less."""
        ours = self.params.align
        if not ours.source:
            return Estimate("align", 0, unknown="align.source is not set: no pictures are aligned with meshes")
        kinds = {role: getattr(ours, role).kind for role in self.components}
        used = {f"{role} by {kind}": self.components[role][kind] for role, kind in kinds.items()}
        megapixels = (ours.size_pixels**2 + len(view_plan(ours.plan, ours.view_pixels, 0)) * ours.view_pixels**2) / 1e6
        core_s = sum(one.core_s for one in used.values()) + self.rates.align_core_s + megapixels * self.rates.render_core_s_per_megapixel
        on_gpu = {name: one for name, one in used.items() if one.gpu_s}
        each_start = ours.batch if ours.pose.in_batches or not ours.pose.command else 1
        return Estimate(
            "align",
            ours.count,
            core_hours=ours.count * core_s / HOUR,
            gpu_hours=ours.count * sum(one.gpu_s + one.start_s / each_start for one in on_gpu.values()) / HOUR,
            disk=ours.count * megapixels * self.rates.align_bytes_per_megapixel,
            memory={name.partition(" by ")[2]: one.memory_gb * 1e9 for name, one in on_gpu.items()},
            assumed=tuple(
                f"{name} {one.gpu_s:g} s of a GPU" + (f" and {one.start_s:g} s for each {each_start}" if one.start_s else "") + f": {one.source}"
                for name, one in on_gpu.items()
            ),
        )

    def _features(self) -> Estimate:
        if not self.params.features.base:
            return Estimate("features", 0, unknown="features.base is not set: training encodes pictures and captions in every step")
        base, count = self.outlines.base(self.params.features.base), self.params.assets.count
        sides = [self.params.render.size_pixels] * len(ENCODED_MAPS) + [self.params.matched_real.size_pixels]
        pictures = [inference_cost(lambda side=side: base.encode(torch.zeros(1, 3, side, side, device=META))) for side in sides]  # type: ignore[misc]
        text = inference_cost(lambda: base.read([CAPTION]))
        numbers = sum(VIEWS * base.backbone.channels * (side // factor(base.vae)) ** 2 for side in sides) + CAPTION_TOKENS * base.prompts.channels
        return Estimate(
            "features",
            count,
            gpu_hours=self._gpu_hours(count * (text.flops + VIEWS * sum(cost.flops for cost in pictures)), "fp32"),
            disk=count * numbers * BYTES[self.params.features.precision],
            memory={"weights": _weight_bytes(base)},
        )

    def _sample_loss(self, recipe: Recipe, source: Source, network: nn.Module) -> Callable[[], Tensor]:
        """The loss of one sample of a source."""
        side = self.params.render.size_pixels if source.word == "render" else self.params.matched_real.size_pixels
        base = next((part for part in network.modules() if isinstance(part, TextToImage)), None)
        sample = blank_features(source.word, side, base) if source.stored and base is not None else blank_sample(source.word, side)
        samples = {other.word: [sample] if other.word == source.word else [] for other in recipe.sources}
        rng = StepRandom(0, 0, places=[0])
        batch = to_device(recipe.collate(samples, rng), META)
        return lambda: recipe.loss(network, batch, rng)[0]

    def _memory(self, run: TrainRun, everything: float, trained: float, kept: float, layer: float) -> dict[str, float]:
        workers, strategy, half = self.cluster.all_gpus, self.params.train.strategy, run.precision == "bf16"
        parts: dict[str, float] = dict(memory_parts(run, workers, strategy, int(everything), int(trained)))
        if strategy == "fsdp" and workers > 1:
            parts["gathered layers"] = 2 * layer
        elif half:
            parts["bf16 copies"] = trained / 2  # autocast keeps one of every weight that trains
        return parts | {"activations": kept / (workers * run.gradient_accumulation) * (0.5 if half else 1.0)}

    def _gpu_hours(self, flops: float, precision: str) -> float:
        peak = self.gpu.bf16_teraflops if precision == "bf16" else self.gpu.fp32_teraflops
        return flops / (1e12 * peak * self.catalogue.utilisation) / HOUR


def plan_cluster(workspace: Workspace, params: Params, cluster: Cluster) -> list[Estimate]:
    """The estimates of all stages of a size on a cluster."""
    with tempfile.TemporaryDirectory() as folder:
        return ClusterPlan(workspace, params, cluster, Path(folder)).estimates()


def _picture_flops(base: TextToImage, steps: int) -> int:
    """One picture by DDIM with guidance on the text, text read and latent decoded."""
    side = base.backbone.side
    latent, time = torch.zeros(1, base.backbone.channels, side, side, device=META), torch.zeros(1, dtype=torch.int64, device=META)
    prompts = base.read([CAPTION])
    reading, step = inference_cost(lambda: base.read([CAPTION])), inference_cost(lambda: base.backbone(latent, time, prompts))
    return 2 * (reading.flops + steps * step.flops) + inference_cost(lambda: base.decode(latent)).flops


def _weight_bytes(module: nn.Module) -> int:
    return sum(weight.numel() * 4 for weight in module.parameters())
