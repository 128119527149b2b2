"""The trained baselines of Realiz3D (SPEC R11): the same base, data, control and loss, other ways to keep synthetic looks out.

Domain Switcher in two stages is `realiz3d_stage1` and `realiz3d_stage2` with another `domain_input`; SDEdit trains nothing (`sdedit.py`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from torch import nn

from models.diffusion.features import reading
from models.diffusion.samples import RGB_MEMBERS
from models.realiz3d.baseline_adapters import AdapterConfig
from models.realiz3d.conditioning import ControlKind
from models.realiz3d.network import Realiz3D, Realiz3DConfig
from models.realiz3d.recipe import ControlConfig, ControlTraining, FirstConfig, Training, domain_rows, from_base, load_controlled
from models.recipe import Batch, Source, StepRandom


class PlainNetwork(Realiz3DConfig):
    """A network that knows no domain."""

    domain_input: Literal["none"] = "none"
    adapter: None = None


class AdaptedNetwork(Realiz3DConfig):
    """A network with adapters that knows no domain."""

    domain_input: Literal["none"] = "none"
    adapter: AdapterConfig = AdapterConfig.model_validate({})


class DomainNetwork(Realiz3DConfig):
    """A network that knows domains, without adapters."""

    domain_input: Literal["shifters", "switcher"] = "shifters"
    adapter: None = None


class FullConfig(ControlConfig, FirstConfig):
    """Settings of full tuning."""

    network: PlainNetwork = PlainNetwork.model_validate({})


class LightConfig(ControlConfig, FirstConfig):
    """Settings of light tuning."""

    network: AdaptedNetwork = AdaptedNetwork.model_validate({})


class JointConfig(ControlConfig, FirstConfig):
    """Settings of training domain and control at once."""

    network: DomainNetwork = DomainNetwork.model_validate({})
    real_share: float = Field(0.5, gt=0, lt=1, description="share of real samples in every batch: without them a domain is not learned")


class FitConfig(FirstConfig):
    """Settings of fitting adapters to the synthetic domain."""

    network: AdaptedNetwork = AdaptedNetwork.model_validate({})


class RemovedConfig(ControlConfig):
    """Settings of training beside frozen adapters."""

    control: ControlKind = Field("maps", description="the control of the parent: maps or viewpoint")


@dataclass(frozen=True)
class _FromBase(ControlTraining):
    """Control is trained from the base in one run."""

    config: FullConfig | LightConfig | JointConfig

    @property
    def control(self) -> ControlKind:
        """That of the network."""
        return self.config.network.control


@dataclass(frozen=True)
class FullRecipe(_FromBase):
    """All weights train, on synthetic samples only, or with real ones evenly (`real_share: 0.5`)."""

    name: ClassVar[str] = "realiz3d_full"
    Config: ClassVar[type[FullConfig]] = FullConfig
    config: FullConfig

    def build(self, parents: dict[str, Path]) -> Realiz3D:
        """The base with a control; backbone and control train. Raises ValueError when there is no base."""
        return _train(from_base(self.config, parents, self.name))


@dataclass(frozen=True)
class LightRecipe(_FromBase):
    """LoRA or linear adapters train, and with them the control, which would be nothing without; the base is frozen."""

    name: ClassVar[str] = "realiz3d_light"
    Config: ClassVar[type[LightConfig]] = LightConfig
    config: LightConfig

    def build(self, parents: dict[str, Path]) -> Realiz3D:
        """The base with adapters and a control, which train. Raises ValueError when there is no base."""
        network = _only_adapters(from_base(self.config, parents, self.name))
        network.control.requires_grad_(True)
        return network


@dataclass(frozen=True)
class JointRecipe(_FromBase):
    """Domain Shifters (row 1 of table 2) or Domain Switcher train together with backbone and control, in one stage."""

    name: ClassVar[str] = "realiz3d_joint"
    Config: ClassVar[type[JointConfig]] = JointConfig
    config: JointConfig

    def build(self, parents: dict[str, Path]) -> Realiz3D:
        """The base with a control and shifters or switcher; everything trains. Raises ValueError when there is no base."""
        network = _train(from_base(self.config, parents, self.name))
        for weight in network.domain_parameters():
            weight.requires_grad_(True)
        return network


@dataclass(frozen=True)
class FitRecipe(Training):
    """First stage of Domain Adapter and Spatial Adapter: adapters learn the synthetic domain from single pictures, null control."""

    name: ClassVar[str] = "realiz3d_adapter"
    Config: ClassVar[type[FitConfig]] = FitConfig
    config: FitConfig

    @property
    def sources(self) -> tuple[Source, ...]:
        """Synthetic samples only."""
        return reading((Source("render", 1.0, RGB_MEMBERS),), self.config.inputs)

    def build(self, parents: dict[str, Path]) -> Realiz3D:
        """The base with adapters, which train. Raises ValueError when there is no base."""
        return _only_adapters(from_base(self.config, parents, self.name))

    def picture(self, network: nn.Module, batch: Batch, rng: StepRandom) -> np.ndarray:
        """A row of pictures for each caption, left with the adapters and right without, from the same noise."""
        assert isinstance(network, Realiz3D)
        with_adapters = domain_rows(network, batch, rng, self._settings(), ("synthetic",))
        with network.without_adapters():
            return np.concatenate([with_adapters, domain_rows(network, batch, rng, self._settings(), ("synthetic",))], axis=1)


@dataclass(frozen=True)
class RemovedRecipe(ControlTraining):
    """Second stage of Domain Adapter and Spatial Adapter: the model trains beside its frozen adapters, which are taken out at inference."""

    name: ClassVar[str] = "realiz3d_adapted"
    Config: ClassVar[type[RemovedConfig]] = RemovedConfig
    config: RemovedConfig

    @property
    def control(self) -> ControlKind:
        """As the parent was made for."""
        return self.config.control

    def build(self, parents: dict[str, Path]) -> Realiz3D:
        """The parent with its adapters frozen. Raises ValueError when the role "adapted" is missing, without adapters or of another control."""
        if "adapted" not in parents:
            raise ValueError(f"recipe {self.name} needs a parent in the role 'adapted': a run of realiz3d_adapter")
        network = load_controlled(parents["adapted"], self.control, self.name, self.config.inputs)
        if network.config.adapter is None:
            raise ValueError(f"{parents['adapted']} has no adapters: the parent of {self.name} is a run of realiz3d_adapter")
        removed = network.config.adapter.model_copy(update={"removed": True})
        network.config = network.config.model_copy(update={"adapter": removed})
        return _train(network)

    def picture(self, network: nn.Module, batch: Batch, rng: StepRandom) -> np.ndarray:
        """As at inference: without the adapters."""
        assert isinstance(network, Realiz3D)
        with network.without_adapters():
            return super().picture(network, batch, rng)


def _train(network: Realiz3D) -> Realiz3D:
    """Backbone and control train; adapters and whatever knows of domains do not."""
    network.requires_grad_(False)
    network.base.backbone.requires_grad_(True)
    network.control.requires_grad_(True)
    for weight in network.adapter_parameters().values():
        weight.requires_grad_(False)
    return network


def _only_adapters(network: Realiz3D) -> Realiz3D:
    network.requires_grad_(False)
    for weight in network.adapter_parameters().values():
        weight.requires_grad_(True)
    return network
