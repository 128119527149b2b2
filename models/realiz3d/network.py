"""Realiz3D around a text-to-image base: Domain Shifters before every block, a control, two attention modes (SPEC R1 to R3).

The baselines (SPEC R11) are the same network with a Domain Switcher or nothing in place of the shifters, or with adapters.

Folder of a model: that of the base (`models/diffusion/text_to_image.py`) and `control.safetensors`, `shifters.safetensors`,
`switcher.safetensors` and `adapters.safetensors`, as far as its config has them.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Literal

import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from data_specs.conventions import DOMAINS
from data_specs.params import explain
from data_specs.strict import Strict
from models.diffusion.backbone import ForwardPlan
from models.diffusion.folder_config import CONFIG_NAME, read_config
from models.diffusion.latents import factor
from models.diffusion.text_to_image import TextToImage, load_text_to_image, save_text_to_image
from models.outline import outlining
from models.realiz3d.baseline_adapters import AdapterConfig, LinearAdapters
from models.realiz3d.conditioning import MAP_NAMES, Condition, ControlKind, MapControl, ViewpointControl, spread_over_tiles
from models.realiz3d.domains import Domains
from models.realiz3d.grid import COLUMNS, ROWS, VIEWS, to_grid
from models.realiz3d.shifter import HIGHEST_RANK, RANK, DomainShifters
from models.realiz3d.switcher import DomainSwitcher

SHIFTERS_NAME = "shifters.safetensors"
SWITCHER_NAME = "switcher.safetensors"
ADAPTERS_NAME = "adapters.safetensors"
CONTROL_NAME = "control.safetensors"
DOMAIN_FILES = (SHIFTERS_NAME, SWITCHER_NAME)


class Realiz3DConfig(Strict):
    """What Realiz3D adds to its base."""

    domains: tuple[str, ...] = Field(DOMAINS, min_length=2, description="named visual domains, `synthetic` and `real` among them")
    domain_input: Literal["shifters", "switcher", "none"] = Field(
        "shifters", description="shifters: Realiz3D; switcher: a domain vector joined to the timestep embedding; none: the network knows no domain"
    )
    rank: int = Field(RANK, gt=0, le=HIGHEST_RANK, description="rank of the Domain Shifters (SPEC R3)")
    adapter: AdapterConfig | None = Field(None, description="LoRA or linear adapters (SPEC R11)")
    control: ControlKind = Field("maps", description="maps: normals and positions (texturing); viewpoint: cameras (text-to-multiview)")
    views: Literal["together", "apart"] = Field(
        "together", description="together: the four views of an object; apart: it makes four single pictures, without control (appendix A.2)"
    )
    positions: Literal["grid", "tile"] = Field(
        "tile",
        description="grid: position embedding of one picture of 2 x 2 views; tile: each view has that of a single picture, as its base knows it",
    )


class Realiz3D(nn.Module):
    """Base, shifters and control in one object.

    Letters: B grids, C latent channels, h w latent sides of a view, N blocks.
    """

    def __init__(self, base: TextToImage, config: Realiz3DConfig) -> None:
        """Random shifters that do nothing yet. Raises ValueError when `synthetic` or `real` is not among the domains."""
        super().__init__()
        missing = set(DOMAINS) - set(config.domains)
        if missing:
            raise ValueError(f"domains {config.domains} lack {', '.join(sorted(missing))}")
        backbone = base.backbone
        self.base, self.config = base, config
        self.shifters: Domains = (
            DomainShifters(backbone.blocks, backbone.width, config.domains, config.rank)
            if config.domain_input == "shifters"
            else Domains(backbone.blocks, config.domains)
        )
        self.switcher = DomainSwitcher(backbone.width, len(config.domains)) if config.domain_input == "switcher" else None
        self.control: MapControl | ViewpointControl = (
            MapControl(backbone.channels, backbone.width, backbone.patch) if config.control == "maps" else ViewpointControl(backbone.width)
        )
        self.adapters: LinearAdapters | None = None
        self.add_adapters(config.adapter)

    def add_adapters(self, adapter: AdapterConfig | None) -> None:
        """Let the network have these adapters, which do nothing yet. Raises ValueError when it has some already."""
        if self.adapter_parameters():
            raise ValueError("the network has adapters already")
        backbone = self.base.backbone
        self.config = self.config.model_copy(update={"adapter": adapter})
        if adapter is not None and adapter.kind == "linear":
            self.adapters = LinearAdapters(backbone.blocks, backbone.width, adapter.rank)
        elif adapter is not None:
            _lora().add_lora(backbone.transformer, adapter.rank)

    def adapter_parameters(self) -> dict[str, nn.Parameter]:
        """The weights of the adapters by name; none without adapters."""
        if self.adapters is not None:
            return dict(self.adapters.named_parameters())
        return {name: weight for name, weight in self.base.backbone.named_parameters() if ".lora_" in name}

    def domain_parameters(self) -> list[nn.Parameter]:
        """The weights of the shifters or the switcher."""
        return [*self.shifters.parameters(), *(self.switcher.parameters() if self.switcher is not None else [])]

    @contextmanager
    def without_adapters(self) -> Iterator[None]:
        """Let the network do without its adapters for the length of a `with` block."""
        adapters, self.adapters = self.adapters, None
        try:
            with _lora().without_lora(self.base.backbone.transformer) if self._has_lora else nullcontext():
                yield
        finally:
            self.adapters = adapters

    def remove_adapters(self) -> None:
        """Take the adapters out for good."""
        if self._has_lora:
            _lora().remove_lora(self.base.backbone.transformer)
        self.adapters = None
        self.config = self.config.model_copy(update={"adapter": None})

    def merge_lora(self) -> None:
        """Add the LoRA adapters to the weights they adapt: the same model, at the cost of its base. Raises ValueError without LoRA."""
        if not self._has_lora:
            raise ValueError("the network has no LoRA adapters to merge")
        _lora().merge_lora(self.base.backbone.transformer)
        self.config = self.config.model_copy(update={"adapter": None})

    @property
    def _has_lora(self) -> bool:
        return self.config.adapter is not None and self.config.adapter.kind == "lora"

    @property
    def blocks(self) -> int:
        """Blocks of the transformer."""
        return self.base.backbone.blocks

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.base.device

    def forward(self, latents: Tensor, timesteps: Tensor, condition: Condition) -> Tensor:
        """Predict the noise, or what else the base was trained to predict, of a grid of views.

        latents: (B, C, 2 h, 2 w). timesteps: (B,) int64 in 0..999. Returns (B, C, 2 h, 2 w).
        """
        backbone = self.base.backbone
        tokens = latents.shape[-2] * latents.shape[-1] // backbone.patch**2
        with torch.set_grad_enabled(torch.is_grad_enabled() and condition.frozen_blocks == 0):
            added = None if condition.control is None else spread_over_tiles(self.control(condition.control), tokens)
        plan = ForwardPlan(
            rows=ROWS,
            columns=COLUMNS,
            separate=not condition.multiview,
            positions=self._tile_positions(latents) if self.config.positions == "tile" else None,
            added=added,
            before_block=self._before_block(condition.domains),
            added_time=None if self.switcher is None else self.switcher(condition.domains),
            frozen_blocks=condition.frozen_blocks,
        )
        return backbone(latents, timesteps, condition.prompts, plan)

    def encode_views(self, views: Tensor) -> Tensor:
        """Pictures (B, 4, 3, H, W) in [-1, 1] -> latent grid (B, C, 2 h, 2 w), each view encoded by itself; without gradient."""
        latents = self.base.encode(views.flatten(0, 1))
        return to_grid(latents.unflatten(0, (-1, VIEWS)))

    def encode_control(self, control: Tensor) -> Tensor:
        """B results of `control_from_views` -> what `Condition.control` holds; without gradient.

        control: (B, 4, 6, H, W) maps -> (B, 2 C, 2 h, 2 w) latents by the same VAE; (B, 4, 3) viewpoints stay as they are.
        """
        if self.config.control == "viewpoint":
            return control
        return torch.cat([self.encode_views(maps) for maps in control.split(control.shape[2] // len(MAP_NAMES), dim=2)], dim=1)

    def latent_shape(self, control: Tensor | None) -> tuple[int, int, int]:
        """(C, 2 h, 2 w) of what is generated: as large as the control maps, else as the pictures of the base."""
        side = self.base.backbone.side
        height = width = side * ROWS if self.config.positions == "tile" else side
        if control is not None and self.config.control == "maps":
            height, width = (ROWS * size // factor(self.base.vae) for size in control.shape[-2:])
        return self.base.backbone.channels, height, width

    @property
    def layers(self) -> list[nn.Module]:
        """What is large and called one after the other: FSDP gathers them one at a time."""
        return self.base.layers

    def enable_gradient_checkpointing(self) -> None:
        """Recompute blocks in the backward pass instead of keeping their activations."""
        self.base.enable_gradient_checkpointing()

    def _before_block(self, domains_BN: Tensor) -> Callable[[int, Tensor], Tensor]:
        shifts = self.shifters(domains_BN) if isinstance(self.shifters, DomainShifters) else None

        def enter(index: int, tokens: Tensor) -> Tensor:
            adapted = tokens if self.adapters is None else self.adapters(index, tokens)
            return adapted if shifts is None else adapted + shifts[index]

        return enter

    def _tile_positions(self, latents: Tensor) -> Tensor:
        backbone = self.base.backbone
        height, width = (side // backbone.patch for side in latents.shape[-2:])
        return backbone.positions(height // ROWS, width // COLUMNS).repeat(VIEWS, 1)


def save_model(model: Realiz3D, folder: Path) -> None:
    """Write the whole model; shifters (or switcher) and adapters are small files of their own. The former name their domains."""
    with model.without_adapters():
        save_text_to_image(model.base, folder, realiz3d=model.config.model_dump(mode="json"))
    domains = {"domains": json.dumps(model.shifters.domains)}
    for name, part in _parts(model).items():
        if part and not outlining():
            save_file({key: weight.contiguous() for key, weight in part.items()}, folder / name, domains if name in DOMAIN_FILES else None)


def load_model(folder: Path, lazy_text: bool = False) -> Realiz3D:
    """Read what `save_model` wrote, on the CPU, ready to sample. Raises ValueError naming the file that is missing or wrong.

    lazy_text: as `load_text_to_image` has it.
    """
    described = (read_config(folder).model_extra or {}).get("realiz3d")
    if described is None:
        raise ValueError(f"{folder} holds a base model, not Realiz3D: train realiz3d_stage1 first")
    try:
        config = Realiz3DConfig.model_validate(described)
    except ValidationError as error:
        raise ValueError(f"{folder / CONFIG_NAME} does not describe Realiz3D:\n  {explain(error)}") from None
    model = Realiz3D(load_text_to_image(folder, lazy_text), config)
    for name, part in _parts(model).items():
        if part and not outlining():
            if name in DOMAIN_FILES:
                _check_domains(model, folder / name)
            _load(part, folder / name)
    return model.eval()


def _parts(model: Realiz3D) -> dict[str, dict[str, Tensor]]:
    """Everything beside the base: file name -> its tensors, none where the model lacks the part."""
    return {
        SHIFTERS_NAME: model.shifters.state_dict(),
        SWITCHER_NAME: {} if model.switcher is None else model.switcher.state_dict(),
        ADAPTERS_NAME: {name: weight.detach() for name, weight in model.adapter_parameters().items()},
        CONTROL_NAME: model.control.state_dict(),
    }


def _check_domains(model: Realiz3D, path: Path) -> None:
    try:
        with safe_open(path, framework="pt") as file:
            domains = tuple(json.loads((file.metadata() or {}).get("domains", "[]")))
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{path} cannot be read ({error})") from None
    if domains != model.shifters.domains:
        raise ValueError(f"{path} holds {path.stem} of the domains {domains}, the model has {model.shifters.domains}")


def _load(part: dict[str, Tensor], path: Path) -> None:
    """Copy the tensors of a file into those of a part, in place."""
    try:
        read = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{path} cannot be read ({error}): train its run again") from None
    wrong = sorted(set(read) ^ set(part)) or [name for name, weight in read.items() if weight.shape != part[name].shape]
    if wrong:
        raise ValueError(f"{path} does not fit the model: {wrong[0]!r} differs")
    for name, weight in read.items():
        part[name].copy_(weight)


def _lora() -> ModuleType:
    from models.diffusion import lora  # here, as peft takes seconds to import and most models need none of it

    return lora
