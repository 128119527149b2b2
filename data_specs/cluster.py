"""A cluster to plan for, the kinds of GPU there are, and the measured rates of the stages that need none."""

from pathlib import Path

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from data_specs.strict import Strict

CATALOGUE = Path(__file__).parent / "catalogue"


class Gpu(Strict):
    """memory_gb: 1e9 bytes. bf16_teraflops, fp32_teraflops: peak of dense matrix products, 1e12 operations per second."""

    memory_gb: float = Field(gt=0)
    bf16_teraflops: float = Field(gt=0)
    fp32_teraflops: float = Field(gt=0)
    source: str


class GpuCatalogue(Strict):
    """utilisation: share of the peak that is assumed to be reached. cores_per_gpu: assumed where a cluster does not say."""

    gpus: dict[str, Gpu]
    utilisation: float = Field(gt=0, le=1)
    cores_per_gpu: int = Field(gt=0)


class Component(Strict):
    """What one model takes for one picture, and who says so. start_s: of the GPU each time its program starts. memory_gb: on its GPU, 1e9 bytes."""

    core_s: float = Field(0, ge=0)
    gpu_s: float = Field(0, ge=0)
    start_s: float = Field(0, ge=0)
    memory_gb: float = Field(0, ge=0)
    source: str


class Rates(Strict):
    """What stages without GPU were measured to take: core-seconds per asset, per million pixels of pictures, bytes stored of them.

    align_core_s: what one picture takes beside its models and renders: geometry and filters.
    """

    assets_core_s: float = Field(gt=0)
    assets_bytes: float = Field(gt=0)
    render_core_s_per_megapixel: float = Field(gt=0)
    render_bytes_per_megapixel: float = Field(gt=0)
    environment_core_s_per_megapixel: float = Field(gt=0)
    picture_bytes_per_megapixel: float = Field(gt=0)
    align_core_s: float = Field(gt=0)
    align_bytes_per_megapixel: float = Field(gt=0)


class Cluster(Strict):
    """nodes: machines. gpus, cores: of each. gpu: kind, a name in `catalogue/gpus.yaml`."""

    nodes: int = Field(1, gt=0)
    gpus: int = Field(gt=0)
    gpu: str
    cores: int = Field(0, ge=0)

    @property
    def all_gpus(self) -> int:
        """GPUs of all nodes."""
        return self.nodes * self.gpus

    @property
    def all_cores(self) -> int:
        """Cores of all nodes."""
        return self.nodes * (self.cores or self.gpus * gpu_catalogue().cores_per_gpu)


def parse_cluster(text: str) -> Cluster:
    """Read `nodes=8,gpus=8,gpu=h100[,cores=96]`. Raises ValueError naming what is wrong and the kinds of GPU there are."""
    pairs = [part.partition("=") for part in text.split(",")]
    try:
        cluster = Cluster.model_validate({name.strip(): value.strip() for name, _, value in pairs})
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"cluster {text!r}: {'.'.join(map(str, first['loc']))}: {first['msg']}; it looks like nodes=8,gpus=8,gpu=h100") from None
    kinds = gpu_catalogue().gpus
    if cluster.gpu not in kinds:
        raise ValueError(f"cluster {text!r}: no GPU {cluster.gpu!r} in data_specs/catalogue/gpus.yaml: there are {', '.join(kinds)}")
    return cluster


def gpu_catalogue() -> GpuCatalogue:
    """The kinds of GPU and what is assumed of them."""
    return GpuCatalogue.model_validate(yaml.safe_load((CATALOGUE / "gpus.yaml").read_text()))


def component_catalogue() -> dict[str, dict[str, Component]]:
    """Role of the stage `align` -> kind -> what one picture takes."""
    return TypeAdapter(dict[str, dict[str, Component]]).validate_python(yaml.safe_load((CATALOGUE / "perception.yaml").read_text()))


def measured_rates() -> Rates:
    """The rates of the stages without GPU."""
    return Rates.model_validate(yaml.safe_load((CATALOGUE / "rates.yaml").read_text()))
