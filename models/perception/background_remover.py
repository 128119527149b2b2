"""Picture to cut-out: the alpha channel where there is one, else the object that stands out most, cut out of its box."""

from functools import cache

import numpy as np

from data_specs.align_params import BackgroundParams, DetectorParams, SegmenterParams
from models.perception.base import BackgroundRemover, Detector, Miss, Picture, Segmenter
from models.perception.detector import is_cut_out, make_detector
from models.perception.segmenter import make_segmenter


@cache
def make_background_remover(params: BackgroundParams) -> BackgroundRemover:
    """The background remover that the parameters choose, loaded once per process. Raises ValueError saying what is missing."""
    if params.kind == "cut_out":
        return CutOut(make_detector(DetectorParams.model_validate({})), make_segmenter(SegmenterParams.model_validate({})))
    from models.perception.u2net import U2Net

    return U2Net.open(params)


class CutOut:
    """`BackgroundRemover` from a detector and a segmenter; with the embedded ones it needs no weights."""

    def __init__(self, detector: Detector, segmenter: Segmenter) -> None:
        self._detector, self._segmenter = detector, segmenter

    def remove(self, pictures: list[Picture]) -> list[np.ndarray | Miss]:
        """The alpha of each picture's main object; a Miss of rule `no_object` where nothing stands out."""
        return [picture.alpha if is_cut_out(picture) and picture.alpha is not None else self._remove(picture) for picture in pictures]

    def _remove(self, picture: Picture) -> np.ndarray | Miss:
        boxes = self._detector.detect([picture], [""])[0]
        if not boxes:
            return Miss("no_object", "nothing stands out from the background")
        mask = self._segmenter.segment([picture], boxes[:1])[0]
        return mask if isinstance(mask, Miss) else mask.inside.astype(np.uint8) * np.uint8(255)
