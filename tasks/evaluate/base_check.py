"""Is a base model worth building on? Its samples for held-out captions: do they follow the captions, and do they look like photographs?"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from data_specs.ids import seed_from
from data_specs.params import Params
from models.diffusion.picture_sampling import photographic_prompt, sample_pictures
from models.diffusion.pictures import sheet
from models.diffusion.text_to_image import TextToImage, load_text_to_image
from models.image_codec import encode_png
from models.metrics.caption_retrieval import caption_retrieval
from models.metrics.distribution import frechet_distance, kernel_distance
from models.metrics.embedder import TextPictureEmbedder, open_embedder
from tasks.artefacts import Workspace, write_atomic
from tasks.evaluate.subjects import Subjects
from tasks.progress import Progress

AT_ONCE = 16
SHOWN = 12
RECORD, SHEET = "base_check.json", "base_check.png"


def check_base(workspace: Workspace, params: Params, folder: Path) -> Path:
    """Sample one picture for the caption of every held-out asset and measure; returns the path of `base_check.json`, its sheet beside it.

    The embedder is `micro:embedder`. Raises ValueError when data or a model is missing.
    """
    embedder: Any = open_embedder("micro")
    base, data = load_text_to_image(folder).eval(), Subjects(workspace)
    subjects = [data.read(key) for key in data.keys(params.evaluate.split, params.evaluate.max_assets)]
    captions = [subject.record.caption for subject in subjects]
    photographs = np.concatenate([subject.photographs for subject in subjects])
    renders = np.concatenate([subject.true_views() for subject in subjects])
    with Progress(workspace, "evaluate-base", len(captions)) as progress:
        parts = []
        for start in range(0, len(captions), AT_ONCE):
            parts.append(_sample(base, captions[start : start + AT_ONCE], start, params))
            progress.advance(len(parts[-1]))
    record = {"base": folder.name, "captions": len(captions), **measure_base(embedder, np.concatenate(parts), captions, photographs, renders)}
    rows = [np.concatenate(parts)[:SHOWN], np.stack([subject.photographs[0] for subject in subjects[:SHOWN]])]
    target = workspace.folder("evaluate")
    write_atomic(target / SHEET, encode_png(sheet(rows)))
    write_atomic(target / RECORD, (json.dumps(record, indent=1, sort_keys=True) + "\n").encode())
    return target / RECORD


def measure_base(
    embedder: TextPictureEmbedder, samples: np.ndarray, captions: list[str], photographs: np.ndarray, renders: np.ndarray
) -> dict[str, float]:
    """Retrieval of the captions from samples (N, H, W, 3) uint8, and distances to photographs and renders, of which as many are taken of both."""
    retrieval, chance = caption_retrieval(embedder, samples, captions)
    count = min(len(photographs), len(renders))
    features = {"photographs": embedder.features(photographs[:count]), "renders": embedder.features(renders[:count])}
    ours = embedder.features(samples)
    return {
        "retrieval": retrieval,
        "chance": chance,
        **{f"fid@micro:{name}": frechet_distance(ours, theirs) for name, theirs in features.items()},
        **{f"kid@micro:{name}": kernel_distance(ours, theirs) for name, theirs in features.items()},
    }


def describe(path: Path) -> str:
    """The record in a few lines."""
    record = json.loads(path.read_bytes())
    nearer = "photographs" if record["fid@micro:photographs"] < record["fid@micro:renders"] else "renders"
    return "\n".join(
        [
            f"base {record['base']}: {record['captions']} held-out captions",
            f"  caption found among all   {record['retrieval']:.1%} (chance {record['chance']:.1%})",
            *(f"  {name:<26}{record[name]:.3f}" for name in sorted(record) if "@" in name),
            f"  nearer to {nearer}",
        ]
    )


def _sample(base: TextToImage, captions: list[str], first: int, params: Params) -> np.ndarray:
    streams = [np.random.default_rng(seed_from("base check", first + place)) for place in range(len(captions))]
    settings = params.evaluate
    return sample_pictures(base, [photographic_prompt(caption) for caption in captions], settings.sampling_steps, settings.base_guidance, streams)
