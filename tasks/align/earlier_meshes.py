"""Meshes that a published run holds: what is built again takes them from there as they are, whether or not the cache has the raw answers."""

from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from data_specs.aligned_subject import AlignedSubjectRecord
from data_specs.shard import ShardPlan
from data_specs.subject import SubjectLine
from models.perception.base import GeneratedMesh
from tasks.align.kept_meshes import KeptMeshes
from tasks.align.samples import RECORD
from tasks.ledger import MANIFEST
from tasks.sample_lookup import SampleLookup


def keep_earlier(folder: Path, plan: ShardPlan, kept: KeptMeshes) -> None:
    """Keep the meshes of the samples that the published run in `folder` holds of a plan's lines, if they were made as they would be made now.

    Pictures that were dropped have no mesh there. What cannot be read is left to the generator, as everything is in a first run.
    """
    with suppress(ValueError, OSError):
        lookup = _published(folder, (folder / MANIFEST).stat().st_mtime_ns)
        for line in map(SubjectLine.model_validate_json, plan.inputs):
            if line.subject_id in lookup and kept.prepared_key(line) not in kept:
                _keep(lookup, line, kept)


def _keep(lookup: SampleLookup, line: SubjectLine, kept: KeptMeshes) -> None:
    with suppress(ValueError, OSError):
        record = AlignedSubjectRecord.model_validate_json(lookup.raw(line.subject_id, RECORD))
        if record.mesh_key == kept.prepared_key(line):
            kept.keep(record.mesh_key, GeneratedMesh(lookup.raw(line.subject_id, "mesh.glb"), record.mesh_origin))


@lru_cache(maxsize=1)
def _published(folder: Path, changed_ns: int) -> SampleLookup:
    """The published run. Every shard asks for it, and its manifest may have a hundred megabytes. changed_ns: when that was written."""
    return SampleLookup(folder)
