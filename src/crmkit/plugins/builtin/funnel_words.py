"""The words of the funnel report, in English and French."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import attrs

from crmkit.core.pipeline import StageKind
from crmkit.core.values.money import Money
from crmkit.services.funnel import DealSum, Funnel, FunnelStep

__all__ = ["WORDS", "Words"]


@attrs.frozen(kw_only=True)
class Words:
    """How one language says it.

    Attributes:
        language: ISO 639-1.
        steps: The names of the steps.
        kinds: What a deal, and several deals, are said to be.
        nouns: Noun to its singular and plural.
        plural_from: The smallest number above 1 that takes the plural: 2 in French, where
            1.5 is singular; any in English.
        plural_zero: Whether 0 takes the plural.
        columns: The names of the columns: step, reached, share, stopped here.
        phrases: The sentences and captions, by name, with places to fill in.
    """

    language: str
    steps: Mapping[FunnelStep, str]
    kinds: Mapping[StageKind, tuple[str, str]]
    nouns: Mapping[str, tuple[str, str]]
    plural_from: int
    plural_zero: bool
    columns: tuple[str, str, str, str]
    phrases: Mapping[str, str]

    def say(self, phrase: str, **values: object) -> str:
        """Return a phrase with its places filled in."""
        return self.phrases[phrase].format(**values)

    def number(self, number: float) -> str:
        """Write a number, with at most one decimal."""
        from babel.numbers import format_decimal

        return str(format_decimal(round(number, 1), locale=self.language))

    def counted(self, number: int, noun: str) -> str:
        """Write a number with its noun."""
        return f"{self.number(number)} {self._form(number, self.nouns[noun])}"

    def percent(self, share: float) -> str:
        """Write a part of one, in whole percent; what is there is never 0 %, what lacks never 100 %."""
        from babel.numbers import format_percent

        rounded = round(share * 100)
        if 0 < share < 1:
            rounded = min(max(rounded, 1), 99)
        return str(format_percent(rounded / 100, locale=self.language))

    def day(self, day: date) -> str:
        """Write a day."""
        from babel.dates import format_date

        return str(format_date(day, "long", locale=self.language))

    def days(self, time: timedelta) -> str:
        """Write a time in days."""
        days = time / timedelta(days=1)
        if days < 1:
            return self.phrases["less_than_a_day"]
        return f"{self.number(days)} {self._form(round(days, 1), self.nouns['day'])}"

    def money(self, amounts: Mapping[str, Money]) -> str:
        """Write amounts in several currencies, or nothing when there is none."""
        return " + ".join(amount.format(self.language) for amount in amounts.values())

    def notes(self, funnel: Funnel) -> Sequence[str]:
        """Say in sentences what the steps leave open."""
        parts = " + ".join(self.number(count) for count in funnel.exclusive.values())
        notes = [self.say("adds_up", parts=parts, leads=self.counted(funnel.cohort, "lead"))]
        if any(each.count for each in funnel.deals.values()):
            outcomes = ", ".join(self._outcome(kind, each) for kind, each in funnel.deals.items())
            notes.append(self.say("deals", outcomes=outcomes))
        if funnel.time_to_conversion is not None:
            notes.append(self.say("to_conversion", days=self.days(funnel.time_to_conversion)))
        if funnel.time_to_won is not None:
            notes.append(self.say("to_won", days=self.days(funnel.time_to_won)))
        told = {
            "mails": self.counted(funnel.mails_sent, "lead"),
            "queued": funnel.mails_queued and self.counted(funnel.mails_queued, "lead"),
            "disqualified": funnel.disqualified and self.counted(funnel.disqualified, "lead"),
            "lost": funnel.lost and self.counted(funnel.lost, "lead"),
            "apart": funnel.contacts_apart and self.counted(funnel.contacts_apart, "contact"),
        }
        return [*notes, *(self.say(phrase, count=count) for phrase, count in told.items() if count)]

    def _form(self, number: float, forms: tuple[str, str]) -> str:
        plural = self.plural_zero if number == 0 else number > 1 and number >= self.plural_from
        return forms[plural]

    def _outcome(self, kind: StageKind, deals: DealSum) -> str:
        amounts = f" ({self.money(deals.amounts)})" if deals.amounts else ""
        return f"{self.number(deals.count)} {self._form(deals.count, self.kinds[kind])}{amounts}"


_ENGLISH = Words(
    language="en",
    steps={
        FunnelStep.CAPTURED: "Captured",
        FunnelStep.THANKED: "Thanked",
        FunnelStep.CONTACTED: "Contacted",
        FunnelStep.QUALIFIED: "Qualified",
        FunnelStep.CONVERTED: "Converted",
        FunnelStep.WITH_DEAL: "With a deal",
        FunnelStep.WON: "Won",
    },
    kinds={StageKind.OPEN: ("open", "open"), StageKind.WON: ("won", "won"), StageKind.LOST: ("lost", "lost")},
    nouns={
        "lead": ("lead", "leads"),
        "deal": ("deal", "deals"),
        "contact": ("contact", "contacts"),
        "day": ("day", "days"),
    },
    plural_from=1,
    plural_zero=True,
    columns=("Step", "Reached", "Of all leads", "Stopped here"),
    phrases={
        "title": "Funnel of {campaign}",
        "kicker": "Campaign funnel",
        "as_of": "as of {day}",
        "from_to": "{first} to {last}",
        "less_than_a_day": "less than a day",
        "adds_up": "It adds up: {parts} = {leads}. Each lead counts once, at the furthest step it has taken.",
        "deals": "Deals: {outcomes}.",
        "to_conversion": "Median time from capture to conversion: {days}.",
        "to_won": "Median time from capture to a deal won: {days}.",
        "mails": "A mail of the campaign has left for {count}.",
        "queued": "A mail waits in the outbox for {count}.",
        "disqualified": "Disqualified, wherever they stopped: {count}.",
        "lost": "With lost deals only: {count}.",
        "apart": "Put into the campaign directly, and not counted here: {count}.",
        "stopped": "{count} stopped here",
        "leads": "Leads",
        "converted": "Converted",
        "deals_won": "Deals won",
        "amount_won": "Amount won",
        "of_all": "{percent} of all leads",
        "of_deals": "of {deals}",
        "no_amount": "none yet",
        "how_far": "How far the leads have come",
        "how_far_desc": "A bar for each step, as wide as the number of leads that came so far.",
        "where": "Where the leads stand",
        "where_desc": "One bar of all leads, parted by the step at which each stands. The parts add up to {leads}.",
        "worth": "What the deals are worth",
        "worth_desc": "A bar for each outcome and currency, as long as the amount.",
        "no_deals": "No deal has been opened yet.",
        "without_amount": "without an amount",
        "details": "The numbers",
    },
)

_FRENCH = Words(
    language="fr",
    steps={
        FunnelStep.CAPTURED: "Collectés",
        FunnelStep.THANKED: "Remerciés",
        FunnelStep.CONTACTED: "Contactés",
        FunnelStep.QUALIFIED: "Qualifiés",
        FunnelStep.CONVERTED: "Convertis",
        FunnelStep.WITH_DEAL: "Avec une affaire",
        FunnelStep.WON: "Affaire gagnée",
    },
    kinds={
        StageKind.OPEN: ("en cours", "en cours"),
        StageKind.WON: ("gagnée", "gagnées"),
        StageKind.LOST: ("perdue", "perdues"),
    },
    nouns={
        "lead": ("prospect", "prospects"),
        "deal": ("affaire", "affaires"),
        "contact": ("contact", "contacts"),
        "day": ("jour", "jours"),
    },
    plural_from=2,
    plural_zero=False,
    columns=("Étape", "Atteinte par", "Part des prospects", "Arrêtés ici"),
    phrases={
        "title": "Entonnoir de {campaign}",
        "kicker": "Entonnoir de la campagne",
        "as_of": "au {day}",
        "from_to": "du {first} au {last}",
        "less_than_a_day": "moins d’un jour",
        "adds_up": "Le compte est bon : {parts} = {leads}. Chaque prospect compte une fois, à l’étape la plus avancée.",
        "deals": "Affaires : {outcomes}.",
        "to_conversion": "Durée médiane de la collecte à la conversion : {days}.",
        "to_won": "Durée médiane de la collecte à une affaire gagnée : {days}.",
        "mails": "Courriel de la campagne envoyé à {count}.",
        "queued": "Courriel en attente d’envoi pour {count}.",
        "disqualified": "Disqualifiés, quelle que soit l’étape : {count}.",
        "lost": "Toutes affaires perdues : {count}.",
        "apart": "Ajoutés directement à la campagne, non comptés ici : {count}.",
        "stopped": "dont {count} à cette étape",
        "leads": "Prospects",
        "converted": "Convertis",
        "deals_won": "Affaires gagnées",
        "amount_won": "Montant gagné",
        "of_all": "{percent} des prospects",
        "of_deals": "sur {deals}",
        "no_amount": "aucun à ce jour",
        "how_far": "Jusqu’où sont allés les prospects",
        "how_far_desc": "Une barre par étape, large comme le nombre de prospects arrivés jusque-là.",
        "where": "Où en sont les prospects",
        "where_desc": "Une barre de tous les prospects, partagée selon l’étape de chacun. Les parts font {leads}.",
        "worth": "Ce que valent les affaires",
        "worth_desc": "Une barre par issue et par devise, longue comme le montant.",
        "no_deals": "Aucune affaire n’est ouverte à ce jour.",
        "without_amount": "sans montant",
        "details": "Les chiffres",
    },
)

WORDS: Mapping[str, Words] = {words.language: words for words in (_ENGLISH, _FRENCH)}
"""The languages of the report, by ISO 639-1 code."""
