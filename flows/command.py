"""The command line: `atelier3d <word> --size micro --set section.key=value`, and the same for `python -m flows.<word>`."""

import argparse
import importlib
import sys
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from data_specs.params import SIZES, WORDS, Params
from flows.environment import end_cleanly_on_sigterm, stop_orphaned_servers
from tasks.artefacts import Workspace

RESULTS = dict.fromkeys(WORDS, "manifest") | {"train": "model", "evaluate": "metrics", "report": "report", "full": "report"}


def main(arguments: list[str] | None = None) -> None:
    """Entry point of `atelier3d`."""
    parser = argparse.ArgumentParser(prog="atelier3d", description=(importlib.import_module("flows").__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for word in (*WORDS, "full"):
        _add_flow_arguments(commands.add_parser(word, **_help(word)), word)
    lineage = commands.add_parser("lineage", help="the chain from a run, a picture or an asset to data, commits and licences")
    lineage.add_argument("subject", help="name of a training run, path of a report's picture, or an asset id")
    _add_place_arguments(lineage)
    plan = commands.add_parser("plan", help="memory, disk and time of every training run, before anything starts")
    _add_place_arguments(plan)
    parsed = parser.parse_args(arguments)
    _guarded(parsed.command, {"lineage": _lineage, "plan": _plan}.get(parsed.command, _run_flow), parsed)


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
    except (ValueError, OSError) as error:
        if parsed.debug:
            raise
        sys.exit(f"atelier3d {command}: {error}")


def _run_flow(parsed: argparse.Namespace) -> None:
    stop_orphaned_servers()
    end_cleanly_on_sigterm()
    flow = getattr(importlib.import_module(f"flows.{parsed.command}"), parsed.command)
    result = flow(size=parsed.size, overrides=parsed.set, root=parsed.root)
    print(f"{RESULTS[parsed.command]}: {result}", flush=True)


def _lineage(parsed: argparse.Namespace) -> None:
    from tasks.lineage import lineage

    print("\n".join(lineage(Workspace.open(parsed.size, parsed.root), parsed.subject)))


def _plan(parsed: argparse.Namespace) -> None:
    from data_specs.params import load_params
    from tasks.train.plan import describe, plan_run

    workspace, params = Workspace.open(parsed.size, parsed.root), load_params(parsed.size, parsed.set)
    for name in params.train.sequence:
        print(describe(plan_run(workspace, params, name)), end="\n\n")


def _add_flow_arguments(parser: argparse.ArgumentParser, word: str) -> None:
    _add_place_arguments(parser)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "parameters (change one with --set):\n" + "\n".join(_explain(word))


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


def _explain(word: str) -> list[str]:
    sections = [*WORDS, "execution"] if word == "full" else [word, "execution"]
    return [line for section in sections for line in _explain_section(section, Params.model_fields[section].annotation)]


def _explain_section(prefix: str, section: Any) -> list[str]:
    lines = []
    for name, field in section.model_fields.items():
        inner = get_args(field.annotation)[-1] if get_origin(field.annotation) is dict else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            lines += _explain_section(f"{prefix}.{name}.<name>", inner)
            continue
        kind = getattr(field.annotation, "__name__", str(field.annotation).replace("typing.", ""))
        choices = get_args(field.annotation)
        kind = (
            "|".join(map(str, choices)) if get_origin(field.annotation) is not list and choices and all(isinstance(c, str) for c in choices) else kind
        )
        default = "required" if field.is_required() else field.get_default(call_default_factory=True)
        lines.append(f"  {prefix}.{name:<24} {kind:<12} {default!s:<12} {field.description or ''}")
    return lines


if __name__ == "__main__":
    main()
