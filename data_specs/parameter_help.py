"""What `--help` says of every parameter: its kind, its value at the size that is asked for, what it does."""

from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from data_specs.params import WORDS, Params


def explain(word: str, params: Params) -> list[str]:
    """A line for each parameter of a word, or of all stages (`full`), and of how work is spread."""
    sections = [*(each for each in WORDS if each != "generate"), "execution"] if word == "full" else [word, "execution"]
    return [line for section in sections for line in _section(section, Params.model_fields[section].annotation, getattr(params, section))]


def _section(prefix: str, section: Any, values: BaseModel | None) -> list[str]:
    """values: of the size; None for what comes under many names, where the default of the class counts."""
    lines = []
    for name, field in section.model_fields.items():
        inner = get_args(field.annotation)[-1] if get_origin(field.annotation) is dict else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            lines += _section(f"{prefix}.{name}.<name>", inner, None)
            continue
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            lines += _section(f"{prefix}.{name}", field.annotation, getattr(values, name, None))
            continue
        value = "required" if field.is_required() else field.get_default(call_default_factory=True)
        value = value if values is None else getattr(values, name)
        lines.append(f"  {prefix}.{name:<24} {_kind(field.annotation):<12} {_shown(value):<12} {field.description or ''}")
    return lines


def _kind(annotation: Any) -> str:
    choices = get_args(annotation)
    if get_origin(annotation) is Union:
        return "|".join(map(_kind, choices))
    if get_origin(annotation) is Annotated:
        return _kind(choices[0])
    if get_origin(annotation) is not list and choices and all(isinstance(choice, str) for choice in choices):
        return "|".join(choices)
    return getattr(annotation, "__name__", str(annotation).replace("typing.", ""))


def _shown(value: Any) -> str:
    return "''" if value == "" else str(value)
