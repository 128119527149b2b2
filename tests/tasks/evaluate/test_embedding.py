"""The published networks, at random, through a whole small suite; and what is said when one of them is missing."""

import json
from pathlib import Path

import pytest

from data_specs.params import EvaluateParams, Params
from data_specs.published_embedder import PublishedEmbedderParams
from models.metrics.embedder import PairEmbedder, TextPictureEmbedder
from tasks.artefacts import Workspace
from tasks.evaluate.cells import NOT_SAMPLED
from tasks.evaluate.embedding import open_chosen
from tasks.evaluate.suite import describe, evaluate_cell, publish_suite
from tests.models.metrics.published_networks import published_params
from tests.tasks.evaluate.suites import PARAMS, KnownSamplers, pretend_trained, small_suite
from tests.tasks.fabricated import make_data

PUBLISHED_NAMES = {"consistency_psnr", "consistency_ssim", "lpips", "fid:base", "kid:base", "fid:photographic", "kid:photographic", "clip"}


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> PublishedEmbedderParams:
    return published_params(tmp_path_factory.mktemp("networks"))


def with_networks(networks: PublishedEmbedderParams) -> Params:
    evaluate = PARAMS.evaluate.model_copy(update={"embedder": "published", "published": networks, "max_assets": 1})
    return PARAMS.model_copy(update={"evaluate": evaluate})


@pytest.mark.slow
def test_a_suite_is_measured_under_the_papers_names(tmp_path: Path, networks: PublishedEmbedderParams) -> None:
    workspace, suite, samplers, params = make_data(tmp_path), small_suite((0,)), KnownSamplers(), with_networks(networks)
    pretend_trained(workspace, suite)
    measured = evaluate_cell(workspace, params, suite, ("plain", 0), samplers)
    assert set(measured) == PUBLISHED_NAMES
    path = publish_suite(workspace, params, suite, samplers)
    record = json.loads(path.read_bytes())
    assert {column["name"] for column in record["columns"]} == PUBLISHED_NAMES and record["embedder"][0] == "published"
    assert "fid:base" in describe(suite, path) and "@micro" not in path.read_text()
    assert str(tmp_path) not in path.read_text()  # where the weights lie is nobody's business


def test_the_embedder_is_all_three(tmp_path: Path, networks: PublishedEmbedderParams) -> None:
    chosen = open_chosen(Workspace(tmp_path, "tiny"), with_networks(networks).evaluate)
    assert isinstance(chosen.embedder, PairEmbedder) and isinstance(chosen.embedder, TextPictureEmbedder)
    assert chosen.identity[0] == "published" and len(chosen.identity[1]) == 64


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"inception": {}},
            r"evaluate.published.inception.weights is empty: get weights-inception-2015-12-05-6726825d.pth \(96 MB, Apache-2.0\) from",
        ),
        (
            {"alexnet": {"weights": "gone.pth"}},
            r"evaluate.published.alexnet.weights names gone.pth, which is not there: get alexnet-owt-7be5be79.pth",
        ),
        ({"clip": "hub:openai/clip-vit-large-patch14"}, r"evaluate.published.clip: .*not locked.*atelier3d weights lock .*1.7 GB, licence MIT"),
        ({"clip": "micro:base"}, "evaluate.published.clip=micro:base: write hub:OWNER/REPO"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, networks: PublishedEmbedderParams, change: dict, said: str) -> None:
    changed = PublishedEmbedderParams.model_validate(networks.model_dump() | change)
    with pytest.raises(ValueError, match=said):
        open_chosen(Workspace(tmp_path, "tiny"), with_networks(changed).evaluate)


def test_stored_pictures_are_found_whatever_measures_them() -> None:
    """A new parameter of the evaluation either changes pictures, or belongs to those that do not."""
    sampled = {"split", "max_assets", "sampling_steps", "guidance", "base_guidance", "batch_size", "base"}
    assert set(EvaluateParams.model_fields) - NOT_SAMPLED == sampled
