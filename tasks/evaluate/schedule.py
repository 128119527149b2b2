"""What a suite will take, told before it starts, and how far it is: which row, how many pieces are left, how long still."""

from dataclasses import dataclass
from types import TracebackType

from data_specs.params import Params
from data_specs.suite import Suite, SuiteRow
from tasks.artefacts import Workspace
from tasks.progress import Progress, duration

PASSES_PER_STEP = 3.0
"""A training step counts as three forward passes: one forward, and backward twice as much."""


@dataclass(frozen=True)
class TimeLeft:
    """Of a training run. step_seconds: of one step on this machine, None where a parent must be trained before it can be measured."""

    steps: int
    step_seconds: float | None


@dataclass(frozen=True)
class Piece:
    """A training run, or (run = "") sampling and measuring a row. seconds: planned. needs: keys of the pieces that come before it."""

    row: SuiteRow
    seed: int
    run: str
    seconds: float
    needs: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """What no other piece is called."""
        return self.run or f"{self.row.name} at seed {self.seed}"

    @property
    def text(self) -> str:
        """What is done."""
        return f"train {self.run}" if self.run else "sample and measure"


def plan_suite(suite: Suite, params: Params, left: dict[str, TimeLeft]) -> list[Piece]:
    """Every piece in order: seed by seed, row by row, each training run before the first row that needs it.

    left: of every training run. A step that cannot be measured yet counts as the longest one that could be.
    """
    made = [row for row in suite.rows if row.measured]
    longest = max((time.step_seconds for time in left.values() if time.step_seconds is not None), default=0.0)
    pieces: list[Piece] = []
    for seed in suite.at.seeds:
        for row in made:
            begun, lineage = {piece.run for piece in pieces}, suite.runs_of(row, seed)
            for place, run in enumerate(lineage):
                if run not in begun:
                    step_seconds = left[run].step_seconds
                    seconds = left[run].steps * (longest if step_seconds is None else step_seconds)
                    pieces.append(Piece(row, seed, run, seconds, frozenset(lineage[:place])))
            refined = [Piece(suite.row(row.of), seed, "", 0.0).key] if row.of else []
            first = [piece.key for piece in pieces if not piece.run][:1]  # it makes the pictures of the base, which all are measured against
            seconds = _sampling_seconds(params, left, suite.model_of(row, seed), longest)
            pieces.append(Piece(row, seed, "", seconds, frozenset([*lineage, *refined, *first])))
    return pieces


def describe(suite: Suite, pieces: list[Piece]) -> str:
    """The plan for people: rows x seeds x minutes."""
    runs = [piece for piece in pieces if piece.run]
    to_train, sampling = [piece for piece in runs if piece.seconds], [piece for piece in pieces if not piece.run]
    lines = [f"suite {suite.name}: {len([row for row in suite.rows if row.measured])} rows x {len(suite.at.seeds)} seeds"]
    lines.append(f"  training  {len(to_train)} of {len(runs)} runs, about {_total(runs)}")
    lines.append(f"  sampling  {len(sampling)} cells, at most {_total(sampling)}")
    processes = suite.at.processes
    at_once = f", {processes} pieces at a time" if processes > 1 else ""
    lines.append(f"  together  about {_total(pieces, processes)}{at_once}, from steps measured on this machine")
    first = suite.at.seeds[0]
    for row in (row for row in suite.rows if row.measured):
        own = [piece for piece in pieces if piece.row is row and piece.seed == first]
        lines.append(f"    {row.title:<44} {_total(own)} a seed" + ("" if any(piece.run for piece in own) else ", from runs of rows above"))
    return "\n".join(lines)


class SuiteProgress:
    """Tells at the start of every piece where a suite is; planned seconds are what it counts."""

    def __init__(self, workspace: Workspace, suite: Suite, pieces: list[Piece]) -> None:
        self.suite, self.pieces = suite, pieces
        self._ended: list[Piece] = []
        self._progress = Progress(workspace, f"suite-{suite.name}", max(1, round(sum(piece.seconds for piece in pieces))))

    def __enter__(self) -> "SuiteProgress":
        self._progress.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.__exit__(kind, error, trace)

    def begin(self, piece: Piece) -> None:
        """Say what comes next."""
        print(self.line(piece), flush=True)

    def end(self, piece: Piece) -> None:
        """Count a piece as done."""
        self._ended.append(piece)
        done_seconds = round(sum(each.seconds for each in self._ended))
        self._progress.advance(done_seconds - self._progress.done, f"{piece.row.title}, seed {piece.seed}: {piece.text}")

    def line(self, piece: Piece) -> str:
        """Row, seed, pieces left and time left; planned time until some has been measured."""
        state = self._progress.state()
        planned = sum(each.seconds for each in self.pieces) - sum(each.seconds for each in self._ended)
        number = self.suite.rows.index(piece.row) + 1
        left = duration(planned / (self.suite.at.processes if state.left_s is None else state.rate))
        return (
            f"suite {self.suite.name}: row {number} of {len(self.suite.rows)}, {piece.row.title}, seed {piece.seed}: {piece.text}; "
            f"{len(self.pieces) - len(self._ended)} of {len(self.pieces)} pieces and about {left} left"
        )


def _sampling_seconds(params: Params, left: dict[str, TimeLeft], run: str, longest: float) -> float:
    """From the time of a training step: guidance doubles the batch, measuring is little beside."""
    ours, step_seconds = params.evaluate, left[run].step_seconds
    passes = ours.sampling_steps * ours.max_assets * (1 if ours.guidance == 1.0 else 2)
    return passes * (longest if step_seconds is None else step_seconds) / (PASSES_PER_STEP * params.train.runs[run].batch_size)


def _total(pieces: list[Piece], processes: int = 1) -> str:
    return duration(sum(piece.seconds for piece in pieces) / processes)
