"""An HTTP endpoint that answers with JSON: one page, or one page after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from crmkit.core.ports.pulling import Batch

__all__ = ["HttpSource"]


class HttpSource:
    """Asks ``settings["url"]`` for JSON, page by page, and hands over the items of each.

    Which page comes next is said by a link in the answer (``next``), by a cursor in the answer
    that is sent along (``cursor``), or by counting (``page``); without any of these there is
    one page. The last page is read again by each pull, for it may have grown.
    """

    name = "http"
    summary = "an address on the web that answers with JSON"
    settings: Mapping[str, str] = {
        "url": "the address, http:// or https://",
        "items": "where the list is, such as data.leads; found when there is only one",
        "next": "where the address of the next page is, such as paging.next",
        "cursor": "where the cursor of the next page is, such as meta.cursor",
        "cursor_param": "the query parameter that sends the cursor; cursor when it is left out",
        "page": "the query parameter that counts the pages, from the oldest on",
        "first_page": "the number of the first page; 1 when it is left out",
        "from_start": "yes: each pull begins at the first page, where the newest come first",
        "headers": "further headers, one a line; ${NAME} stands for an environment variable",
        "timeout_s": "how long to wait for an answer, in seconds; 30 when it is left out",
        "max_mb": "how large an answer may be, in megabytes; 16 when it is left out",
    }

    def checked(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Look at all settings together."""
        from crmkit.plugins.builtin.lead_sources.pages import Endpoint

        Endpoint.of(settings)
        return settings

    def pull(self, cursor: str | None, settings: Mapping[str, str]) -> Iterator[Batch]:
        """Hand over the items of one page after the other, from the page that was the last one on."""
        from crmkit.plugins.builtin.lead_sources.pages import Endpoint

        yield from Endpoint.of(settings).batches(cursor)
