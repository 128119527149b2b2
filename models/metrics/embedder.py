"""What the metrics need of an embedder of pictures, the small ones there are, and what is measured with which is called."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from data_specs.ids import sha256_bytes
from models.metrics.random_features import RandomFeatures
from models.micro.embedder import load_embedder

SmallEmbedder = Literal["random", "micro"]
EmbedderName = Literal[SmallEmbedder, "published"]


@dataclass(frozen=True)
class Naming:
    """Under which names is published what an embedder sees. features, pairs, text: what its three measures are made with, in words."""

    suffix: str
    features: str
    pairs: str
    text: str

    def metric(self, name: str, against: str = "") -> str:
        """Name of a metric (fid, kid, lpips, clip), and of the set it is a distance to: `fid@micro:base`, of published networks `fid:base`."""
        return f"{name}{self.suffix}" + (f":{against}" if against else "")

    @property
    def comparable(self) -> bool:
        """Whether the metrics are what papers call so."""
        return not self.suffix


SMALL = "@micro"
NAMINGS: dict[EmbedderName, Naming] = {
    "random": Naming(SMALL, "random-conv@micro features", "the layers of random-conv@micro", "random-conv@micro"),
    "micro": Naming(SMALL, "image-text@micro features", "the layers of image-text@micro", "image-text@micro"),
    "published": Naming("", "Inception-v3 features", "LPIPS (AlexNet)", "CLIP"),
}


def plain_metric(name: str) -> str:
    """The name of a metric whatever the embedder: `fid:base` of `fid@micro:base`."""
    return name.replace(SMALL, "")


MICRO_FOLDER = Path(__file__).parents[1] / "micro" / "weights" / "embedder"


class PictureEmbedder(Protocol):
    """Sees pictures (N, H, W, 3) uint8, sRGB, background composited."""

    def features(self, pictures: np.ndarray) -> np.ndarray:
        """(N, D) float: one vector a picture, for distances between sets (fid, kid)."""
        ...


@runtime_checkable
class LayerEmbedder(PictureEmbedder, Protocol):
    """A small one, whose layers are compared without weights."""

    def layers(self, pictures: np.ndarray) -> list[np.ndarray]:
        """(N, C_k, H_k, W_k) float of every layer k, for a distance between two pictures (lpips@micro)."""
        ...


@runtime_checkable
class PairEmbedder(PictureEmbedder, Protocol):
    """Has a distance between two pictures of its own (lpips)."""

    def pair_distance(self, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        """(N,) float: how different the pictures (N, H, W, 3) uint8 of each pair look."""
        ...


@runtime_checkable
class TextPictureEmbedder(PictureEmbedder, Protocol):
    """Also puts pictures and texts into one space (clip)."""

    def pictures(self, pictures: np.ndarray) -> np.ndarray:
        """(N, D) float, unit vectors."""
        ...

    def texts(self, texts: list[str]) -> np.ndarray:
        """(N, D) float, unit vectors of N texts."""
        ...


def open_embedder(name: SmallEmbedder, folder: Path = MICRO_FOLDER) -> LayerEmbedder:
    """The small embedder of a name; folder: of the micro embedder's weights. Raises ValueError saying what is missing."""
    if name == "random":
        return RandomFeatures()
    try:
        return load_embedder(folder)
    except ValueError as error:
        raise ValueError(f"the micro embedder cannot be used ({error}): set evaluate.embedder=random, or put its weights into {folder}") from None


def embedder_digest(name: SmallEmbedder, folder: Path = MICRO_FOLDER) -> str:
    """What tells one state of an embedder from another: the sha256 of its weights, "" where there are none."""
    return "".join(sha256_bytes(path.read_bytes()) for path in sorted(folder.glob("*.safetensors"))) if name == "micro" else ""


def prompt_match(embedder: TextPictureEmbedder, pictures: np.ndarray, text: str) -> float:
    """Mean cosine between pictures (N, H, W, 3) uint8 and the text they were made for: CLIP score without its factor of 100 (Hessel et al. 2021)."""
    return float((embedder.pictures(pictures) @ embedder.texts([text])[0]).mean())
