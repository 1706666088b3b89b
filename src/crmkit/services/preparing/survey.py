"""What the first rows of a source say about the others: how phone numbers, dates and numbers are written.

It is found out once, from a sample, before the first part is planned. A source that is read
again has the same beginning, so an import that is resumed finds the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from typing import Any, Final

import attrs

from crmkit.core.drafts import DraftBatch, Finding
from crmkit.core.ports.sources import Importer, Reading, ReadingOptions, Source
from crmkit.core.record_type import RecordType
from crmkit.core.values.company import domain_of
from crmkit.core.values.dates import DateOrder
from crmkit.core.values.phone_region import guess_region
from crmkit.core.values.places import country_code
from crmkit.core.values.text import clean
from crmkit.services.preparing.carried import CARRIED_COLUMN, Carried
from crmkit.services.preparing.custom import CustomColumns
from crmkit.services.preparing.ways import Hints, Typed, Way, WrittenColumns

__all__ = ["Survey", "begin_reading", "survey"]


@attrs.frozen(kw_only=True)
class Survey:
    """What a sample says.

    Attributes:
        regions: The language that a row names, or None, to the country in whose form its phone
            numbers are; None where that cannot be told.
        ways: The columns that have no field, to how their values are written.
        usual: How those of the other columns are.
    """

    regions: Mapping[str | None, str | None] = attrs.field(factory=dict)
    ways: Mapping[str, Way] = attrs.field(factory=dict)
    usual: Way = attrs.field(factory=Way)

    def way_of(self, column: str) -> Way:
        """Return how the values of a column are written."""
        return self.ways.get(column, self.usual)


def begin_reading(
    importer: Importer, source: Source, options: ReadingOptions, lead: RecordType
) -> tuple[Reading, Survey, CustomColumns]:
    """Let an importer begin, look at the first rows, and return what follows from them.

    Raises:
        UnreadableError: The importer cannot read the source.
    """
    reading, found = survey(
        importer.read(source, options),
        typed=CustomColumns(lead).typed,
        region=options.region,
        date_order=options.date_order,
    )
    headers = {field: column for column, field in options.mapping.items()}
    return reading, found, CustomColumns(lead, found.way_of, headers)


def survey(
    reading: Reading,
    *,
    typed: Callable[[str], Typed | None] = lambda _: None,
    region: str | None = None,
    date_order: DateOrder | None = None,
) -> tuple[Reading, Survey]:
    """Look at the first rows of a source: a thousand, and more while dates or numbers could be read in two ways.

    Args:
        reading: The source.
        typed: What custom fields make of a column, by its name.
        region: The country of phone numbers that was asked for or configured, or None.
        date_order: The order of dates that was asked for, or None.

    Returns:
        The same reading with all its rows and what was found, and what follows from it.
    """
    batches = iter(reading.batches)
    sample: list[DraftBatch] = []
    columns = WrittenColumns(typed)
    count = 0
    failure: Exception | None = None
    while count < (_MOST if columns.is_open else _ENOUGH):
        try:
            batch = next(batches, None)
        except Exception as error:  # noqa: BLE001  it is raised where its row would have come
            failure = error
            break
        if batch is None:
            break
        sample.append(batch)
        extras: Sequence[Any] = batch.columns.get("extra") or ()
        columns.look_at(batch.lines, (extra if isinstance(extra, Mapping) else {} for extra in extras))
        count += len(batch)
    carried = _carried(sample)
    regions: dict[str | None, str | None] = {}
    findings: list[Finding] = []
    if region is None and carried.region is not None:
        regions = {None: carried.region}
        findings = [Finding(what="phone region", value=carried.region, evidence=_CARRIED)]
    elif region is None:
        regions, findings = _regions(sample, reading.language)
    found = Counter(filter(None, regions.values())).most_common(1)
    hints = Hints(
        order=date_order or carried.order,
        sign=carried.sign,
        evidence="as asked for" if date_order else _CARRIED,
        delimiter=next((each.value for each in reading.findings if each.what == "delimiter"), None),
        region=region or (found[0][0] if found else None),
        language=reading.language,
    )
    ways, usual, told = columns.decided(hints)
    whole = attrs.evolve(
        reading, findings=(*reading.findings, *findings, *told), batches=_rejoined(sample, batches, failure)
    )
    return whole, Survey(regions=regions, ways=ways, usual=usual)


def _carried(sample: Sequence[DraftBatch]) -> Carried:
    """Return what a file of rejected rows says of the file that they were rejected from."""
    for extra in sample[0].columns.get("extra", ()) if sample else ():
        if isinstance(extra, Mapping) and CARRIED_COLUMN in extra:
            return Carried.read(str(extra[CARRIED_COLUMN]))
    return Carried()


_ENOUGH: Final = 1000
_MOST: Final = 5000
_CARRIED: Final = "as in the file that these rows were rejected from"
_FIELDS: Final = ("language", "country", "phone", "mobile", "email", "website")


def _regions(sample: Sequence[DraftBatch], header: str | None) -> tuple[dict[str | None, str | None], list[Finding]]:
    """Say in which country's form phone numbers are, by the language of their rows."""
    groups: dict[str | None, list[tuple[str | None, ...]]] = {}
    for batch in sample:
        columns = [batch.columns.get(name) or [None] * len(batch) for name in _FIELDS]
        for language, *others in zip(*columns, strict=True):
            groups.setdefault(clean(_text(language)), []).append(tuple(map(_text, others)))
    found: dict[str | None, str | None] = {}
    findings: list[Finding] = []
    for language, rows in groups.items():
        homeless = [row for row in rows if not country_code(row[0] or "")]
        numbers = [number for row in homeless for number in row[1:3] if number]
        if all(number.strip().startswith("+") for number in numbers):
            continue
        guess = guess_region(
            numbers,
            countries=(code for row in rows if row[0] and (code := country_code(row[0]))),
            domains=(domain for row in rows for text in row[3:] if text and (domain := domain_of(text))),
            language=language or header,
        )
        found[language] = None if guess is None else guess.region
        named = f" ({language})" if language else ""
        if guess is not None:
            findings.append(Finding(what=f"phone region{named}", value=guess.region, evidence=guess.evidence))
        else:
            evidence = "nothing says in which country's form the numbers are; --region does"
            findings.append(Finding(what=f"phone region{named}", value="unknown", evidence=evidence))
    return found, findings


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _rejoined(
    sample: Sequence[DraftBatch], rest: Iterator[DraftBatch], failure: Exception | None
) -> Generator[DraftBatch, Any, None]:
    with closing(rest) if isinstance(rest, Generator) else nullcontext():
        yield from sample
        if failure is not None:
            raise failure
        yield from rest
