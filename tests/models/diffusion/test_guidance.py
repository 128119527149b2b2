"""Classifier-free guidance: the formula, and what the network is called with."""

import torch
from torch import Tensor

from models.diffusion.guidance import classifier_free, guide
from models.diffusion.prompts import HashedWords, Prompts


def test_formula() -> None:
    null, text = torch.tensor([1.0, 2.0]), torch.tensor([2.0, 0.0])
    assert classifier_free(null, text, 4.5).tolist() == [1.0 + 4.5 * 1.0, 2.0 + 4.5 * -2.0]
    assert torch.equal(classifier_free(null, text, 0.0), null)


def test_one_doubled_call_null_prompts_first() -> None:
    words = HashedWords(4, 3)
    prompts, null = words(["red cup", "blue cup"]), words(["", ""])
    calls = []

    def predict(noisy: Tensor, text: Prompts) -> Tensor:
        calls.append((noisy, text))
        return noisy + text.tokens.sum((1, 2))[:, None]

    noisy = torch.randn(2, 5)
    guided = guide(predict, noisy, prompts, null, 3.0)
    expected = classifier_free(predict(noisy, null), predict(noisy, prompts), 3.0)
    torch.testing.assert_close(guided, expected)
    assert torch.equal(calls[0][1].tokens, torch.cat([null.tokens, prompts.tokens]))
    assert torch.equal(calls[0][1].mask, torch.cat([null.mask, prompts.mask]))


def test_scale_one_needs_no_null_prompt() -> None:
    words = HashedWords(4, 3)
    sizes = []
    guide(lambda noisy, text: (sizes.append(len(noisy)), noisy)[1], torch.zeros(2, 5), words(["a", "b"]), words(["", ""]), 1.0)
    assert sizes == [2]
