"""Who computes on a GPU must have a share of one: Ray neither gives nor hides GPUs that nobody asks for."""

from data_specs.params import ExecutionParams


def check_share(execution: ExecutionParams, word: str, wanted_by: list[str]) -> None:
    """Raise ValueError when parameters put work on a GPU, and the word's workers on Ray have none. wanted_by: these parameters, `name=value` each."""
    if wanted_by and execution.backend == "ray" and not execution.share(word):
        raise ValueError(
            f"{', '.join(wanted_by)}: needs a GPU, but execution.gpus_per_worker gives the workers of {word} none: set "
            f"execution.gpus_per_worker.{word}=1, or 0.25 for four workers on a GPU; or execution.backend=inline for one process on this machine"
        )
