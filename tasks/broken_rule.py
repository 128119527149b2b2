"""What a stored sample may break, and reading its pictures as what they must be: shared by the stages that check samples."""

from typing import Any

import numpy as np


class BrokenRuleError(ValueError):
    """A sample breaks a rule. rule: its machine name; score and threshold where the rule measures something."""

    def __init__(self, rule: str, message: str, score: float | None = None, threshold: float | None = None) -> None:
        super().__init__(message)
        self.rule, self.score, self.threshold = rule, score, threshold


def picture_member(members: dict[str, Any], field: str, channels: int, kind: str) -> np.ndarray:
    """A decoded picture of a sample. Raises BrokenRuleError `missing_member` or `wrong_type` where it has other channels or another type."""
    values = members.get(field)
    if not isinstance(values, np.ndarray):
        raise BrokenRuleError("missing_member", f"the sample has no picture {field!r}")
    if (values.shape[2] if values.ndim == 3 else 1) != channels or str(values.dtype) != kind:
        raise BrokenRuleError("wrong_type", f"{field} is {values.shape} {values.dtype}, expected {channels} channels of {kind}")
    return values
