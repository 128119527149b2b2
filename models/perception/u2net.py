"""U2-Net (Qin et al. 2020), the ONNX file that rembg uses, run by OpenCV: no further package is needed."""

import cv2
import numpy as np
from PIL import Image

from data_specs.align_params import BackgroundParams
from models.perception.base import Miss, Picture
from models.perception.weights import checked_file

INPUT_PIXELS = 320
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class U2Net:
    """`BackgroundRemover` by a loaded network. network: of OpenCV; its first output is the finest map, (1, 1, 320, 320)."""

    def __init__(self, network: cv2.dnn.Net) -> None:
        self._network = network

    @staticmethod
    def open(params: BackgroundParams) -> "U2Net":
        """Load the network. Raises MissingWeights, or ValueError for a file that is no network."""
        file = checked_file(params.weights, params.sha256, "u2net.onnx", "align.background.weights")
        try:
            return U2Net(cv2.dnn.readNetFromONNX(str(file)))
        except cv2.error as error:
            raise ValueError(f"{file} cannot be read as an ONNX network: {error}") from None

    def remove(self, pictures: list[Picture]) -> list[np.ndarray | Miss]:
        """The alpha of each picture's main object, stretched to the full range as rembg does; a Miss where the network sees none."""
        return [self._remove(picture) for picture in pictures]

    def _remove(self, picture: Picture) -> np.ndarray | Miss:
        self._network.setInput(network_input(picture.rgb))
        answer = self._network.forward(self._network.getUnconnectedOutLayersNames())[0][0, 0]
        low, high = float(answer.min()), float(answer.max())
        if not np.isfinite(high) or high - low < 1e-6:
            return Miss("no_object", "nothing stands out from the background")
        small = Image.fromarray(((answer - low) / (high - low) * 255.0).astype(np.uint8))
        return np.asarray(small.resize((picture.size[1], picture.size[0]), Image.Resampling.LANCZOS))


def network_input(rgb: np.ndarray) -> np.ndarray:
    """A picture as the network takes it, (1, 3, 320, 320) float32; rgb: (H, W, 3) uint8."""
    small = np.asarray(Image.fromarray(rgb).resize((INPUT_PIXELS,) * 2, Image.Resampling.LANCZOS), np.float32)
    normal = (small / max(float(small.max()), 1e-6) - MEAN) / DEVIATION
    return np.ascontiguousarray(normal.transpose(2, 0, 1)[None], np.float32)
