"""Records are found by the words in them."""

from __future__ import annotations

from contextlib import suppress

from crmkit.core.ports.storage import Storage
from crmkit.errors import RejectedError
from crmkit.testing.schema import a_thing
from crmkit.testing.storage.base import StorageTests
from crmkit.testing.storage.shorthands import LATER, fill, search_for, update

__all__ = ["SearchTests"]


class SearchTests(StorageTests):
    """Records are found by the words in them."""

    def test_search_finds_the_beginnings_of_all_words(self, store: Storage) -> None:
        """Of any searched field, in any order."""
        fill(
            store,
            a_thing("thing_1", name="Hospy Médias", note="Lyon"),
            a_thing("thing_2", name="Hospital", note="Paris"),
            a_thing("thing_3", name="Cahospy"),
            a_thing("thing_4", name="Київ"),
            a_thing("thing_5", name="東京"),
        )

        assert sorted(search_for(store, "hosp")) == ["thing_1", "thing_2"]
        assert search_for(store, "med hos") == ["thing_1"]
        assert search_for(store, "lyon hospy") == ["thing_1"]
        assert search_for(store, "hospy paris") == []
        assert search_for(store, "edias") == []
        assert (search_for(store, "Ки"), search_for(store, "東")) == (["thing_4"], ["thing_5"])
        assert search_for(store, "") == []

    def test_search_respects_its_limit_and_leaves_out_the_deleted(self, store: Storage) -> None:
        """A deleted record takes nobody's place."""
        rows = [a_thing(f"thing_{i}", name="bike", deleted_at=LATER if i < 3 else None) for i in range(6)]
        fill(store, *rows)

        with store.read() as view:
            assert sorted(view.search("thing", ["bike"], limit=9)) == ["thing_3", "thing_4", "thing_5"]
            assert len(view.search("thing", ["bike"], limit=2)) == 2
            assert view.search("shelf", ["bike"], limit=2) == []

    def test_search_follows_updates(self, store: Storage) -> None:
        """Old words go, new ones come, and a restored record is found again."""
        fill(store, a_thing("thing_1", name="old"), a_thing("thing_2", name="old"))
        update(store, "thing_1", version=1, name="new", search_text="new")
        update(store, "thing_2", version=1, deleted_at=LATER)
        between = search_for(store, "old")
        update(store, "thing_2", version=2, deleted_at=None)

        assert (between, search_for(store, "old"), search_for(store, "new")) == ([], ["thing_2"], ["thing_1"])

    def test_any_text_is_safe_to_search_for(self, store: Storage) -> None:
        """Operators are words, and quotes nothing at all."""
        fill(store, a_thing("thing_1", name="and or not near"), a_thing("thing_2", name="rock and roll"))

        assert sorted(search_for(store, "and")) == ["thing_1", "thing_2"]
        assert search_for(store, "NOT") == search_for(store, "near") == ["thing_1"]
        with store.read() as view:
            for word in ['"', "'", "a*b", "(", "and OR", "name:x", "-", "^", "+", "{", "\\", "100%", "x\0", "a\udc80"]:
                with suppress(RejectedError):
                    view.search("thing", [word], limit=5)
