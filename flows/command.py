"""The command line: `atelier3d <word> --size micro --set section.key=value`, and the same for `python -m flows.<word>`."""

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any, get_args

from data_specs.ids import slug
from data_specs.parameter_help import explain
from data_specs.params import SIZES, WORDS, GenerateParams, Params, load_params
from data_specs.suite import suite_names
from flows.environment import stop_orphaned_servers
from flows.stopping import end_cleanly_on_sigterm, start_temporary_server, stopped_with
from tasks.artefacts import Workspace
from tasks.kept_memory import keep_freed_memory

RESULTS = dict.fromkeys(WORDS, "manifest") | {"train": "model", "evaluate": "metrics", "report": "report", "full": "report", "generate": "page"}
GENERATE_OPTIONS = ("mesh", "prompt", "real", "model", "seed", "out")
"""Parameters of `generate` that are options of their own."""


def main(arguments: list[str] | None = None) -> None:
    """Entry point of `atelier3d`."""
    parser = argparse.ArgumentParser(prog="atelier3d", description=(importlib.import_module("flows").__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for word in (*WORDS, "full"):
        _add_flow_arguments(commands.add_parser(word, **_help(word)), word, arguments)
    lineage = commands.add_parser("lineage", help="the chain from a run, a picture, an asset or an aligned subject to data, commits and licences")
    lineage.add_argument("subject", help="name of a training run, path of a report's picture, id of an asset or of an aligned subject")
    _add_place_arguments(lineage)
    plan = commands.add_parser("plan", help="memory, disk and time of every training run, before anything starts")
    plan.add_argument(
        "--cluster", metavar="nodes=8,gpus=8,gpu=h100", help="estimates of every stage on a cluster: gpus and cores of each node, kind of GPU"
    )
    _add_place_arguments(plan)
    weights = commands.add_parser("weights", help="base models by reference: fetch one and check it, or lock which bytes it is")
    weights.add_argument(
        "action", choices=["fetch", "lock"], help="fetch: download what is missing, check all files; lock: record revision and sha256"
    )
    weights.add_argument("reference", help="hub:OWNER/REPO@REVISION; to fetch also micro:NAME or path:FOLDER")
    _add_place_arguments(weights)
    parsed = parser.parse_args(arguments)
    _guarded(parsed.command, {"lineage": _lineage, "plan": _plan, "weights": _weights}.get(parsed.command, _run_flow), parsed)


def run_word(word: str) -> None:
    """Entry point of `python -m flows.<word>`."""
    parser = argparse.ArgumentParser(prog=f"python -m flows.{word}", **_parser_help(word))
    _add_flow_arguments(parser, word)
    parsed = parser.parse_args()
    parsed.command = word
    _guarded(word, _run_flow, parsed)


def _guarded(command: str, action: Any, parsed: argparse.Namespace) -> None:
    try:
        action(parsed)
    except BaseException as error:
        if parsed.debug:
            raise
        status = stopped_with(error)
        if not status and not isinstance(error, (ValueError, OSError)):
            raise
        said = "stopped. The same command again goes on with what is missing." if status else error
        print(f"atelier3d {command}: {said}", file=sys.stderr, flush=True)
        sys.exit(status or 1)


def _run_flow(parsed: argparse.Namespace) -> None:
    stop_orphaned_servers()
    end_cleanly_on_sigterm()
    start_temporary_server()
    keep_freed_memory()
    if parsed.command == "generate":
        parsed.set = _generate_overrides(parsed) + parsed.set
    flow = getattr(importlib.import_module(f"flows.{parsed.command}"), parsed.command)
    own = {name: getattr(parsed, name) for name in ("suite", "tune", "base") if hasattr(parsed, name)}
    result = flow(size=parsed.size, overrides=parsed.set, root=parsed.root, **own)
    print(f"{'tuning' if own.get('tune') else RESULTS[parsed.command]}: {result}", flush=True)


def _lineage(parsed: argparse.Namespace) -> None:
    from tasks.lineage import lineage

    print("\n".join(lineage(Workspace.open(parsed.size, parsed.root), parsed.subject)))


def _plan(parsed: argparse.Namespace) -> None:
    from tasks.train.plan import describe, plan_run

    workspace, params = Workspace.open(parsed.size, parsed.root), load_params(parsed.size, parsed.set)
    if parsed.cluster:
        from tasks.cluster_table import cluster_table

        print("\n".join(cluster_table(workspace, params, parsed.cluster)))
        return
    for name in params.train.sequence:
        print(describe(plan_run(workspace, params, name)), end="\n\n")


def _weights(parsed: argparse.Namespace) -> None:
    from data_specs.weights import LOCK, parse_reference
    from tasks.weights import find_weights, lock_weights

    reference = parse_reference(parsed.reference)
    if reference is None:
        raise ValueError(f"{parsed.reference!r} is no reference: write hub:OWNER/REPO@REVISION, micro:NAME or path:FOLDER")
    if parsed.action == "fetch":
        found = find_weights(Workspace.open(parsed.size, parsed.root), reference, again=True)
        print(f"{reference}: {found.folder}, sha256 {found.digest}")
        return
    model = lock_weights(reference)
    size = sum(file.size for file in model.files.values())
    print(f"locked {reference.name} at {model.revision}: {len(model.files)} files, {size / 1e9:.3g} GB, licence {model.licence} ({LOCK})")


def _add_flow_arguments(parser: argparse.ArgumentParser, word: str, arguments: list[str] | None = None) -> None:
    """arguments: of the command line, None = those of this process."""
    _add_place_arguments(parser)
    if word == "evaluate":
        instead = parser.add_mutually_exclusive_group()
        instead.add_argument("--suite", choices=suite_names(), help="train or reuse every row of a paper's table and print it; --set suite.seeds=[0]")
        instead.add_argument("--base", help="check a base model on held-out captions: micro:NAME, hub:OWNER/REPO or path:FOLDER")
        instead.add_argument("--tune", action="store_true", help="find the B_max and t_max to sample with on held-out assets (SPEC R9)")
    if word == "align":
        parser.add_argument("--tune", action="store_true", help="choose the filters' thresholds on pictures with planted faults, and test them")
    if word == "generate":
        _add_generate_arguments(parser)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _explained(word, sys.argv[1:] if arguments is None else arguments)


def _explained(word: str, arguments: list[str]) -> str:
    """What follows the options where help is asked for: every parameter with its value at the size that is asked for."""
    if not {"-h", "--help"} & set(arguments):
        return ""
    asked = argparse.ArgumentParser(add_help=False)
    asked.add_argument("--size", choices=SIZES, default="micro")
    size = asked.parse_known_args(arguments)[0].size
    return f"parameters, at size {size} (change one with --set):\n" + "\n".join(explain(word, load_params(size)))


def _add_generate_arguments(parser: argparse.ArgumentParser) -> None:
    fields = GenerateParams.model_fields
    parser.add_argument("kind", nargs="?", choices=get_args(fields["kind"].annotation), help=f"{fields['kind'].description}; empty = the DVC stage")
    for name in GENERATE_OPTIONS:
        parser.add_argument(f"--{name}", help=fields[name].description if name != "out" else "folder of the result (default: generated/<name>)")


def _generate_overrides(parsed: argparse.Namespace) -> list[str]:
    """The options as parameters. What is generated by hand stays out of the stage's own folder."""
    given = {name: value for name in GENERATE_OPTIONS if (value := getattr(parsed, name)) is not None}
    if parsed.kind:
        given = {"kind": parsed.kind, "out": f"generated/{slug(Path(given.get('mesh', '')).stem or given.get('prompt', parsed.kind))}", **given}
    texts = {name for name, field in GenerateParams.model_fields.items() if field.annotation is not int and field.annotation is not float}
    return [f"generate.{name}={json.dumps(value, ensure_ascii=False) if name in texts else value}" for name, value in given.items()]


def _add_place_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", choices=SIZES, default="micro", help="which parameter file: data_specs/params/<size>.yaml (default: micro)")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="change one parameter, or seed; may be repeated")
    parser.add_argument("--root", help="folder that holds data/ and runs/ (default: $ATELIER3D_HOME or the current folder)")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def _help(word: str) -> dict[str, Any]:
    summary = _summary(word)
    return {"help": summary, "description": summary}


def _parser_help(word: str) -> dict[str, Any]:
    return {"description": _summary(word)}


def _summary(word: str) -> str:
    if word == "full":
        return "every stage in order, from assets to the report"
    return (Params.model_fields[word].annotation.__doc__ or "").splitlines()[0]  # type: ignore[union-attr]


if __name__ == "__main__":
    main()
