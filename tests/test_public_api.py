"""The public names: few, documented, and free to import."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import crmkit

HEAVY = ("attrs", "babel", "cattrs", "click", "email_validator", "liquid", "phonenumbers", "pluggy", "rich", "sqlite3")


def test_every_public_name_has_a_home_and_the_other_way_round() -> None:
    assert sorted(crmkit.__all__) == sorted(crmkit._HOMES)  # noqa: SLF001  # the table is what is tried


def test_type_checkers_see_the_same_names() -> None:
    source = inspect.getsource(crmkit)
    typed = source[source.index("if TYPE_CHECKING:") : source.index("__version__ =")]

    unseen = [name for name in crmkit.__all__ if name not in typed.replace("(", " ").replace(",", " ").split()]

    assert unseen == []


@pytest.mark.parametrize("name", crmkit.__all__)
def test_public_name_can_be_used_and_says_what_it_is(name: str) -> None:
    value = getattr(crmkit, name)

    assert (inspect.getdoc(value) or "").strip()
    assert name in dir(crmkit)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Opportunity'"):
        crmkit.Opportunity  # noqa: B018  # the access is what is tried


def test_importing_crmkit_imports_nothing_heavy() -> None:
    code = f"import sys, crmkit; print([name for name in {HEAVY} if name in sys.modules])"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert found.strip() == "[]"
