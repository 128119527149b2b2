"""Which training runs come before another, and the command that trains it and them."""

from data_specs.params import Params


def with_ancestors(params: Params, name: str) -> list[str]:
    """A run of `params.train.runs` after every run that it comes from, each once; empty for a name that is no run."""
    if name not in params.train.runs:
        return []
    earlier = [run for parent in params.train.runs[name].parents.values() for run in with_ancestors(params, parent)]
    return list(dict.fromkeys([*earlier, name]))


def training_command(params: Params, name: str) -> str:
    """What to type for a run to be trained; runs that are there already stay as they are."""
    return f"atelier3d train --size {params.size} --set 'train.sequence=[{', '.join(with_ancestors(params, name))}]'"
