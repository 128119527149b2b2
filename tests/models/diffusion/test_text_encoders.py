"""Prompts of full-size bases against the `encode_prompt` of the diffusers pipelines they come from."""

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from sentencepiece import SentencePieceTrainer
from transformers import T5Tokenizer

from models.diffusion.pipeline_folder import load_prompts
from tests.models.diffusion.tiny_pipelines import save_pipeline

TEXTS = ["a red cup", "", "zebra " * 200]
"""One of middling length, the null prompt, and one that is cut."""


def folder_of(kind: str, root: Path, **changed: Any) -> tuple[Any, Path]:
    return save_pipeline(kind, root / kind, **changed), root / kind


@torch.no_grad()
def test_pixart_reads_tokens_of_t5_and_leaves_padding_out(tmp_path: Path) -> None:
    pipeline, folder = folder_of("pixart", tmp_path)
    prompts = load_prompts(folder)
    tokens, mask, _, _ = pipeline.encode_prompt(TEXTS, do_classifier_free_guidance=False)
    read = prompts(TEXTS)
    torch.testing.assert_close(read.tokens, tokens)
    assert torch.equal(read.mask, mask.bool()) and read.mask.sum(1).tolist()[1:] == [1, 300]
    assert read.pooled is None and prompts.channels == 12 and prompts.pooled_channels == 0


@torch.no_grad()
def test_flux_reads_t5_and_the_vector_of_clip(tmp_path: Path) -> None:
    pipeline, folder = folder_of("flux", tmp_path)
    prompts = load_prompts(folder)
    tokens, pooled, _ = pipeline.encode_prompt(TEXTS, None)
    read = prompts(TEXTS)
    torch.testing.assert_close(read.tokens, tokens)
    torch.testing.assert_close(read.pooled, pooled)
    assert read.mask.all() and read.tokens.shape == (3, 512, 24) and (prompts.channels, prompts.pooled_channels) == (24, 12)


@pytest.mark.parametrize("without_t5", [False, True])
@torch.no_grad()
def test_sd3_reads_two_clips_and_t5_where_it_is(tmp_path: Path, without_t5: bool) -> None:
    pipeline, folder = folder_of("sd3", tmp_path, **({"text_encoder_3": None, "tokenizer_3": None} if without_t5 else {}))
    prompts = load_prompts(folder)
    tokens, _, pooled, _ = pipeline.encode_prompt(TEXTS, None, None, do_classifier_free_guidance=False)
    read = prompts(TEXTS)
    torch.testing.assert_close(read.tokens, tokens)
    torch.testing.assert_close(read.pooled, pooled)
    assert read.mask.all() and read.tokens.shape == (3, 77 + 256, 24) and (prompts.channels, prompts.pooled_channels) == (24, 16)
    assert not read.tokens[:, 77:].any() or not without_t5


@torch.no_grad()
def test_a_tokenizer_as_pixart_was_released_with_is_read(tmp_path: Path) -> None:
    """Only `spiece.model`, no `tokenizer.json`: transformers makes the fast tokenizer of it."""
    model = io.BytesIO()
    sentences = iter(["a red cup with a blue handle", "the quick brown fox jumps over a lazy dog"] * 50)
    SentencePieceTrainer.train(sentence_iterator=sentences, model_writer=model, vocab_size=32, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, minloglevel=9)
    (tmp_path / "spiece.model").write_bytes(model.getvalue())
    tokenizer = T5Tokenizer(str(tmp_path / "spiece.model"), extra_ids=0, legacy=False)
    pipeline, folder = folder_of("pixart", tmp_path, tokenizer=tokenizer)
    assert not (folder / "tokenizer" / "tokenizer.json").exists()
    tokens, mask, _, _ = pipeline.encode_prompt(TEXTS, do_classifier_free_guidance=False)
    read = load_prompts(folder)(TEXTS)
    torch.testing.assert_close(read.tokens, tokens)
    assert torch.equal(read.mask, mask.bool()) and 3 < read.mask[0].sum() < 20


def test_encoders_never_train_and_drop_nothing(tmp_path: Path) -> None:
    prompts: Any = load_prompts(folder_of("pixart", tmp_path)[1])
    first = prompts(["a cup"]).tokens
    prompts.train()  # T5 of this pipeline drops every second value in training mode
    assert torch.equal(prompts(["a cup"]).tokens, first) and not first.requires_grad
    assert not any(weight.requires_grad for weight in prompts.parameters())
