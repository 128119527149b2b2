"""One sample of a shard in memory: a key and its members."""

import re
from dataclasses import dataclass

from data_specs.ids import check_id

FIELD_NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")


@dataclass(frozen=True)
class Sample:
    """The bytes that share one key in a tar.

    key: safe id, no dots (webdataset splits key and field at the first dot).
    members: field -> bytes, e.g. {"front.rgb.png": ..., "views.json": ...}; written in sorted order.
    """

    key: str
    members: dict[str, bytes]

    def __post_init__(self) -> None:
        check_id(self.key)
        for name in self.members:
            if not FIELD_NAME.fullmatch(name):
                raise ValueError(f"field {name!r} of sample {self.key!r} must look like `front.rgb.png`")
