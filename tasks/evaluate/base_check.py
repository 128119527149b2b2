"""Is a base model worth building on? Its samples for held-out captions: do they follow the captions, and do they look like photographs?"""

import json
from pathlib import Path

import numpy as np

from data_specs.ids import seed_from
from data_specs.params import Params
from models.diffusion.picture_sampling import photographic_prompt, sample_pictures
from models.diffusion.pictures import sheet
from models.diffusion.text_to_image import TextToImage, load_text_to_image
from models.image_codec import encode_png
from models.metrics.caption_retrieval import caption_retrieval
from models.metrics.distribution import frechet_distance, kernel_distance
from models.metrics.embedder import TextPictureEmbedder, plain_metric
from tasks.artefacts import Workspace, write_atomic
from tasks.evaluate.embedding import OpenedEmbedder, open_chosen
from tasks.evaluate.photographs import open_photographs
from tasks.evaluate.subjects import Subjects
from tasks.progress import Progress

AT_ONCE = 16
SHOWN = 12
RECORD, SHEET = "base_check.json", "base_check.png"


def check_base(workspace: Workspace, params: Params, folder: Path) -> Path:
    """Sample one picture for the caption of every held-out asset and measure; returns the path of `base_check.json`, its sheet beside it.

    The embedder is that of the evaluation, or `micro:embedder` where that reads no text. Raises ValueError when data or a model is missing.
    """
    ours = params.evaluate
    chosen = open_chosen(workspace, ours if ours.embedder != "random" else ours.model_copy(update={"embedder": "micro"}))
    base, data = load_text_to_image(folder).eval(), Subjects(workspace)
    subjects = [data.read(key) for key in data.keys(ours.split, ours.max_assets)]
    captions = [subject.record.caption for subject in subjects]
    pictures = open_photographs(workspace, params, data, [subject.asset_id for subject in subjects]).of if subjects else {}
    if not pictures:
        raise ValueError(f"the {ours.split} split has no verified asset that a photograph shows: raise assets.count, or choose evaluate.split")
    photographs = np.concatenate(list(pictures.values()))
    renders = np.concatenate([subject.true_views() for subject in subjects])
    with Progress(workspace, "evaluate-base", len(captions)) as progress:
        parts = []
        for start in range(0, len(captions), AT_ONCE):
            parts.append(_sample(base, captions[start : start + AT_ONCE], start, params))
            progress.advance(len(parts[-1]))
    measured = measure_base(chosen, np.concatenate(parts), captions, {"photographs": photographs, "renders": renders})
    record = {"base": folder.name, "captions": len(captions), **measured}
    rows = [np.concatenate(parts)[:SHOWN], _first_photographs(pictures, [subject.asset_id for subject in subjects[:SHOWN]])]
    target = workspace.folder("evaluate")
    write_atomic(target / SHEET, encode_png(sheet(rows)))
    write_atomic(target / RECORD, (json.dumps(record, indent=1, sort_keys=True) + "\n").encode())
    return target / RECORD


def measure_base(chosen: OpenedEmbedder, samples: np.ndarray, captions: list[str], references: dict[str, np.ndarray]) -> dict[str, float]:
    """Retrieval of the captions from samples (N, H, W, 3) uint8, and distances to sets of pictures, of which as many are taken of each."""
    embedder, named = chosen.embedder, chosen.naming.metric
    assert isinstance(embedder, TextPictureEmbedder)
    retrieval, chance = caption_retrieval(embedder, samples, captions)
    count = min(map(len, references.values()))
    features = {name: embedder.features(pictures[:count]) for name, pictures in references.items()}
    ours = embedder.features(samples)
    return {
        "retrieval": retrieval,
        "chance": chance,
        **{named("fid", name): frechet_distance(ours, theirs) for name, theirs in features.items()},
        **{named("kid", name): kernel_distance(ours, theirs) for name, theirs in features.items()},
    }


def describe(path: Path) -> str:
    """The record in a few lines."""
    record = json.loads(path.read_bytes())
    plain = {plain_metric(name): value for name, value in record.items()}
    nearer = "photographs" if plain["fid:photographs"] < plain["fid:renders"] else "renders"
    return "\n".join(
        [
            f"base {record['base']}: {record['captions']} held-out captions",
            f"  caption found among all   {record['retrieval']:.1%} (chance {record['chance']:.1%})",
            *(f"  {name:<26}{record[name]:.3f}" for name in sorted(record) if ":" in name),
            f"  nearer to {nearer}",
        ]
    )


def _first_photographs(pictures: dict[str, np.ndarray], keys: list[str]) -> np.ndarray:
    """One of each asset, (N, H, W, 3) uint8; white where an asset has none."""
    nothing = np.full_like(next(iter(pictures.values()))[0], 255)
    return np.stack([pictures[key][0] if key in pictures else nothing for key in keys])


def _sample(base: TextToImage, captions: list[str], first: int, params: Params) -> np.ndarray:
    streams = [np.random.default_rng(seed_from("base check", first + place)) for place in range(len(captions))]
    settings = params.evaluate
    return sample_pictures(base, [photographic_prompt(caption) for caption in captions], settings.sampling_steps, settings.base_guidance, streams)
