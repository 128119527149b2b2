"""Any trained method of the tables, loaded as it is sampled: what training needed and inference does without is gone."""

from pathlib import Path

from models.realiz3d.network import Realiz3D, load_model


def load_method(folder: Path) -> Realiz3D:
    """A model folder of any recipe of Realiz3D, ready for `sampling.sample_views`.

    Adapters that inference does without are taken out (Domain Adapter, Spatial Adapter); LoRA that stays is merged into the weights.
    Raises ValueError naming the file that is missing or wrong.
    """
    model = load_model(folder)
    adapter = model.config.adapter
    if adapter is not None and adapter.removed:
        model.remove_adapters()
    elif adapter is not None and adapter.kind == "lora":
        model.merge_lora()
    return model
