"""Domain Shifters as a small file of their own: an adapter that brings its domains to any base of the same blocks and width.

Layout: safetensors with the parameters of `DomainShifters`; metadata `domains` (a JSON list of names) and `format`.
"""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from models.realiz3d.shifter import DomainShifters

FORMAT = "realiz3d-shifters-1"


def save_shifters(shifters: DomainShifters, path: Path) -> None:
    """Write the shifters alone."""
    weights = {name: weight.detach().cpu().contiguous() for name, weight in shifters.state_dict().items()}
    save_file(weights, path, {"format": FORMAT, "domains": json.dumps(shifters.domains)})


def read_shifters(path: Path) -> DomainShifters:
    """Read what `save_shifters` wrote, on the CPU. Raises ValueError naming the file when it is missing, damaged or something else."""
    try:
        with safe_open(path, framework="pt") as file:
            described = file.metadata() or {}
            domains = json.loads(described.get("domains", "null"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError, ValueError) as error:
        raise ValueError(f"{path} cannot be read ({error})") from None
    if described.get("format") != FORMAT:
        raise ValueError(f"{path} is not of format {FORMAT} but of {described.get('format')}: `Realiz3DPipeline.save_adapter` writes such files")
    if not isinstance(domains, list) or not all(isinstance(name, str) for name in domains) or "left_NDR" not in weights:
        raise ValueError(f"{path} holds no Domain Shifters: it must name its domains and hold left_NDR, right_NRD and embeddings_NMD")
    try:
        blocks, width, rank = weights["left_NDR"].shape
        shifters = DomainShifters(blocks, width, tuple(domains), rank)
        shifters.load_state_dict(weights)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{path} holds no Domain Shifters that fit together ({error})") from None
    return shifters
