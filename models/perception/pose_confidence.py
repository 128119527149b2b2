"""How sure is a pose? The probability that it is right, from what speaks for it: a logistic regression.

Right means: ADD-S below 10 % of the diameter and the rotation within 15 degrees, symmetry considered. The coefficients are fitted by
`python -m tests.benchmarks._pose_confidence` on the tuning split: procedural objects seen clean and 30 % hidden, with their own mesh and with
another object's. The README has how well they are calibrated on objects of other categories.
"""

import numpy as np

from models.perception.pose_scores import Evidence

LARGEST_MARGIN = 0.3
"""Beyond, a rival is out of the question."""

WITH_DEPTH = (-16.36, 4.24, 5.2, 10.1, -2.51, 4.94)
WITHOUT_DEPTH = (-18.66, 7.01, 0.0, 14.87, -1.06, 4.9)
"""Coefficients of `features`."""


def features(evidence: Evidence, margin: float) -> np.ndarray:
    """What confidence depends on linearly before the logistic function, (6,): a constant, four kinds of evidence, the lead over the best rival."""
    lead = min(max(margin, 0.0), LARGEST_MARGIN) / LARGEST_MARGIN
    return np.array([1.0, evidence.overlap, evidence.depth, evidence.texture, evidence.colour, lead])


def confidence(evidence: Evidence, margin: float, has_depth: bool) -> float:
    """The probability, in [0, 1], that a pose is right; margin: by how much its score exceeds that of the best other pose."""
    odds = features(evidence, margin) @ np.array(WITH_DEPTH if has_depth else WITHOUT_DEPTH)
    return float(1.0 / (1.0 + np.exp(-odds)))
