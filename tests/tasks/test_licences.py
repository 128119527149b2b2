"""Licences have one spelling, and a filter."""

import pytest

from tasks.licences import is_allowed, licence_url, spdx_id


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cc-by-4.0", "CC-BY-4.0"),
        ("Creative Commons - Attribution", "CC-BY-4.0"),
        ("by", "CC-BY-4.0"),
        ("MIT License", "MIT"),
        ("  Apache   2.0 ", "Apache-2.0"),
        ("SCEA Shared Source License 1.0", "SCEA Shared Source License 1.0"),
        ("", "unknown"),
    ],
)
def test_licences_have_one_spelling(text: str, expected: str) -> None:
    assert spdx_id(text) == expected


def test_licence_filter() -> None:
    assert is_allowed("GPL-3.0-only", []) and is_allowed("CC0-1.0", ["cc0", "MIT"])
    assert not is_allowed("unknown", ["CC0-1.0"]) and not is_allowed("CC-BY-NC-4.0", ["CC-BY-4.0"])


def test_where_a_licence_can_be_read() -> None:
    assert licence_url("CC-BY-4.0").startswith("https://creativecommons.org/licenses/by/4.0")
    assert licence_url("unknown") == ""
