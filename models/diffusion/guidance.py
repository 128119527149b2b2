"""Classifier-free guidance on the text condition alone (SPEC R8)."""

from collections.abc import Callable

from torch import Tensor

from models.diffusion.prompts import Prompts

Predict = Callable[[Tensor, Prompts], Tensor]


def classifier_free(unconditional: Tensor, conditional: Tensor, scale: float) -> Tensor:
    """eps_null + scale (eps_text - eps_null)."""
    return unconditional + scale * (conditional - unconditional)


def guide(predict: Predict, noisy: Tensor, prompts: Prompts, null: Prompts, scale: float) -> Tensor:
    """Guided prediction: one call on a doubled batch, null prompts first; at scale 1 a single call with the prompts.

    predict: (x_t (2B, ...), 2B prompts) -> noise or velocity (2B, ...). Whatever else conditions it must be the same in both halves.
    """
    if scale == 1.0:
        return predict(noisy, prompts)
    unconditional, conditional = predict(noisy.repeat(2, *[1] * (noisy.ndim - 1)), null.joined(prompts)).chunk(2)
    return classifier_free(unconditional, conditional, scale)
