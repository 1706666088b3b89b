"""The funnel as a page of its own: drawings as inline SVG, no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from crmkit.core.pipeline import StageKind
from crmkit.core.values.money import Money
from crmkit.plugins.builtin.funnel_words import Words
from crmkit.services.funnel import Funnel, FunnelStep

__all__ = ["funnel_page"]

_WIDTH = 760
_KINDS = (StageKind.WON, StageKind.OPEN, StageKind.LOST)


def funnel_page(funnel: Funnel, words: Words) -> str:
    """Return the page as HTML that is well-formed XML too; every text in it is escaped."""
    campaign = funnel.campaign
    days = [words.day(day) for day in (campaign.starts_on, campaign.ends_on) if day]
    held = words.say("from_to", first=days[0], last=days[-1]) if len(set(days)) > 1 else "".join(days[:1])
    when = " · ".join(text for text in (held, words.say("as_of", day=words.day(funnel.at.date()))) if text)
    sections = (
        ("how_far", _bars(funnel, words)),
        ("where", _where(funnel, words)),
        ("worth", _worth(funnel, words)),
        ("details", _table(funnel, words)),
    )
    return _PAGE.format(
        language=words.language,
        title=escape(words.say("title", campaign=campaign.name)),
        kicker=escape(words.say("kicker")),
        campaign=escape(campaign.name),
        when=escape(when),
        style=_STYLE,
        tiles="".join(_tiles(funnel, words)),
        sections="".join(f"<section><h2>{escape(words.say(name))}</h2>{body}</section>\n" for name, body in sections),
        notes="".join(f"<li>{escape(note)}</li>" for note in words.notes(funnel)),
    )


def _tiles(funnel: Funnel, words: Words) -> Iterable[str]:
    won = funnel.deals[StageKind.WON]
    all_deals = words.counted(sum(each.count for each in funnel.deals.values()), "deal")
    converted = words.say("of_all", percent=words.percent(funnel.share(FunnelStep.CONVERTED)))
    amounts = [money.format(words.language) for money in won.amounts.values()] or [words.say("no_amount")]
    yield _tile(words.say("leads"), [words.number(funnel.cohort)])
    yield _tile(words.say("converted"), [words.number(funnel.reached[FunnelStep.CONVERTED])], converted)
    yield _tile(words.say("deals_won"), [words.number(won.count)], words.say("of_deals", deals=all_deals))
    yield _tile(words.say("amount_won"), amounts, kind="won")


def _tile(name: str, values: Sequence[str], below: str = "", kind: str = "") -> str:
    # A long amount takes a smaller size rather than a second line.
    size = " long" if max(map(len, values)) > 9 or len(values) > 1 else ""  # noqa: PLR2004
    shown = "".join(f"<b>{escape(value)}</b>" for value in values)
    small = f"<small>{escape(below)}</small>" if below else ""
    return f'<div class="tile {kind}{size}"><span>{escape(name)}</span>{shown}{small}</div>'


def _bars(funnel: Funnel, words: Words) -> str:
    """Draw the funnel: a bar for each step, and between two of them what remains."""
    left, widest, tall, gap = 200, 430, 40, 26
    centre = left + widest / 2
    reached = funnel.reached
    drawn: list[str] = []
    before: tuple[float, float] | None = None  # half the width and the lower edge of the bar above
    for i, (step, count) in enumerate(reached.items()):
        y = i * (tall + gap)
        half = max(widest * funnel.share(step), 5 if count else 1) / 2
        if before is not None:
            wide, edge = before
            middle = (edge + y) / 2
            drawn.append(
                f'<path class="s{i - 1} flow" d="M{centre - wide:.1f} {edge} C{centre - wide:.1f} {middle}'
                f" {centre - half:.1f} {middle} {centre - half:.1f} {y} L{centre + half:.1f} {y}"
                f' C{centre + half:.1f} {middle} {centre + wide:.1f} {middle} {centre + wide:.1f} {edge} Z"/>'
            )
        drawn.append(
            f'<rect class="s{i}" x="{centre - half:.1f}" y="{y}" width="{2 * half:.1f}" height="{tall}"'
            f' rx="{min(7, half):.1f}"/>'
            f'<text class="name" x="0" y="{y + 18}">{escape(words.steps[step])}</text>'
            f'<text class="soft" x="0" y="{y + 35}">'
            f"{escape(words.say('stopped', count=words.number(funnel.exclusive[step])))}</text>"
            f'<text class="count end" x="{_WIDTH - 62}" y="{y + 28}">{words.number(count)}</text>'
            f'<text class="soft end" x="{_WIDTH}" y="{y + 28}">{escape(words.percent(funnel.share(step)))}</text>'
        )
        before = (half, y + tall)
    height = len(reached) * (tall + gap) - gap
    return _svg("funnel", height, drawn, title=words.say("how_far"), text=words.say("how_far_desc"))


def _where(funnel: Funnel, words: Words) -> str:
    """Draw all leads as one bar, parted by where each stands; the legend has the numbers."""
    tall = 44
    drawn: list[str] = []
    legend: list[str] = []
    x = 0.0
    for i, (step, count) in enumerate(funnel.exclusive.items()):
        name = words.steps[step]
        width = _WIDTH * count / funnel.cohort if funnel.cohort else 0.0
        if count:
            number = words.number(count)
            drawn.append(
                f'<rect class="s{i} part" x="{x:.1f}" y="0" width="{width:.1f}" height="{tall}">'
                f"<title>{escape(name)}: {number}</title></rect>"
            )
            if width >= 12 * len(number) + 8:
                drawn.append(f'<text class="inside" x="{x + width / 2:.1f}" y="28">{number}</text>')
        legend.append(f'<li><i class="s{i}"></i>{escape(name)} <b>{words.number(count)}</b></li>')
        x += width
    described = words.say("where_desc", leads=words.counted(funnel.cohort, "lead"))
    picture = _svg("where", tall, drawn, title=words.say("where"), text=described)
    return f'<div class="round">{picture}</div><ul class="legend">{"".join(legend)}</ul>'


def _worth(funnel: Funnel, words: Words) -> str:
    """Draw the amounts of the deals: a bar for each outcome, to one scale per currency."""
    if not any(each.count for each in funnel.deals.values()):
        return f'<p class="soft">{escape(words.say("no_deals"))}</p>'
    rows: list[tuple[StageKind, Money | None]] = []
    for kind in _KINDS:
        rows += [(kind, money) for money in funnel.deals[kind].amounts.values()] or [(kind, None)]
    largest: Mapping[str, int] = {
        money.currency: max(other.minor for _, other in rows if other is not None and other.currency == money.currency)
        for _, money in rows
        if money is not None
    }
    left, tall, gap = 130, 30, 14
    longest = _WIDTH - left - 180
    drawn: list[str] = []
    for i, (kind, money) in enumerate(rows):
        y = i * (tall + gap)
        deals = funnel.deals[kind]
        width = _length(money, largest, longest)
        amount = money.format(words.language) if money else words.say("without_amount") if deals.count else "–"
        again = i > 0 and rows[i - 1][0] is kind  # a further currency of the same outcome
        label = "" if again else f"{words.kinds[kind][1].capitalize()} ({words.number(deals.count)})"
        place = f'x="{left}" y="{y}" height="{tall}"'
        drawn.append(
            f'<text class="name" x="0" y="{y + 20}">{escape(label)}</text>'
            f'<rect class="track" {place} width="{longest}" rx="6"/>'
            f'<rect class="{kind.value}" {place} width="{width:.1f}" rx="{min(6, width / 2):.1f}"/>'
            f'<text class="sum end" x="{_WIDTH}" y="{y + 20}">{escape(amount)}</text>'
        )
    height = len(rows) * (tall + gap) - gap
    return _svg("worth", height, drawn, title=words.say("worth"), text=words.say("worth_desc"))


def _length(money: Money | None, largest: Mapping[str, int], longest: float) -> float:
    if money is None or money.minor <= 0:
        return 0.0
    return max(longest * money.minor / largest[money.currency], 4.0)


def _table(funnel: Funnel, words: Words) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in words.columns)
    rows = "".join(
        f'<tr><th scope="row">{escape(words.steps[step])}</th><td>{words.number(count)}</td>'
        f"<td>{escape(words.percent(funnel.share(step)))}</td><td>{words.number(funnel.exclusive[step])}</td></tr>"
        for step, count in funnel.reached.items()
    )
    total = words.number(sum(funnel.exclusive.values()))
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
        f'<tfoot><tr><td colspan="3"></td><td>= {total}</td></tr></tfoot></table>'
    )


def _svg(name: str, height: float, drawn: Iterable[str], *, title: str, text: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"'
        f' aria-labelledby="{name}-title {name}-text"><title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-text">{escape(text)}</desc>{"".join(drawn)}</svg>'
    )


_LIGHT = """
  --paper: #ffffff; --ground: #f4f5f8; --ink: #1c2130; --soft: #626b80; --line: #e3e6ee; --on: #ffffff;
  --s0: #4053c9; --s1: #2f6fd0; --s2: #1f86c4; --s3: #1590a6; --s4: #15937f; --s5: #2f9159; --s6: #1f7a34;
  --won: #1f7a34; --open: #2f6fd0; --lost: #b1535f;"""

_DARK = """
  --paper: #1a1e29; --ground: #11141c; --ink: #eceff6; --soft: #a0a9bd; --line: #2c3242; --on: #0d1017;
  --s0: #8c9bff; --s1: #74a8ff; --s2: #62bdf2; --s3: #55ccd9; --s4: #53d1b8; --s5: #66d48f; --s6: #7ee081;
  --won: #7ee081; --open: #74a8ff; --lost: #f0919c;"""

_STYLE = (
    f":root {{ color-scheme: light dark;{_LIGHT} }}\n"
    f"@media screen and (prefers-color-scheme: dark) {{ :root {{{_DARK} }} }}\n"
    + "\n".join(f".s{i} {{ fill: var(--s{i}); background: var(--s{i}) }}" for i in range(len(FunnelStep)))
    + """
.won { fill: var(--won) } .open { fill: var(--open) } .lost { fill: var(--lost) }
* { box-sizing: border-box }
body { margin: 0; padding: 2rem 1rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif }
main { max-width: 860px; margin: 0 auto; padding: 2.5rem; background: var(--paper);
  border: 1px solid var(--line); border-radius: 18px }
header p { margin: 0; color: var(--soft) }
header p:first-child { font-size: .8rem; font-weight: 600; letter-spacing: .09em; text-transform: uppercase }
h1 { margin: .1rem 0 .2rem; font-size: 2.1rem; line-height: 1.2; letter-spacing: -.02em; overflow-wrap: anywhere }
h2 { margin: 0 0 1.1rem; font-size: 1.05rem }
section { margin-top: 2.6rem; break-inside: avoid }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: .9rem; margin-top: 1.8rem }
.tile { display: flex; flex-direction: column; padding: .9rem 1.1rem;
  border: 1px solid var(--line); border-radius: 12px }
.tile span, .tile small { color: var(--soft); font-size: .85rem }
.tile b { font-size: 1.9rem; line-height: 1.3; letter-spacing: -.02em; font-variant-numeric: tabular-nums }
.tile.long b { font-size: 1.35rem; line-height: 1.83 }
.tile.won b { color: var(--won) }
svg { display: block; width: 100%; height: auto; overflow: visible; font-variant-numeric: tabular-nums }
svg text { fill: var(--ink); font-size: 15px }
svg .name { font-weight: 600 }
svg .soft { fill: var(--soft); font-size: 13px }
svg .count { font-size: 22px; font-weight: 650 }
svg .sum { font-weight: 600 }
svg .inside { fill: var(--on); font-weight: 650; text-anchor: middle }
svg .end { text-anchor: end }
svg .flow { opacity: .2 }
svg .part { stroke: var(--paper); stroke-width: 2 }
svg .track { fill: var(--line); opacity: .55 }
.round { border-radius: 10px; overflow: hidden }
.legend { display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; margin: 1rem 0 0; padding: 0;
  list-style: none; font-size: .92rem }
.legend i { display: inline-block; width: .75em; height: .75em; margin-right: .5em; border-radius: 3px }
.legend b { margin-left: .15em }
.soft { color: var(--soft) }
table { width: 100%; border-collapse: collapse; font-size: .95rem; font-variant-numeric: tabular-nums }
th, td { padding: .45rem .3rem; border-bottom: 1px solid var(--line); text-align: right }
th:first-child { text-align: left; padding-left: 0 } th:last-child, td:last-child { padding-right: 0 }
thead th { color: var(--soft); font-weight: 500 } tbody th { font-weight: 600 }
tfoot td { border: 0; font-weight: 650 }
footer { margin-top: 2.2rem; padding-top: 1.2rem; border-top: 1px solid var(--line);
  color: var(--soft); font-size: .9rem }
footer ul { margin: 0; padding-left: 1.1rem }
@media (max-width: 600px) { main { padding: 1.3rem } body { padding: .6rem } svg text { font-size: 18px }
  svg .soft { font-size: 15px } }
@media print { @page { margin: 14mm } body { padding: 0; background: none; font-size: 13px }
  main { max-width: none; padding: 0; border: 0 } section { margin-top: 1.6rem }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact } }
"""
)

_PAGE = """<!DOCTYPE html>
<html lang="{language}" xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
<header><p>{kicker}</p><h1>{campaign}</h1><p>{when}</p></header>
<div class="tiles">{tiles}</div>
{sections}<footer><ul>{notes}</ul></footer>
</main>
</body>
</html>
"""
