"""What the metrics need of an embedder of pictures, and the two there are."""

from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from data_specs.ids import sha256_bytes
from models.metrics.random_features import RandomFeatures
from models.micro.embedder import load_embedder

EmbedderName = Literal["random", "micro"]
TITLES: dict[EmbedderName, str] = {"random": "random-conv@micro", "micro": "image-text@micro"}
"""Under which name what they see is published."""

MICRO_FOLDER = Path(__file__).parents[1] / "micro" / "weights" / "embedder"


class PictureEmbedder(Protocol):
    """Sees pictures (N, H, W, 3) uint8, sRGB, background composited."""

    def features(self, pictures: np.ndarray) -> np.ndarray:
        """(N, D) float: one vector a picture, for distances between sets (fid@micro, kid@micro)."""
        ...

    def layers(self, pictures: np.ndarray) -> list[np.ndarray]:
        """(N, C_k, H_k, W_k) float of every layer k, for a distance between two pictures (lpips@micro)."""
        ...


@runtime_checkable
class TextPictureEmbedder(PictureEmbedder, Protocol):
    """Also puts pictures and texts into one space (clip@micro)."""

    def pictures(self, pictures: np.ndarray) -> np.ndarray:
        """(N, D) float, unit vectors."""
        ...

    def texts(self, texts: list[str]) -> np.ndarray:
        """(N, D) float, unit vectors of N texts."""
        ...


def open_embedder(name: EmbedderName, folder: Path = MICRO_FOLDER) -> PictureEmbedder:
    """The embedder of a name; folder: of the micro embedder's weights. Raises ValueError saying what is missing."""
    if name == "random":
        return RandomFeatures()
    try:
        return load_embedder(folder)
    except ValueError as error:
        raise ValueError(f"the micro embedder cannot be used ({error}): set evaluate.embedder=random, or put its weights into {folder}") from None


def embedder_digest(name: EmbedderName, folder: Path = MICRO_FOLDER) -> str:
    """What tells one state of an embedder from another: the sha256 of its weights, "" where there are none."""
    return "".join(sha256_bytes(path.read_bytes()) for path in sorted(folder.glob("*.safetensors"))) if name == "micro" else ""


def prompt_match(embedder: TextPictureEmbedder, pictures: np.ndarray, text: str) -> float:
    """Mean cosine between pictures (N, H, W, 3) uint8 and the text they were made for: CLIP score without its factor of 100 (Hessel et al. 2021)."""
    return float((embedder.pictures(pictures) @ embedder.texts([text])[0]).mean())
