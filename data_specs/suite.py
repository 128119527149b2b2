"""A suite: one table of a paper as data. Which rows it has, what each trains and how it samples, what was published, and what must show.

Read from `suites/<name>.yaml`; unknown keys are errors. A seed changes the order and noise of training and the noise of sampling.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from data_specs.ids import content_id
from data_specs.params import EvaluateParams, Params, TrainBudget, TrainParams, TrainRun, apply_override, explain
from data_specs.strict import Strict

SUITES_FOLDER = Path(__file__).parent / "suites"
BASE = "base"
"""The parent that every size has already: the text-to-image model."""

NEVER = 1001
"""A timestep that sampling does not reach."""

Surface = Literal["given_surface", "visual_hull", "none"]
PublishedMetric = Literal["PSNR", "SSIM", "LPIPS", "FID_B", "KID_B", "FID_I", "KID_I", "CLIP"]


class SuiteRun(Strict):
    """One training run of a row."""

    recipe: str
    parents: dict[str, str] = Field(default_factory=dict, description="role -> an earlier run of the suite, or `base`")
    config: dict[str, Any] = Field(default_factory=dict, description="the recipe's own settings")
    budget: str = Field(description="name of a budget of the size")


class SuiteRow(Strict):
    """One line of the table: a trained run and how it is sampled, another row's pictures refined by the base, or published numbers alone."""

    name: str
    title: str
    run: str = ""
    of: str = Field("", description="sdedit: the row whose pictures are noised and denoised again, tile by tile (SPEC R11)")
    layer_share: float = Field(0.0, ge=0, le=1, description="B_max of SPEC R8")
    time_threshold: int = Field(NEVER, ge=0, le=NEVER, description="t_max of SPEC R8, or the timestep SDEdit starts from")
    published: dict[PublishedMetric, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_origin(self) -> "SuiteRow":
        if self.run and self.of:
            raise ValueError("a row has either `run` or `of`, or neither where it is only quoted")
        return self

    @property
    def measured(self) -> bool:
        """Whether it is made here, or only quoted."""
        return bool(self.run or self.of)


class Beats(Strict):
    """A row is better than others in a metric by more than the spread."""

    kind: Literal["beats"]
    row: str
    over: list[str]
    metric: str


class Within(Strict):
    """A row is worse than another in a metric by at most a tolerance."""

    kind: Literal["within"]
    row: str
    of: str
    metric: str
    tolerance: float = Field(gt=0)


class Follows(Strict):
    """From one row to the next a metric moves in the direction that was published."""

    kind: Literal["follows"]
    before: str
    after: str
    metrics: list[str]


Expectation = Annotated[Beats | Within | Follows, Field(discriminator="kind")]


class Shifting(Strict):
    """Where sampling is in the synthetic domain (SPEC R8)."""

    layer_share: float = Field(ge=0, le=1, description="B_max")
    time_threshold: int = Field(ge=0, le=NEVER, description="t_max")


class SuiteSize(Strict):
    """What a size makes of every suite, from `suites/sizes/<size>.yaml`."""

    seeds: list[int] = Field(min_length=1)
    processes: int = Field(1, gt=0, description="pieces at the same time on this machine, each a process with its share of the cores or GPUs")
    budgets: dict[str, TrainBudget]
    shifting: Shifting | None = Field(None, description="what R9 chose for this size's base, for every row that shifts; none = as published")
    config: dict[str, Any] = Field(default_factory=dict, description="settings added to every run's recipe")
    train: dict[str, Any] = Field(default_factory=dict, description="changes of the section `train`")
    evaluate: dict[str, Any] = Field(default_factory=dict, description="changes of the section `evaluate`")


class Suite(Strict):
    """A suite at one size. `load_suite` makes it."""

    name: str
    title: str
    source: str = Field(description="where the published numbers stand")
    consistency: Surface = Field(
        "given_surface", description="surface that views are back-projected onto: that of the asset, or what their silhouettes leave; none: no views"
    )
    runs: dict[str, SuiteRun]
    rows: list[SuiteRow]
    expectations: list[Expectation] = Field(default_factory=list)
    leave_out: dict[str, list[str]] = Field(default_factory=dict, description="size -> rows that it does not have")
    at: SuiteSize

    @model_validator(mode="after")
    def _names_exist(self) -> "Suite":
        known: list[str] = []
        for name, run in self.runs.items():
            _require(f"runs.{name}.parents", run.parents.values(), [BASE, *known])
            _require(f"runs.{name}.budget", [run.budget], self.at.budgets)
            known.append(name)
        rows: list[str] = []
        for row in self.rows:
            _require(f"rows.{row.name}.run", [row.run] if row.run else [], self.runs)
            _require(f"rows.{row.name}.of", [row.of] if row.of else [], rows)
            rows.append(row.name)
        for size, names in self.leave_out.items():
            _require(f"leave_out.{size}", names, rows)
        for expectation in self.expectations:
            _require("expectations", _rows_of(expectation), rows)
        return self

    def without(self, left_out: list[str]) -> "Suite":
        """Without some rows, those that refine them, and what is expected of them."""
        rows = [row for row in self.rows if row.name not in left_out and row.of not in left_out]
        names = {row.name for row in rows}
        expectations = [expectation for expectation in self.expectations if set(_rows_of(expectation)) <= names]
        return self.model_copy(update={"rows": rows, "expectations": expectations})

    def tuned(self) -> "Suite":
        """With the size's own shifting in every row that shifts."""
        if self.at.shifting is None:
            return self
        own = self.at.shifting.model_dump()
        return self.model_copy(update={"rows": [row.model_copy(update=own) if row.layer_share > 0 else row for row in self.rows]})

    def row(self, name: str) -> SuiteRow:
        """The row of a name."""
        return next(row for row in self.rows if row.name == name)

    def model_of(self, row: SuiteRow, seed: int) -> str:
        """Name of the training run whose model a row samples, or whose pictures it refines."""
        return self.run_name(row.run, seed) if row.run else self.model_of(self.row(row.of), seed)

    def runs_of(self, row: SuiteRow, seed: int) -> list[str]:
        """Names of the training runs that a row needs, parents first."""
        if row.of:
            return self.runs_of(self.row(row.of), seed)
        return list(dict.fromkeys(self.run_name(name, seed) for name in self._lineage(row.run)))

    def run_name(self, name: str, seed: int) -> str:
        """The name under which a run is trained: the same for the same settings and parents, whichever row or suite asks for it."""
        return self._named(name, seed)[0]

    def extend(self, params: Params) -> Params:
        """Parameters with every run of every seed, and with the size's changes for suites. Raises ValueError for a wrong key among these."""
        added = dict(self._named(name, seed) for seed in self.at.seeds for name in self.runs)
        runs = {**params.train.runs, **_with_base(added, params.evaluate.base)}
        try:
            train = TrainParams.model_validate({**params.train.model_dump(), **self.at.train, "runs": runs})
            evaluate = EvaluateParams.model_validate({**params.evaluate.model_dump(), **self.at.evaluate})
        except ValidationError as error:
            raise ValueError(f"suite {self.name} changes `train` or `evaluate` wrongly:\n  {explain(error)}") from None
        if self.at.processes > 1 and train.workers > 0:
            raise ValueError(f"suite.processes={self.at.processes} trains on this machine: set suite.train.workers=0, or suite.processes=1 for Ray")
        return params.model_copy(update={"train": train, "evaluate": evaluate})

    def _named(self, name: str, seed: int) -> tuple[str, TrainRun]:
        run = self.runs[name]
        parents = {role: parent if parent == BASE else self.run_name(parent, seed) for role, parent in run.parents.items()}
        budget = self.at.budgets[run.budget].model_dump()
        made = TrainRun(recipe=run.recipe, parents=parents, config={**run.config, **self.at.config}, seed=seed, **budget)
        return f"{run.recipe}_{content_id(made.model_dump(mode='json'))[:8]}", made

    def _lineage(self, name: str) -> list[str]:
        parents = [parent for parent in self.runs[name].parents.values() if parent != BASE]
        return [ancestor for parent in parents for ancestor in self._lineage(parent)] + [name]


def load_suite(name: str, size: str, overrides: list[str] | tuple[str, ...] = (), folder: Path = SUITES_FOLDER) -> Suite:
    """Read `suites/<name>.yaml` at a size; overrides `suite.key=value` change what it says of the size.

    Raises ValueError naming the suites or sizes there are, or every key that is wrong.
    """
    path, size_path = folder / f"{name}.yaml", folder / "sizes" / f"{size}.yaml"
    if not path.is_file():
        raise ValueError(f"no suite {name!r}: there are {', '.join(suite_names(folder))}")
    if not size_path.is_file():
        raise ValueError(f"suites say nothing of size {size!r}: add {size_path.name} beside {', '.join(suite_names(size_path.parent))}")
    tree, at = yaml.safe_load(path.read_text()), {"suite": yaml.safe_load(size_path.read_text())}
    for override in overrides:
        apply_override(at, override)
    try:
        suite = Suite.model_validate({**tree, "name": name, "at": at["suite"]})
    except ValidationError as error:
        raise ValueError(f"suite {name!r} at size {size!r} ({path.name}, {size_path.name}) is wrong:\n  {explain(error)}") from None
    return suite.without(suite.leave_out.get(size, [])).tuned()


def suite_names(folder: Path = SUITES_FOLDER) -> list[str]:
    """The names of the files in a folder: every suite there is."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def split_overrides(overrides: list[str]) -> tuple[list[str], list[str]]:
    """Those of a suite (`suite.key=value`), and those of the parameters."""
    of_suite = [override for override in overrides if override.startswith("suite.")]
    return of_suite, [override for override in overrides if override not in of_suite]


def _with_base(runs: dict[str, TrainRun], base: str) -> dict[str, TrainRun]:
    return {
        name: run.model_copy(update={"parents": {role: base if parent == BASE else parent for role, parent in run.parents.items()}})
        for name, run in runs.items()
    }


def _rows_of(expectation: Beats | Within | Follows) -> list[str]:
    if isinstance(expectation, Beats):
        return [expectation.row, *expectation.over]
    return [expectation.row, expectation.of] if isinstance(expectation, Within) else [expectation.before, expectation.after]


def _require(where: str, names: Any, known: Any) -> None:
    missing = [name for name in names if name not in known]
    if missing:
        raise ValueError(f"{where}: {missing[0]!r} is not there; there are {', '.join(known)}")
