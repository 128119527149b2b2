"""Caption retrieval with an embedder whose answers are known."""

from collections.abc import Sequence

import numpy as np
import pytest

from models.metrics.caption_retrieval import caption_retrieval

CAPTIONS = ["red", "green", "blue"]


class Colours:
    """Sees the colour of the first pixel; texts are colours."""

    def pictures(self, pictures: np.ndarray) -> np.ndarray:
        return pictures[:, 0, 0].astype(float)

    def texts(self, texts: list[str]) -> np.ndarray:
        return np.eye(3)[[CAPTIONS.index(text) for text in texts]]

    def features(self, pictures: np.ndarray) -> np.ndarray:
        return self.pictures(pictures)

    def layers(self, pictures: np.ndarray) -> list[np.ndarray]:
        return []


def coloured(names: Sequence[str]) -> np.ndarray:
    return np.stack([np.full((4, 4, 3), 255 * np.eye(3)[CAPTIONS.index(name)], np.uint8) for name in names])


def test_share_of_pictures_that_find_their_caption() -> None:
    asked = ["red", "green", "blue", "red"]
    assert caption_retrieval(Colours(), coloured(asked), asked) == (1.0, pytest.approx(1 / 3))
    assert caption_retrieval(Colours(), coloured(["red", "blue", "blue", "green"]), asked)[0] == 0.5


def test_refuses_what_cannot_be_measured() -> None:
    with pytest.raises(ValueError, match="two different"):
        caption_retrieval(Colours(), coloured(["red"]), ["red"])
    with pytest.raises(ValueError, match="1 pictures for 2 captions"):
        caption_retrieval(Colours(), coloured(["red"]), ["red", "blue"])
