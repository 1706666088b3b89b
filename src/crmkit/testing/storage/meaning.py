"""At random: everything means what plain Python says."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from crmkit.core import query as ask
from crmkit.core.fields import Row, Scalar
from crmkit.core.ports.storage import Storage
from crmkit.core.query import Aggregate, Compare, Condition, Not, Op, Order, Query, has_words, matches, sort_rows
from crmkit.core.record_type import RecordType
from crmkit.core.values.text import fold
from crmkit.testing.schema import THING, a_thing
from crmkit.testing.storage.base import StorageTests
from crmkit.testing.storage.shorthands import LATER, TOP, fill, ids_of, in_pages, insert

__all__ = ["MeaningTests"]


class MeaningTests(StorageTests):
    """At random: everything means what plain Python says."""

    def test_every_condition_means_what_plain_python_says(self, store: Storage) -> None:
        """`crmkit.core.query.matches` is the definition."""
        rows = _random_rows()
        fill(store, *rows)
        model = _as_rows(THING, rows)

        @self.examples
        @given(_conditions())
        def check(condition: Condition) -> None:
            fulfils = matches(condition, THING)
            with store.read() as view:
                found = view.find(Query(type="thing", where=condition, deleted=True))
                counted = view.aggregate(Aggregate(type="thing", where=condition, deleted=True))
            assert ids_of(found) == ids_of(filter(fulfils, model))
            assert counted == [(len(found),)]

        check()

    def test_every_order_and_page_is_what_plain_python_says(self, store: Storage) -> None:
        """`crmkit.core.query.sort_rows` is the definition."""
        rows = _random_rows()
        fill(store, *rows)
        model = _as_rows(THING, rows)
        fields = st.sampled_from([name for name in THING.visible_names if name not in ("tags", "facts")])

        @self.examples
        @given(st.lists(st.builds(Order, fields, st.booleans()), max_size=3, unique_by=lambda order: order.field))
        def check(orders: list[Order]) -> None:
            query = Query(type="thing", order=tuple(orders), deleted=True)
            with store.read() as view:
                assert view.find(query) == sort_rows(model, query, THING)
                assert in_pages(view, query.order, 7, deleted=True) == sort_rows(model, query, THING)

        check()

    def test_every_text_is_found_by_its_own_words(self, store: Storage) -> None:
        """Whatever script it is written in."""
        texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20).map(fold)
        numbers = iter(range(10**6))

        @self.examples
        @given(st.lists(texts, min_size=1, max_size=5), texts, st.data())
        def check(stored: list[str], other: str, data: st.DataObject) -> None:
            with store.write() as change:
                old = [str(row[THING.position["id"]]) for row in change.find(Query(type="thing"))]
                change.erase("thing", old)
                insert(change, *(a_thing(f"thing_{next(numbers)}", search_text=text) for text in stored))
            words = data.draw(st.sampled_from([*stored, other])).split()
            asked = [word[: data.draw(st.integers(1, len(word)))] for word in words]
            with store.read() as view:
                found = sorted(view.search("thing", asked, limit=99))
                model = [
                    row[THING.position["id"]]
                    for row in view.find(Query(type="thing"))
                    if asked and has_words(row[THING.position["search_text"]], asked)
                ]
            assert found == sorted(map(str, model)), (stored, asked)

        check()


# Few values, so that random conditions hit and ties are frequent.
_POOLS: dict[str, tuple[Scalar, ...]] = {
    "note": (None, "", "a", "A", "é", "e", "ab 🚲", "%"),
    "count": (None, 0, 1, -1, 10, 9, TOP, -TOP - 1),
    "weight": (None, "0", "9", "10", "-10", "0.5", "100000000000000000000.1"),
    "fragile": (None, 0, 1),
    "made_on": (None, "1999-12-31", "2026-01-31"),
    "tags": (None, '["a"]', '["a","é"]', '["ab"]'),
    "deleted_at": (None, None, LATER),
}
_COMPARED = (Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE)


def _random_rows() -> list[dict[str, Scalar]]:
    chance = random.Random(3)  # noqa: S311  # not for secrets
    return [a_thing(f"thing_{i:02}", **{name: chance.choice(pool) for name, pool in _POOLS.items()}) for i in range(60)]


def _as_rows(kind: RecordType, rows: Sequence[Mapping[str, Scalar]]) -> list[Row]:
    return [tuple(row.get(name) for name in kind.field_names) for row in rows]


def _conditions() -> st.SearchStrategy[Condition]:
    comparisons: list[st.SearchStrategy[Condition]] = []
    for name, pool in _POOLS.items():
        values = st.sampled_from(pool)
        ops = st.sampled_from(_COMPARED[:2] if name == "tags" else _COMPARED)
        comparisons.append(st.builds(Compare, st.just(name), ops, values))
        comparisons.append(st.builds(Compare, st.just(name), st.just(Op.IN), st.lists(values, max_size=3).map(tuple)))
    texts = st.sampled_from(["", "A", "b", "é", "🚲", "%"])
    comparisons.append(st.builds(Compare, st.sampled_from(["note", "tags"]), st.just(Op.CONTAINS), texts))
    comparisons.append(st.builds(Compare, st.just("tags"), st.just(Op.HAS), texts))
    return st.recursive(
        st.one_of(comparisons),
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(ask.All, st.lists(inner, max_size=3).map(tuple)),
            st.builds(ask.Any, st.lists(inner, max_size=3).map(tuple)),
        ),
        max_leaves=6,
    )
