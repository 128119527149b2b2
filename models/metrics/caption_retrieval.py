"""Whether pictures follow their prompts: can an embedder find the caption that a picture was made for among all captions?"""

from collections.abc import Sequence

import numpy as np

from models.metrics.embedder import TextPictureEmbedder


def caption_retrieval(embedder: TextPictureEmbedder, pictures: np.ndarray, captions: Sequence[str]) -> tuple[float, float]:
    """Share of pictures whose own caption is the nearest of all, and what guessing would give.

    pictures: (N, H, W, 3) uint8, picture i made for caption i. Equal captions count as one: among K different
    captions, guessing is right one time in K. Raises ValueError when they differ in number or all captions are the same.
    """
    if len(pictures) != len(captions):
        raise ValueError(f"{len(pictures)} pictures for {len(captions)} captions")
    different = list(dict.fromkeys(captions))
    if len(different) < 2:
        raise ValueError("retrieval needs two different captions")
    own = np.array([different.index(caption) for caption in captions])
    nearest = (embedder.pictures(pictures) @ embedder.texts(different).T).argmax(axis=1)
    return float((nearest == own).mean()), 1.0 / len(different)
