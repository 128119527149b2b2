"""The samplers on a small random model: a sample depends on its asset, mode and seed, not on its company."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from data_specs.params import load_params
from models.realiz3d.network import load_model, save_model
from models.registry import make_recipe
from tasks.artefacts import Workspace
from tasks.evaluate.evaluation import sampling_modes
from tasks.evaluate.sampler import ModelSampler, ModelSamplers
from tasks.evaluate.samples import Mode
from tasks.evaluate.subjects import Subjects
from tests.tasks.fabricated import SIZE_PIXELS, TEST, make_data, make_run

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


def test_another_seed_is_another_noise(model: Path, subjects: Subjects) -> None:
    subject, mode = subjects.read(TEST[0]), sampling_modes(PARAMS)[1]
    first, second = (ModelSampler(model, PARAMS, seed)([subject], mode)[0] for seed in (0, 1))
    assert np.abs(first.astype(int) - second).max() > 10


@pytest.fixture(scope="module")
def samplers(model: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelSamplers:
    workspace = Workspace(tmp_path_factory.mktemp("trained"), "tiny")
    make_data(workspace.root)
    folder = make_run(workspace, PARAMS.base)
    shutil.copytree(model, folder / "model", dirs_exist_ok=True)
    return ModelSamplers(workspace, PARAMS)


def test_the_base_makes_four_pictures_of_each_caption(samplers: ModelSamplers, subjects: Subjects) -> None:
    both, mode = [subjects.read(key) for key in TEST], Mode("views", "base", 0.0, 0)
    together, alone = samplers.base()(both, mode), samplers.base()(both[1:], mode)
    assert together[1].dtype == np.uint8 and together[1].shape[0] == 4 and together[1].shape[-1] == 3
    assert np.abs(together[1].astype(int) - alone[0]).max() <= 1
    assert len({picture.tobytes() for picture in together[0]}) == 4


def test_refining_keeps_the_size_and_depends_on_the_seed(samplers: ModelSamplers, subjects: Subjects) -> None:
    subject = subjects.read(TEST[0])
    first, second = (samplers.refine([subject.true_views()], [subject], 500, seed)[0] for seed in (0, 1))
    assert first.shape == subject.true_views().shape and first.dtype == np.uint8
    assert np.abs(first.astype(int) - second).max() > 10


def test_the_base_has_a_guidance_of_its_own(samplers: ModelSamplers, subjects: Subjects) -> None:
    subject = subjects.read(TEST[0])

    def pictures(**changes: float) -> np.ndarray:
        return ModelSamplers(samplers.workspace, PARAMS.model_copy(update=changes)).base()([subject], Mode("views", "", 0.0, 0))[0]

    as_it_is = pictures()
    np.testing.assert_array_equal(pictures(guidance=1.0), as_it_is)
    assert np.abs(pictures(base_guidance=1.0).astype(int) - as_it_is).max() > 0
