"""The whole chain, from assets to the report, in one process: `python -m flows.full --size micro`."""

from prefect import flow

from flows.align import align
from flows.assets import assets
from flows.command import run_word
from flows.evaluate import evaluate
from flows.features import features
from flows.matched_real import matched_real
from flows.render import render
from flows.report import report
from flows.shards import shards
from flows.train import train


@flow(name="full")
def full(size: str = "micro", overrides: list[str] | None = None, root: str | None = None) -> str:
    """Run every word in order, each doing only what is missing; returns the path of the report."""
    for step in (assets, render, matched_real, align, shards, features, train, evaluate):
        step(size, overrides, root)
    return report(size, overrides, root)


if __name__ == "__main__":
    run_word("full")
