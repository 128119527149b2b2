"""How far a sample goes into the real domain: one number in [0, 1] for the inference-time shifting of SPEC R8."""

from dataclasses import replace

from models.diffusion.ddpm import TIMESTEPS
from models.realiz3d.sampling import SamplingSettings

PAPER = 0.8
"""The realism at which sampling is that of SPEC R8."""

NEVER = TIMESTEPS + 1
"""A timestep that sampling does not reach."""


def with_realism(tuned: SamplingSettings, real: float) -> SamplingSettings:
    """The settings of SPEC R8 moved towards control or towards realism, without a jump.

    0: the synthetic domain in every block at every timestep. 0.8: `tuned` as it is. 1: the real domain in every block at every timestep.
    Below 0.8 t_max falls in proportion: the synthetic domain lays out the object for longer, and the last, fine steps alone are real; the
    share of (block, timestep) pairs in the real domain grows in proportion to `real`. Above 0.8 t_max rises and B_max falls until
    neither is left: more realism than the paper dares, less control. Raises ValueError outside [0, 1].
    """
    if not 0.0 <= real <= 1.0:
        raise ValueError(f"real {real} must lie in [0, 1]")
    if real <= PAPER:
        return replace(tuned, time_threshold=round(tuned.time_threshold * real / PAPER))
    beyond = (real - PAPER) / (1.0 - PAPER)
    threshold = round(tuned.time_threshold + (NEVER - tuned.time_threshold) * beyond)
    return replace(tuned, layer_share=tuned.layer_share * (1.0 - beyond), time_threshold=threshold)
