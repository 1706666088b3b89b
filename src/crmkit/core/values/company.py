"""Companies: the keys by which two spellings of one company meet."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from crmkit.core.values.free_mail import is_shared
from crmkit.core.values.text import fold

__all__ = ["company_key", "domain_of", "is_free_mail"]


def company_key(name: str) -> str | None:
    """Reduce a company's name to what stays when it is written another way.

    Case, accents, punctuation and the legal form go; ``&``, ``et``, ``und`` …
    become one word. ``S.A.R.L. Dupont & Fils`` and ``DUPONT ET FILS SARL`` share
    the key ``dupont and fils``. A name that is nothing but a legal form
    (``Coop``, ``SAS``) stays. None when no letter or digit is left.

    The forms are listed here. The library for it, cleanco, was weighed and
    left: it keeps ``SARL Dupont``, ``S.à r.l.`` and ``Pty Limited`` as they are,
    makes an empty name of ``Coop``, and had its last release in May 2024.
    """
    return _key(name[:_LONGEST_NAME])


def domain_of(email_or_url: str) -> str | None:
    """Return the host of an address or web site: lower case, ASCII (IDNA), without ``www.``

    None for what names no host with a dot, and for IP addresses.
    """
    return _domain(email_or_url[:_LONGEST_URL])


def is_free_mail(domain: str) -> bool:
    """Tell whether anybody can have an address there, so that it names no company.

    See `crmkit.core.values.free_mail` for the list.
    """
    return is_shared(domain.lower())


# The caches are behind the cuts, so that a hostile cell cannot fill the memory.
_CACHED: Final = 16_384  # texts; a chunk of an import has fewer
_LONGEST_NAME: Final = 500  # characters, as of an URL
_LONGEST_URL: Final = 2048
_LONGEST_HOST: Final = 253
_SCHEME: Final = re.compile(r"\A(?:[a-z][a-z0-9+.\-]*:)?//|\Amailto:", re.IGNORECASE)
_PORT: Final = re.compile(r":[0-9]*\Z")
_HOST: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9\-_]*[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9\-]*[a-z0-9])")


@lru_cache(_CACHED)
def _domain(email_or_url: str) -> str | None:
    text = _SCHEME.sub("", email_or_url.strip())
    host = re.split(r"[/?#\\]", text, maxsplit=1)[0].rpartition("@")[2]
    host = _PORT.sub("", host).rstrip(".").lower()
    if len(host) > _LONGEST_HOST:
        return None
    if not host.isascii():
        import idna

        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            return None
    host = host.removeprefix("www.") if host.count(".") > 1 else host
    return host if len(host) <= _LONGEST_HOST and _HOST.fullmatch(host) else None


@lru_cache(_CACHED)
def _key(name: str) -> str | None:
    if not fold(name):
        return None
    words = _JOINED_INITIALS.sub(_without_blanks, fold(_AND_SIGNS.sub(" and ", name))).split()
    last = len(words) - 1
    words = ["and" if word in _AND_WORDS and 0 < position < last else word for position, word in enumerate(words)]
    words = _without_form_before(_without_form_behind(words))
    return " ".join(words)


_AND_SIGNS: Final = re.compile(r"[&+]")
_AND_WORDS: Final = frozenset({"and", "et", "und", "y", "e", "en", "og", "och"})

# S.A.R.L. is folded to "s a r l", A/S to "a s".
_JOINED_INITIALS: Final = re.compile(r"\b\w(?: \w\b)+")


def _without_blanks(initials: re.Match[str]) -> str:
    return initials[0].replace(" ", "")


# As they look once folded and joined. Those that end a name:
_FORMS: Final = frozenset(
    form.strip()
    for form in """
    sarl, sarlu, sas, sasu, sa, eurl, snc, scs, sca, sci, scp, scop, scic, selarl, selas, gie, eirl, earl, gaec, cie,
    societe anonyme, societe par actions simplifiee, societe a responsabilite limitee, et cie,
    gmbh, ggmbh, mbh, ag, kg, kgaa, ohg, ug, ug haftungsbeschrankt, haftungsbeschrankt, gbr, ek, ev, eg, se, partg,
    gesellschaft mit beschrankter haftung, aktiengesellschaft,
    srl, srls, spa, sapa, societa per azioni, societa a responsabilita limitata,
    sl, slu, sau, sll, slne, sociedad limitada, sociedad anonima, ltda, lda, eireli, sa de cv, s de rl de cv,
    ltd, limited, llc, llp, lp, lllp, plc, pllc, pc, inc, incorporated, corp, corporation, co, company,
    limited liability company, public limited company, pty, pvt, private, pte, bhd, sdn, proprietary,
    bv, nv, vof, cv, bvba, sprl, scrl, asbl, vzw, cvba, besloten vennootschap, naamloze vennootschap,
    ab, hb, oy, oyj, ky, as, asa, aps, ans, ivs, hf, ehf,
    sp zoo, sp z oo, spzoo, spolka zoo, spj, sro, spol sro, spol s ro, doo, dooel, dd, ad, ood, eood, kft, zrt, nyrt,
    bt, uab, oue, ou, sia, as, ooo, oao, zao, pao, jsc, ojsc, pjsc, kk, gk, yk, kabushiki kaisha, as ti, ltd sti, sti
    """.replace("\n", " ").split(",")
)
# Those that also stand in front of one, as in French, Russian and Japanese:
_FORMS_BEFORE: Final = frozenset(
    {
        *("sarl", "sarlu", "sas", "sasu", "sa", "eurl", "snc", "sci", "scp", "scop", "scic", "selarl", "selas", "gie"),
        *("societe anonyme", "societe par actions simplifiee", "societe a responsabilite limitee", "ooo", "oao", "zao"),
        *("pao", "uab", "sia", "kk", "kabushiki kaisha"),
    }
)
_LONGEST_FORM: Final = max(form.count(" ") + 1 for form in _FORMS)


def _without_form_behind(words: list[str]) -> list[str]:
    """Take forms from the end while anything else is left: ``gmbh and co kg`` is three of them."""
    while count := next((n for n in _counts(words) if " ".join(words[-n:]) in _FORMS), 0):
        words = words[:-count]
        if words[-1] == "and" and len(words) > 1:
            words = words[:-1]
    return words


def _without_form_before(words: list[str]) -> list[str]:
    while count := next((n for n in _counts(words) if " ".join(words[:n]) in _FORMS_BEFORE), 0):
        words = words[count:]
    return words


def _counts(words: list[str]) -> range:
    return range(min(_LONGEST_FORM, len(words) - 1), 0, -1)
