"""One shard of the stage and what lies beside it: samples, previews and truths, of one pass over the lines."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from data_specs.aligned_subject import DECISIONS, LINE, PREVIEW, PREVIEWS, TRUTH
from data_specs.decision import Decision
from data_specs.ids import canonical_json
from data_specs.sample import Sample
from data_specs.shard import ShardPlan, ShardRow
from tasks.align.subjects import STAGE
from tasks.align.verdicts import RULE as HUMAN
from tasks.align.work_item import Aligned, AlignJob, Halt, align_lines
from tasks.attempt import Failure
from tasks.fan_out import Pool
from tasks.ledger import Ledger
from tasks.progress import Progress


def build_sets(folder: Path, plan: ShardPlan, jobs: list[AlignJob], pool: Pool, timeout_s: float, progress: Progress | None = None) -> ShardRow:
    """Build one shard, or return its row when it is finished already. Samples keep the order of the lines.

    The rows of what lies beside come before its own: whoever sees that finds all of them. Raises ValueError when the stage must stop.
    """
    ledger = Ledger(folder, STAGE)
    finished = ledger.row(plan)
    if finished is not None:
        return finished
    decisions: list[Decision] = []
    entered = [line.subject_id for job in jobs for line in job.lines]
    return ledger.write(plan, _samples(folder, plan, aligned(jobs, pool, timeout_s), decisions, progress), decisions, entered)


def beside_plan(plan: ShardPlan, name: str) -> ShardPlan:
    """The plan of the shard that lies beside a shard of samples, in the set of that name: all that defines it is the other one's id."""
    return plan.model_copy(update={"inputs": [plan.shard_id], "params": {"set": name}})


def forget_incomplete(folder: Path, plans: list[ShardPlan], names: Iterable[str]) -> None:
    """A finished shard that has lost what lies beside it in the sets of these names counts as unfinished from now on.

    Raises ValueError saying so where there is one.
    """
    own, beside = Ledger(folder, STAGE), [(Ledger(folder / name, STAGE), name) for name in names]
    lost = [(plan, name) for plan in plans for ledger, name in beside if own.row(plan) and not ledger.row(beside_plan(plan, name))]
    for plan, _ in lost:
        own.forget(plan)
    if lost:
        advice = f"run `atelier3d {STAGE} --size {folder.parent.name}` again, and they are built again"
        raise ValueError(f"{folder / lost[0][1]} lacks what belongs to {len(lost)} finished shards, e.g. {lost[0][0].file_name}: {advice}")


def aligned(jobs: list[AlignJob], pool: Pool, timeout_s: float) -> Iterator[Aligned]:
    """What became of every line. A batch that fails as a whole is tried again line by line, so that one picture takes no other along.

    timeout_s: for a batch; a line alone has no more than one picture may take. Raises ValueError when a job says that the stage must stop.
    """
    items = [(job.lines[0].subject_id, job) for job in jobs]
    for (_, job), outcome in zip(items, pool.map(align_lines, items, timeout_s), strict=True):
        if isinstance(outcome.value, Halt):
            raise ValueError(outcome.value.message)
        if outcome.failure is None:
            yield from outcome.value
        elif len(job.lines) > 1:
            alone = job.setup.params.model_copy(update={"batch": 1, "timeout_s": 0.0}).batch_timeout_s
            yield from aligned([job.of(line) for line in job.lines], pool, min(timeout_s, alone))
        else:
            yield _failed(job, outcome.failure)


def _failed(job: AlignJob, failure: Failure) -> Aligned:
    subject_id = job.lines[0].subject_id
    decision = Decision(item_id=subject_id, stage=STAGE, verdict="dropped", rule=failure.rule, message=failure.message)
    return Aligned(subject_id, None, [decision])


def _samples(folder: Path, plan: ShardPlan, everything: Iterator[Aligned], decisions: list[Decision], progress: Progress | None) -> Iterator[Sample]:
    """The samples; what ended a picture or a person said goes to `decisions`, and after the last one the shards beside are written.

    Lines, and what rules merely measured, lie with the previews: in the manifest they would be hundreds of megabytes that every reader has to parse.
    """
    beside: dict[str, list[Sample]] = {PREVIEWS: [], TRUTH: []}
    for text, one in zip(plan.inputs, everything, strict=True):
        decisions.extend(decision for decision in one.decisions if decision.verdict == "dropped" or decision.rule == HUMAN)
        beside[PREVIEWS].append(_preview(text, one))
        if one.truth is not None:
            beside[TRUTH].append(one.truth)
        if one.sample is not None:
            yield one.sample
        if progress is not None:
            progress.advance(1, one.subject_id)
    for name, samples in beside.items():
        if name == PREVIEWS or plan.params["source"] == "composed":
            Ledger(folder / name, STAGE).write(beside_plan(plan, name), samples, [])


def _preview(text: str, one: Aligned) -> Sample:
    """All that pages and people need of a line, JSON, and of what became of it."""
    said = canonical_json([decision.model_dump(mode="json") for decision in one.decisions])
    shown = {} if one.preview is None else {PREVIEW: one.preview}
    return Sample(one.subject_id, {LINE: text.encode(), DECISIONS: said.encode(), **shown})
