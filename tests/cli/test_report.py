"""Reports from the command line."""

from __future__ import annotations

from html.parser import HTMLParser

from .conftest import CommandLine


def test_the_funnel_of_a_campaign_is_a_table_that_adds_up(shop: CommandLine) -> None:
    shop.run("import", badges(shop), "--campaign", "Salon 2026")

    text = shop.out("report", "funnel", "--campaign", "Salon 2026")

    assert "Funnel of Salon 2026" in text
    assert "It adds up: 3 + 0 + 0 + 0 + 0 + 0 + 0 = 3 leads." in text


def test_a_report_is_written_as_a_page_when_asked(shop: CommandLine) -> None:
    text = shop.out("report", "funnel", "--option", "campaign=Salon 2026", "--html", "funnel.html")

    assert "Written as a page to funnel.html." in text
    assert "<svg" in (shop.folder / "funnel.html").read_text("utf-8")
    assert_well_formed((shop.folder / "funnel.html").read_text("utf-8"))


def test_programs_get_the_facts(shop: CommandLine) -> None:
    shop.run("import", badges(shop), "--campaign", "Salon 2026")

    told = shop.json("report", "funnel")

    assert told["title"] == "Funnel of Salon 2026"
    assert told["facts"]["cohort"] == 3  # Jules is in it already
    assert sum(step["stopped_here"] for step in told["facts"]["steps"]) == 3


def test_without_a_name_the_reports_are_listed_with_their_options(shop: CommandLine) -> None:
    listed = {report["name"]: report for report in shop.json("report")}

    assert set(listed["funnel"]["options"]) == {"campaign", "language"}
    assert "funnel" in shop.out("report")


def test_the_page_may_be_french(shop: CommandLine) -> None:
    assert "Salon 2026" in shop.out("report", "funnel", "--option", "language=fr")
    assert "Étape" in shop.out("report", "funnel", "--option", "language=fr")


def test_what_is_unknown_is_an_error_of_its_kind(shop: CommandLine) -> None:
    assert "did you mean funnel" in shop.run("report", "funel", code=4).stderr
    assert "there is no campaign" in shop.run("report", "funnel", "--campaign", "Foire", code=4).stderr
    assert "has no option 'colour'" in shop.run("report", "funnel", "--option", "colour=red", code=3).stderr
    assert "NAME=VALUE" in shop.run("report", "funnel", "--option", "red", code=2).stderr


def test_a_page_that_cannot_be_written_is_refused(shop: CommandLine) -> None:
    assert "cannot be written" in shop.run("report", "funnel", "--html", "nowhere/f.html", code=3).stderr


def badges(shop: CommandLine) -> str:
    text = "Email,Company\nlea@belledonne.example,Belledonne\nyann@telesuivi.example,Télésuivi\n"
    (shop.folder / "badges.csv").write_text(text, "utf-8")
    return "badges.csv"


def assert_well_formed(html: str) -> None:
    """Each element that is opened is closed, in order."""
    parser = _Nesting()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    assert parser.seen > 10


class _Nesting(HTMLParser):
    _VOID = ("meta", "link", "br", "hr", "img", "input")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen += 1
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen += 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag
