"""Small stand-ins for tests: a recipe that learns colours, and shards for it to learn from."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from data_specs.params import Params, TrainRun, load_params
from data_specs.sample import Sample
from data_specs.shard import ShardPlan
from models.image_codec import encode_png
from models.recipe import Batch, Source, StepRandom
from tasks.artefacts import Workspace
from tasks.ledger import Ledger

SIDE = 8
UNVERIFIED = "asset_1_2"
"""The one sample of `write_pictures` that must not be trained on."""


class TinyNetwork(nn.Module):
    """A frozen stem, a trained head with dropout, a branch that only some steps use, and buffers that training changes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1).requires_grad_(False)
        self.head = nn.Sequential(nn.BatchNorm2d(4, affine=False), nn.Dropout(0.1), nn.Conv2d(4, 3, 1))
        self.branch = nn.Conv2d(4, 3, 1)
        self.register_buffer("brightness", torch.zeros(()))

    def forward(self, picture: Tensor, with_branch: bool) -> Tensor:
        if self.training:
            self.brightness.lerp_(picture.detach().mean(), 0.1)
        features = self.stem(picture)
        return self.head(features) + (self.branch(features) if with_branch else 0)


@dataclass(frozen=True)
class TinyRecipe:
    """Removes noise from small pictures of two domains. dropout and batch statistics make resuming hard; `plain` leaves them out."""

    name: str = "tiny"
    fail_at: int = -1
    plain: bool = False
    need: str = ""
    sources: tuple[Source, ...] = (Source("render", 0.5, r"front\.rgb\.png|views\.json"), Source("matched_real", 0.5, r"view0\.rgb\.png"))

    def build(self, parents: dict[str, Path]) -> nn.Module:
        torch.manual_seed(3)
        network = TinyNetwork()
        if self.need:
            parent = parents[self.need] / "weights.safetensors"
            assert parent.is_file()
        if self.plain:
            network.head[0], network.head[1] = nn.Identity(), nn.Identity()
        return network

    def collate(self, samples: dict[str, list[dict[str, Any]]], rng: StepRandom) -> Batch:
        pictures = [s["front.rgb.png"] for s in samples["render"]] + [s["view0.rgb.png"] for s in samples["matched_real"]]
        clean = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
        keys = [sample["__key__"] for word in samples for sample in samples[word]]
        return {"clean": clean, "noise": rng.normal(len(pictures), (3, SIDE, SIDE), "noise"), "keys": keys}

    def loss(self, network: nn.Module, batch: Batch, rng: StepRandom) -> tuple[Tensor, dict[str, Tensor]]:
        if rng.number == self.fail_at:
            raise RuntimeError("the machine is switched off")
        with_branch = bool(rng.step("branch").integers(2))
        error = (network(batch["clean"] + batch["noise"], with_branch).float() - batch["clean"]).square()
        return error.mean(), {"worst": error.amax()}

    def picture(self, network: nn.Module, batch: Batch, rng: StepRandom) -> np.ndarray:
        made = network(batch["clean"] + batch["noise"], True).clamp(0, 1).mul(255).byte()
        return np.concatenate(list(made.permute(0, 2, 3, 1).cpu().numpy()), axis=1)

    def save(self, network: nn.Module, folder: Path) -> None:
        save_file({name: value.contiguous() for name, value in network.state_dict().items()}, folder / "weights.safetensors")
        (folder / "config.json").write_text(json.dumps({"side": SIDE}))


def write_pictures(workspace: Workspace, shards: int = 5, per_shard: int = 4) -> None:
    """Publish small data sets `render` and `matched_real` of shards of unequal size, and `shards`, which verifies all but one sample."""
    sizes = [per_shard + index % 2 for index in range(shards)]
    keys = [[f"asset_{index}_{number}" for number in range(size)] for index, size in enumerate(sizes)]
    inputs = {}
    for word, field in (("render", "front.rgb.png"), ("matched_real", "view0.rgb.png")):
        rng = np.random.default_rng(len(word))
        samples = [[_sample(key, field, rng) for key in some] for some in keys]
        inputs[word] = _publish(workspace, word, samples, {})
    verdicts = [[Sample(key, {"verification.json": b"{}"}) for key in some if key != UNVERIFIED] for some in keys]
    _publish(workspace, "shards", verdicts, inputs)


def _publish(workspace: Workspace, word: str, shards: list[list[Sample]], inputs: dict[str, str]) -> str:
    ledger = Ledger(workspace.folder(word), word)
    plans = [ShardPlan(word=word, split="train", index=index, inputs=[str(index)], params={}, version=1) for index in range(len(shards))]
    for plan, samples in zip(plans, shards):
        ledger.write(plan, samples, [])
    return ledger.publish(plans, size=workspace.size, version=1, params={}, inputs=inputs, entered=sum(map(len, shards))).digest()


def train_params(recipe: str = "tiny", workers: int = 0, **settings: Any) -> Params:
    """Parameters with one training run, `first`, of a recipe; settings overwrite those of the run."""
    defaults: dict[str, Any] = {"steps": 7, "batch_size": 4, "learning_rate": 1e-2, "checkpoint_every": 2, "warmup_steps": 3, "ema_decay": 0.9}
    run = TrainRun(recipe=recipe, **(defaults | settings))
    params = load_params("tiny")
    train = params.train.model_copy(update={"sequence": ["first"], "runs": {"first": run}, "workers": workers, "cpus_per_worker": 1})
    return params.model_copy(update={"train": train})


def _sample(key: str, field: str, rng: np.random.Generator) -> Sample:
    picture = np.broadcast_to(rng.integers(0, 255, (1, 1, 3)), (SIDE, SIDE, 3)).astype(np.uint8)
    return Sample(key, {field: encode_png(picture), "unused.rgb.png": b"never decoded", "views.json": json.dumps({"asset_id": key}).encode()})
