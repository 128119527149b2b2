"""A small suite on the fabricated workspace, and samplers whose answers are known."""

from typing import Any

import numpy as np

from data_specs.params import Params, load_params
from data_specs.suite import Suite
from tasks.artefacts import Workspace
from tasks.evaluate.samples import Mode, Sampler
from tasks.evaluate.subjects import Subject
from tests.tasks.fabricated import make_run

SEEDS = (0, 1, 2)
BUDGET = {"steps": 2, "batch_size": 4, "learning_rate": 0.1}
PARAMS = load_params("tiny", ["evaluate.batch_size=1"])


def small_suite(seeds: tuple[int, ...] = SEEDS, **changes: Any) -> Suite:
    """Two trained rows, one that refines the first, one that is quoted."""
    tree = {
        "name": "small",
        "title": "Small table",
        "source": "a paper, table 9",
        "runs": {
            "plain": {"recipe": "realiz3d_full", "parents": {"base": "base"}, "budget": "short"},
            "ours": {"recipe": "realiz3d_stage2", "parents": {"shifted": "plain"}, "budget": "short"},
        },
        "rows": [
            {"name": "plain", "title": "Plain", "run": "plain", "published": {"PSNR": 25.76, "FID_B": 168.21}},
            {"name": "sdedit", "title": "Refined", "of": "plain", "time_threshold": 500},
            {"name": "ours", "title": "Ours", "run": "ours", "layer_share": 0.3, "time_threshold": 950, "published": {"PSNR": 24.78, "FID_B": 141.9}},
            {"name": "quoted", "title": "Quoted", "published": {"FID_B": 181.92}},
        ],
        "expectations": [
            {"kind": "beats", "row": "ours", "over": ["plain"], "metric": "fid:base"},
            {"kind": "within", "row": "ours", "of": "plain", "metric": "consistency_psnr", "tolerance": 1.5},
        ],
        "at": {"seeds": list(seeds), "budgets": {"short": BUDGET}},
    }
    return Suite.model_validate(tree | changes)


def pretend_trained(workspace: Workspace, suite: Suite, params: Params = PARAMS) -> None:
    """`run.json` of the base and of every run."""
    names = [suite.run_name(name, seed) for seed in suite.at.seeds for name in suite.runs]
    for name in (params.evaluate.base, *names):
        make_run(workspace, name)


class KnownSamplers:
    """The base makes the asset's photographs; plain rows true renders with a little noise of the seed; shifted ones half way to photographs."""

    def __init__(self, die_at: int = 1000) -> None:
        self.calls: list[tuple[str, str, int]] = []
        self.die_at = die_at

    def base(self) -> Sampler:
        return lambda subjects, mode: [self._called("base", subject, 0, subject.real_pictures) for subject in subjects]

    def method(self, run: str, seed: int) -> Sampler:
        def sample(subjects: list[Subject], mode: Mode) -> list[np.ndarray]:
            return [self._called("ours" if mode.layer_share else "plain", subject, seed, self._views(subject, mode, seed)) for subject in subjects]

        return sample

    def refine(self, views: list[np.ndarray], subjects: list[Subject], start: int, seed: int) -> list[np.ndarray]:
        assert start == 500
        return [self._called("sdedit", subject, seed, 255 - own) for subject, own in zip(subjects, views)]

    def _views(self, subject: Subject, mode: Mode, seed: int) -> np.ndarray:
        views = subject.true_views().astype(np.float64)
        if mode.layer_share:
            views = (views + subject.real_pictures) / 2
        noise = np.random.default_rng([seed, *subject.asset_id.encode()]).normal(0.0, 4.0, views.shape)
        return np.clip(np.rint(views + noise * (views < 255)), 0, 255).astype(np.uint8)

    def _called(self, what: str, subject: Subject, seed: int, pictures: np.ndarray) -> np.ndarray:
        if len(self.calls) == self.die_at:
            raise RuntimeError("killed")
        self.calls.append((what, subject.asset_id, seed))
        return pictures
