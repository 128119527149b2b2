"""The order of things: one Prefect flow per word. Importing this package settles where Prefect keeps its state, before Prefect is imported."""

from flows.environment import prepare_environment

prepare_environment()
