"""What a picture of a named object is before anything is known of the object's shape (SPEC F11 and "Facts about the outside data")."""

from pydantic import BaseModel, ConfigDict, Field

from data_specs.aligned_subject import SubjectSource


class Assessment(BaseModel):
    """How good a picture pair is, each score from 0 to 5, None where nobody scored it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    composite_structure: int | None = None
    object_consistency: int | None = None
    image_quality: int | None = None

    @property
    def lowest(self) -> int | None:
        """The least of the three scores; None unless there are three."""
        scores = (self.composite_structure, self.object_consistency, self.image_quality)
        known = [score for score in scores if score is not None]
        return min(known) if len(known) == len(scores) else None


class SubjectLine(BaseModel):
    """One picture of one named object that may be aligned: where its pixels lie, what it is said to show, and whose it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject_id: str
    object_id: str
    """Pictures of the same object share it, and with it their split."""
    source: SubjectSource
    location: str
    """Of the file, relative to the source's folder: a parquet file or a picture; composed: asset id and number of the picture, `mug_000001/0`."""
    sha256: str
    """Of that file; composed: of the shard that holds the asset."""
    row: int = 0
    panel: int = 0
    """subjects200k: row of the parquet file, and 0 for the left panel, 1 for the right one."""
    depth_location: str = ""
    """folder: of a 16-bit PNG with depth as conventions.py stores it, "" where there is none."""
    depth_sha256: str = ""
    focal_pixels: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    item: str
    """The object's name, "" where nobody said it."""
    caption: str = ""
    category: str = ""
    collection: str = ""
    assessment: Assessment | None = None
    licence: str = "unknown"
    author: str = ""
    attribution: str = ""
