"""Domain Shifters alone: there and back, and what is refused."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.realiz3d.shifter import DomainShifters
from models.realiz3d.shifter_file import FORMAT, read_shifters, save_shifters


def test_there_and_back(tmp_path: Path) -> None:
    shifters = DomainShifters(3, 16, ("synthetic", "real", "night"), rank=2)
    torch.nn.init.normal_(shifters.left_NDR)
    save_shifters(shifters, tmp_path / "s.safetensors")
    again = read_shifters(tmp_path / "s.safetensors")
    assert (again.domains, again.rank, again.blocks) == (("synthetic", "real", "night"), 2, 3)
    torch.testing.assert_close(again.shifts(), shifters.shifts(), atol=0, rtol=0)


def test_what_is_no_adapter_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    with pytest.raises(ValueError, match="cannot be read"):
        read_shifters(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="cannot be read"):
        read_shifters(path)
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match=r"not of format realiz3d-shifters-1 but of None.*save_adapter"):
        read_shifters(path)
    save_file({"weight": torch.zeros(2)}, path, {"format": "realiz3d-shifters-2", "domains": '["a", "b"]'})
    with pytest.raises(ValueError, match="but of realiz3d-shifters-2"):
        read_shifters(path)
    save_file({"weight": torch.zeros(2)}, path, {"format": FORMAT})
    with pytest.raises(ValueError, match="holds no Domain Shifters"):
        read_shifters(path)
    shapes = {"left_NDR": torch.zeros(2, 4, 1), "right_NRD": torch.zeros(2, 1, 5)}
    save_file(shapes, path, {"format": FORMAT, "domains": '["a", "b"]'})
    with pytest.raises(ValueError, match="fit together"):
        read_shifters(path)
