"""The pages of an HTTP endpoint: which address each has, what its answer holds, and what comes next.

Apart from the kind itself, because most programs that open a workspace pull nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import attrs

from crmkit.core.ports.pulling import Batch
from crmkit.errors import RejectedError, UnreadableError
from crmkit.plugins.builtin.lead_sources.web import check_headers, check_url, fetch_json, headers_of, origin_of
from crmkit.services.sources import BytesSource

__all__ = ["Endpoint"]

_PAGING: Final = ("next", "cursor", "page")
_NAME_CHARS: Final = 120


@attrs.frozen(kw_only=True)
class Endpoint:
    """The settings, understood."""

    url: str
    path: str
    paging: str
    where: str
    cursor_param: str
    first_page: int
    from_start: bool
    headers: str
    timeout_s: float
    max_bytes: int

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Endpoint:
        """Understand the settings.

        Raises:
            RejectedError: With all that is wrong.
        """
        problems = [*check_url(settings.get("url", "")), *check_headers(settings.get("headers", ""))]
        paging = [name for name in _PAGING if settings.get(name)]
        if len(paging) > 1:
            problems.append(f"there is one way to the next page: {' or '.join(paging)}")
        numbers: dict[str, float] = {}
        for name, usual, least in (("timeout_s", 30, 0.001), ("max_mb", 16, 0.001), ("first_page", 1, 0)):
            try:
                numbers[name] = float(settings.get(name) or usual)
            except ValueError:
                numbers[name] = -1
            if not least <= numbers[name] < _LARGEST:
                problems.append(f"{name} must be a number, not {settings[name]!r}")
        if settings.get("from_start", "no") not in ("yes", "no"):
            problems.append(f"from_start must be yes or no, not {settings['from_start']!r}")
        if problems:
            raise RejectedError(problems)
        return cls(
            url=settings["url"],
            path=settings.get("items", ""),
            paging=paging[0] if paging else "",
            where=settings[paging[0]] if paging else "",
            cursor_param=settings.get("cursor_param") or "cursor",
            first_page=int(numbers["first_page"]),
            from_start=settings.get("from_start") == "yes",
            headers=settings.get("headers", ""),
            timeout_s=numbers["timeout_s"],
            max_bytes=int(numbers["max_mb"] * 1_000_000),
        )

    def batches(self, cursor: str | None) -> Iterator[Batch]:
        """Hand over the items of one page after the other, from the page of the cursor on."""
        at = None if self.from_start else cursor
        headers = headers_of(self.headers)
        seen: set[str] = set()
        while True:
            url = self.address(at)
            if url in seen:
                raise UnreadableError("its pages lead round in a circle", source=_called(url))
            seen.add(url)
            answer = fetch_json(url, headers, timeout_s=self.timeout_s, max_bytes=self.max_bytes)
            items = self.items(answer, url)
            following = self.following(answer, at, items, url)
            yield from self.batch(items, at, following, url)
            if following is None:
                return
            at = following

    def address(self, at: str | None) -> str:
        """Return the address of a page."""
        if self.paging == "next":
            return at or self.url
        if self.paging == "cursor":
            return self.url if at is None else _with_parameter(self.url, self.cursor_param, at)
        if self.paging == "page":
            return _with_parameter(self.url, self.where, at or str(self.first_page))
        return self.url

    def items(self, answer: Any, url: str) -> Sequence[Any]:
        """Return the list in an answer."""
        if self.path:
            found = _at(answer, self.path)
        elif isinstance(answer, list):
            found = answer
        else:
            lists = dict(_lists(answer))
            if len(lists) != 1:
                raise UnreadableError("does not say which list is meant", source=_called(url), hint=_say_where(lists))
            found = next(iter(lists.values()))
        if not isinstance(found, list):
            lists = dict(_lists(answer))
            raise UnreadableError(f"has no list at {self.path}", source=_called(url), hint=_say_where(lists))
        return found

    def following(self, answer: Any, at: str | None, items: Sequence[Any], url: str) -> str | None:
        """Return what leads to the next page, or None when this is the last one."""
        if self.paging == "page":
            return str(int(at or self.first_page) + 1) if items else None
        if not self.paging:
            return None
        value = _at(answer, self.where)
        if value in (None, "", False):
            return None
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise UnreadableError(f"has no text at {self.where}", source=_called(url), hint="see crmkit sources set")
        text = str(value)
        if self.paging == "cursor":
            return None if text == at or not items else text
        following = urljoin(url, text)
        if check_url(following) or origin_of(following) != origin_of(self.url):
            raise UnreadableError(
                f"its next page is somewhere else ({_called(following)})",
                source=_called(url),
                hint="only pages of the same host are followed, since the headers may hold a secret",
            )
        return None if following == url else following

    def batch(self, items: Sequence[Any], at: str | None, following: str | None, url: str) -> Iterator[Batch]:
        """Return the items of a page as a batch, with where the next pull begins when they are imported."""
        keep = at or str(self.first_page) if self.paging == "page" else following or at
        if self.from_start:
            keep = None
        if items:
            data = json.dumps(items, ensure_ascii=False, separators=(",", ":"))
            yield Batch(source=BytesSource(_called(url), data.encode(errors="replace")), cursor=keep)
        elif following is not None:
            yield Batch(cursor=keep)


_LARGEST: Final = 1_000_000


def _with_parameter(url: str, name: str, value: str) -> str:
    parts = urlsplit(url)
    query = [(key, each) for key, each in parse_qsl(parts.query, keep_blank_values=True) if key != name]
    return urlunsplit(parts._replace(query=urlencode([*query, (name, value)])))


def _called(url: str) -> str:
    """Return what a page is called: its address without scheme; a long one is cut, and still told apart."""
    parts = urlsplit(url)
    name = parts.netloc + parts.path + (f"?{parts.query}" if parts.query else "")
    if len(name) <= _NAME_CHARS:
        return name
    from hashlib import sha256

    return f"{name[:_NAME_CHARS]}… {sha256(name.encode()).hexdigest()[:8]}"


def _at(value: Any, path: str) -> Any:
    """Return what stands at a dotted path, or None."""
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


_DEEPEST: Final = 3


def _lists(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, list[Any]]]:
    """Go through the lists in an answer that could be the one that is meant, with their paths."""
    for name, each in value.items() if isinstance(value, dict) and depth < _DEEPEST else ():
        here = f"{path}.{name}" if path else str(name)
        if isinstance(each, list) and all(isinstance(item, dict) for item in each):
            yield here, each
        else:
            yield from _lists(each, here, depth + 1)


def _say_where(lists: Mapping[str, Any]) -> str:
    known = " or ".join(f"items={path}" for path in lists)
    return f"say which with {known}" if known else "say where the list is with items=PATH, such as items=data.leads"
