"""The model sampler on a small random model: a sample depends on its asset and mode, not on its company."""

from pathlib import Path

import numpy as np
import pytest
import torch

from data_specs.params import load_params
from models.realiz3d.network import load_model, save_model
from models.registry import make_recipe
from tasks.evaluate.evaluation import sampling_modes
from tasks.evaluate.sampler import ModelSampler
from tasks.evaluate.subjects import Subjects
from tests.tasks.fabricated import SIZE_PIXELS, TEST, make_data

PARAMS = load_params("tiny").evaluate
TRANSFORMER = {"blocks": 3, "heads": 2, "head_width": 8, "latent_side": 8}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights whose shifters and control do something: fresh ones are zero."""
    recipe = make_recipe("realiz3d_stage1", {"random_base": {"vae": {"channels": [8, 8, 8]}, "transformer": TRANSFORMER}})
    network = recipe.build({})
    torch.manual_seed(0)
    torch.nn.init.normal_(network.shifters.left_NDR)
    torch.nn.init.normal_(network.control.grown.weight, std=0.1)
    folder = tmp_path_factory.mktemp("model")
    save_model(network, folder)
    assert load_model(folder).blocks == 3
    return folder


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> Subjects:
    return Subjects(make_data(tmp_path_factory.mktemp("data")))


def test_a_sample_does_not_depend_on_its_batch(model: Path, subjects: Subjects) -> None:
    both = [subjects.read(key) for key in TEST]
    mode = sampling_modes(PARAMS)[1]
    together = ModelSampler(model, PARAMS)(both, mode)
    alone = ModelSampler(model, PARAMS)(both[1:], mode)
    assert together[0].shape == (4, SIZE_PIXELS, SIZE_PIXELS, 3) and together[0].dtype == np.uint8
    assert np.abs(together[1].astype(int) - alone[0]).max() <= 1  # a batch may round differently in the last bit
    assert np.abs(together[0].astype(int) - together[1]).max() > 10


def test_modes_and_assets_differ(model: Path, subjects: Subjects) -> None:
    sampler, subject = ModelSampler(model, PARAMS), subjects.read(TEST[0])
    synthetic, real = [sampler([subject], mode)[0] for mode in sampling_modes(PARAMS)]
    assert np.abs(synthetic.astype(int) - real).max() > 0
    np.testing.assert_array_equal(sampler([subject], sampling_modes(PARAMS)[0])[0], synthetic)
