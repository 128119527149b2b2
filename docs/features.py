"""The feature picture of Realiz3D's appendix A.1 for a base model: `python -m docs.features FOLDER` writes docs/feature_picture.png.

First the pictures, then what the early, middle and late block hold at timesteps 800, 700, 500 and 200, as three principal components.
"""

import argparse
from pathlib import Path

import numpy as np

from models.diffusion.text_to_image import load_text_to_image
from models.geometry.procedural import CATEGORIES, build_object
from models.image_codec import encode_png
from models.realiz3d.feature_picture import collect_features, feature_picture, styled

GUIDANCE = 3.0


def main() -> None:
    """Sample the base for captions of the procedural world in the paper's styles, and write the picture."""
    parser = argparse.ArgumentParser(prog="python -m docs.features", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="model folder of a base, such as data/micro/train/micro_base/model")
    parser.add_argument("--pictures", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("feature_picture.png"))
    chosen = parser.parse_args()
    rng = np.random.default_rng(chosen.seed)
    names = [list(CATEGORIES)[int(place)] for place in rng.permutation(len(CATEGORIES))[: chosen.pictures]]
    prompts = styled([build_object(name, chosen.seed).caption for name in names])
    streams = [np.random.default_rng([chosen.seed, place]) for place in range(len(prompts))]
    chosen.out.write_bytes(encode_png(feature_picture(collect_features(load_text_to_image(chosen.folder), prompts, GUIDANCE, streams))))
    print("\n".join([*prompts, str(chosen.out)]))


if __name__ == "__main__":
    main()
