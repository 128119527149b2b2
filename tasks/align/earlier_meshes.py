"""A shard that is built again because people said something of a picture in it: its other pictures get the meshes that they had.

A generator takes a minute and may answer otherwise the second time; without this a verdict on one picture would change its neighbours, too.
"""

from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from data_specs.aligned_subject import AlignedSubjectRecord
from data_specs.shard import ShardPlan
from models.geometry.glb_reader import read_glb
from tasks.align.kept_meshes import KeptMeshes
from tasks.align.mesh_preparation import PreparedMesh
from tasks.align.samples import RECORD
from tasks.ledger import MANIFEST
from tasks.sample_lookup import SampleLookup


def keep_earlier(folder: Path, plan: ShardPlan, kept: KeptMeshes) -> None:
    """Keep the meshes of the samples that the published run in `folder` holds of the same lines, if verdicts are all that has changed since.

    Pictures that were dropped have no mesh there and are given a new one. What cannot be read is left to the generator, as everything is in a
    first run.
    """
    settings = {name: value for name, value in plan.params.items() if name != "verdicts"}
    with suppress(ValueError, OSError):
        lookup = _published(folder, (folder / MANIFEST).stat().st_mtime_ns)
        if (lookup.manifest.params, lookup.manifest.version) != (settings, plan.version):
            return
        for row in lookup.manifest.shards:
            for key in row.samples if row.inputs == plan.inputs else ():
                glb = lookup.raw(key, "mesh.glb")
                origin = AlignedSubjectRecord.model_validate_json(lookup.raw(key, RECORD)).mesh_origin
                kept.keep(key, origin, PreparedMesh(read_glb(glb), glb, repeatable=False))


@lru_cache(maxsize=1)
def _published(folder: Path, changed_ns: int) -> SampleLookup:
    """The published run. Every shard asks for it, and its manifest may have a hundred megabytes. changed_ns: when that was written."""
    return SampleLookup(folder)
