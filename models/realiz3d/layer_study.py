"""The layer-selective study (SPEC R12, appendix A.2): early blocks learn from synthetic pictures, late blocks from real ones, without control."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call

from models.diffusion.features import reading
from models.diffusion.samples import RGB_MEMBERS
from models.realiz3d.baselines import PlainNetwork
from models.realiz3d.binding import UNBOUND, Binding
from models.realiz3d.conditioning import Condition
from models.realiz3d.network import Realiz3D
from models.realiz3d.recipe import FirstConfig, Training, backbone_alone, domain_rows, from_base
from models.recipe import Batch, Source, StepRandom


class SingleNetwork(PlainNetwork):
    """A network that knows neither domains nor views of one object."""

    views: Literal["apart"] = "apart"


class LayersConfig(FirstConfig):
    """Settings of realiz3d_layers."""

    network: SingleNetwork = SingleNetwork.model_validate({})
    selective: bool = Field(True, description="false: all blocks learn from synthetic pictures alone, what the study compares with")
    early_share: float = Field(0.5, gt=0, lt=1, description="the first blocks that learn from synthetic pictures, as a share of all")


@dataclass(frozen=True)
class LayersRecipe(Training):
    """Each half of the blocks is trained by one domain while the other half passes gradients on but stays as it is for that domain."""

    name: ClassVar[str] = "realiz3d_layers"
    Config: ClassVar[type[LayersConfig]] = LayersConfig
    config: LayersConfig

    @property
    def sources(self) -> tuple[Source, ...]:
        """Both domains in equal parts, or synthetic pictures only."""
        if not self.config.selective:
            return reading((Source("render", 1.0, RGB_MEMBERS),), self.config.inputs)
        return super().sources

    def build(self, parents: dict[str, Path]) -> Realiz3D:
        """The base, whose transformer trains. Raises ValueError when there is no base."""
        return backbone_alone(from_base(self.config, parents, self.name))

    def picture(self, network: nn.Module, batch: Batch, rng: StepRandom) -> np.ndarray:
        """A row of four pictures for each caption."""
        return domain_rows(network, batch, rng, self._settings(), ("real",))

    def _binding(self, network: Realiz3D, rng: StepRandom) -> Binding:
        return Binding(self._early(network), 0) if self.config.selective else UNBOUND

    def _predict(self, network: Realiz3D, noisy: Tensor, timesteps: Tensor, condition: Condition) -> Tensor:
        synthetic = condition.frozen_blocks == 0
        if not (synthetic and self.config.selective):
            return network(noisy, timesteps, condition)
        backbone = network.base.backbone
        if backbone.gradient_checkpointing and torch.is_grad_enabled():
            raise ValueError("realiz3d_layers cannot recompute blocks whose weights it holds still: set gradient_checkpointing to false")
        late = {id(weight) for weight in backbone.late_parameters(self._early(network))}
        held = {name: weight.detach() for name, weight in network.named_parameters() if id(weight) in late}
        return functional_call(network, held, (noisy, timesteps, condition))

    def _early(self, network: Realiz3D) -> int:
        return max(1, int(self.config.early_share * network.blocks))
