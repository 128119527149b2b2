"""Fixtures of this folder."""

from tests.models.realiz3d.fabricated import one_thread  # noqa: F401
