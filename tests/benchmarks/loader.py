"""The loader: training batches from shards against a bare loop that reads the same tars and decodes the same members in their order.

The loader also shuffles and collates (`realiz3d_stage2`: pictures on white, controls, captions). The bare loop has as many threads and decodes with
OpenCV, as anybody would write it; a second one has this project's own decoder (`models/image_codec.py`), beside which shuffling and collating
show. Processor time counts, of all threads together, so that others on the machine matter little. All take turns and count with their best of five.
"""

import json
import re
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import torch

from data_specs.sample import Sample
from models.image_codec import decode_member
from models.recipe import Source
from models.registry import make_recipe
from tasks.kept_memory import keep_freed_memory
from tasks.shard_io import write_shard
from tasks.train.loader import Loader, ShardFile
from tests.tasks import fabricated

SHARDS, SAMPLES_PER_SHARD, BATCH, REPEATS, WANTED = 4, 12, 8, 5, 0.8
SIZES = (64, 256, 512)
THREADS = (1, 2)
Decode = Callable[[str, bytes], object]


def run() -> list[str]:
    """Measure and print; returns the printed rows."""
    keep_freed_memory()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    rows = [row for size_pixels in SIZES for row in _at(size_pixels)]
    print("\n".join(rows), flush=True)
    return rows


def _at(size_pixels: int) -> list[str]:
    recipe = make_recipe("realiz3d_stage2", {})
    with tempfile.TemporaryDirectory() as folder, patch.object(fabricated, "SIZE_PIXELS", size_pixels):
        data = {source.word: tuple(_shards(Path(folder), source.word)) for source in recipe.sources}
        loader = Loader(recipe, data, BATCH, seed=0)
        samples = len(recipe.sources) * SHARDS * SAMPLES_PER_SHARD
        steps = range(samples // BATCH)

        def load(threads: int) -> None:
            for _ in loader.stream(((step, 0) for step in steps), parts=1, threads=threads):
                pass

        ways: dict[tuple[str, int], Callable[[], None]] = {}
        for threads in THREADS:
            ways["OpenCV", threads] = lambda threads=threads: _bare(recipe.sources, data, threads, _opencv)  # type: ignore[misc]
            ways["ours", threads] = lambda threads=threads: _bare(recipe.sources, data, threads, decode_member)  # type: ignore[misc]
            ways["loader", threads] = lambda threads=threads: load(threads)  # type: ignore[misc]
        rates = {way: samples / seconds for way, seconds in _best(ways).items()}
    return [
        f"loader / bare loop, {size_pixels:3} px, {threads} threads  {rates['loader', threads] / rates['OpenCV', threads]:5.2f}"
        f"   (asked: {WANTED} at least)   {rates['loader', threads]:6.1f} / {rates['OpenCV', threads]:6.1f} samples per second of processor time;"
        f" with our decoder in the bare loop {rates['loader', threads] / rates['ours', threads]:.2f}"
        for threads in THREADS
    ]


def _best(ways: dict[tuple[str, int], Callable[[], None]]) -> dict[tuple[str, int], float]:
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(REPEATS):
        for name, way in ways.items():
            begun = time.process_time()
            way()
            best[name] = min(best[name], time.process_time() - begun)
    return best


def _bare(sources: tuple[Source, ...], data: dict[str, tuple[ShardFile, ...]], threads: int, decode: Decode) -> None:
    """Read each tar from its beginning to its end and decode what the recipe wants of it; as many tars at a time as there are threads."""
    with ThreadPoolExecutor(threads) as pool:
        tars = [(shard.path, re.compile(source.members)) for source in sources for shard in data[source.word]]
        list(pool.map(lambda tar: _read_tar(*tar, decode), tars))


def _opencv(field: str, data: bytes) -> None:
    """JSON and pictures, nothing else, unchecked."""
    if field.endswith(".json"):
        json.loads(data)
    else:
        cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def _read_tar(path: Path, wanted: re.Pattern[str], decode: Decode) -> None:
    with tarfile.open(path) as archive:
        for member in archive:
            field = member.name.partition(".")[2]
            if wanted.fullmatch(field):
                decode(field, archive.extractfile(member).read())  # type: ignore[union-attr]


def _shards(folder: Path, word: str) -> Iterator[ShardFile]:
    make = {"render": fabricated._render, "matched_real": fabricated._photographs}[word]
    balls = [make(f"ball_{letter}") for letter in "abcdef"]
    for number in range(SHARDS):
        keys = [f"ball_{number}_{place}" for place in range(SAMPLES_PER_SHARD)]
        path = folder / f"{word}-{number}.tar"
        write_shard(path, [Sample(key, balls[place % len(balls)]) for place, key in enumerate(keys)])
        yield ShardFile(path, tuple(keys))
