"""What column headers mean: words in English, French, German, Italian, Spanish, and some in Dutch and Portuguese.

The table is data. A header is compared without case, accents, punctuation and
blanks at the ends; ``camelCase`` may be read as words. Earlier words of a field go
before later ones when a file has columns for several of them.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import TypeVar

from crmkit.core.drafts import DRAFT_FIELDS
from crmkit.core.ports.sources import ReadingOptions
from crmkit.core.values.text import fold
from crmkit.errors import RejectedError

__all__ = ["REACH", "SYNONYMS", "field_of", "header_language", "header_words", "is_header_word", "map_header"]

REACH = "reach"
"""Where a column goes that holds addresses and numbers alike."""

SYNONYMS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "source_id": {
            "": ("lead id", "record id", "contact id", "person id", "external id", "api id", "submission id",
                 "badge id", "badge code", "barcode", "leid", "uid"),
            "fr": ("identifiant", "numero de billet", "code badge", "identifiant externe", "id externe",
                   "id d enregistrement", "id de l enregistrement"),
            "de": ("datensatz id", "ausweisnummer", "externe id"),
            "it": ("identificativo", "codice badge", "id esterno"),
            "es": ("identificador", "id de registro", "id externo", "codigo de acreditacion"),
        },
        "full_name": {
            "": ("الاسم", "اسم", "न म"),
            "en": ("full name", "contact name", "name", "lead name", "client name", "customer name", "person name",
                   "attendee name", "guest name", "display name", "user name original name", "name original name",
                   "contact", "user name", "participant", "contact person", "complete name", "nmae"),
            "fr": ("nom complet", "prenom et nom", "nom et prenom", "nom prenom", "prenom nom", "interlocuteur",
                   "nom du contact", "personne", "nom du prospect", "prospect", "piste", "suspect", "client potentiel",
                   "nom"),
            "de": ("ansprechpartner", "vollstandiger name", "vor und nachname", "vorname nachname", "kontaktperson",
                   "name vorname"),
            "it": ("nome completo", "nome e cognome", "cognome e nome", "nominativo", "referente", "nome"),
            "es": ("nombre completo", "nombre y apellidos", "nombre y apellido", "contacto", "apellidos y nombre",
                   "nombre"),
            "pt": ("nome completo",),
            "nl": ("volledige naam", "contactpersoon", "naam"),
        },
        "salutation": {
            "en": ("salutation", "prefix", "name prefix", "salutation name", "honorific"),
            "fr": ("civilite", "titre de civilite", "politesse", "civ"),
            "de": ("anrede", "titel"),
            "it": ("appellativo", "titolo di cortesia"),
            "es": ("tratamiento", "saludo"),
            "pt": ("tratamento",),
            "nl": ("aanhef",),
        },
        "first_name": {
            "en": ("first name", "given name", "name first", "fname", "firstname", "forename", "first",
                   "contact first name"),
            "fr": ("prenom", "prenom participant", "prenom dirigeant", "prenom du dirigeant", "prenom contact",
                   "prenom du contact", "prenom du participant", "prenom adherent", "prenom usuel"),
            "de": ("vorname",),
            "it": ("nome di battesimo", "nome del partecipante"),
            "es": ("nombre de pila", "primer nombre"),
            "pt": ("primeiro nome",),
            "nl": ("voornaam",),
        },
        "last_name": {
            "en": ("last name", "family name", "name last", "surname", "lname", "lastname", "last",
                   "contact last name"),
            "fr": ("nom de famille", "nom participant", "nom dirigeant", "nom du dirigeant", "nom contact",
                   "nom du participant", "nom adherent", "nom usuel"),
            "de": ("nachname", "familienname", "zuname"),
            "it": ("cognome", "cognome del partecipante"),
            "es": ("apellidos", "apellido", "primer apellido"),
            "pt": ("sobrenome", "ultimo nome", "apelido"),
            "nl": ("achternaam", "familienaam"),
        },
        "company": {
            "": ("الشركة",),
            "en": ("company", "company name", "organization", "organisation", "organization name", "org name",
                   "organisation name", "account name", "account", "company account", "company or account", "business",
                   "business name", "employer", "associated company", "related company", "contact company",
                   "company organization", "organization company", "company organisation", "name of company",
                   "organizations name", "companies name",
                   "company do you work for", "company do you represent", "affiliation", "institution", "compny"),
            "fr": ("societe", "entreprise", "raison sociale", "nom de l entreprise", "nom de la societe", "compte",
                   "nom du compte", "structure", "etablissement", "tiers", "employeur", "societe nom", "entreprise nom",
                   "nom entreprise", "nom societe", "nom de la structure", "societe compte", "societe principale",
                   "entreprise travaillez vous", "organisme", "nom de l organisme"),
            "de": ("firma", "firmenname", "unternehmen", "arbeitgeber", "betrieb", "firma name", "unternehmen name",
                   "name der firma", "name des unternehmens", "institution", "firma account",
                   "primares zugeordnetes unternehmen"),
            "it": ("azienda", "societa", "ragione sociale", "ditta", "nome azienda", "azienda nome",
                   "nome dell azienda", "nome della societa", "ente", "azienda principale"),
            "es": ("empresa", "organizacion", "compania", "razon social", "nombre de la empresa", "sociedad",
                   "empresa nombre", "nombre de la organizacion", "entidad", "empresa principal"),
            "pt": ("empresa", "organizacao"),
            "nl": ("bedrijf", "bedrijfsnaam", "organisatie"),
        },
        "title": {
            "en": ("job title", "title", "position", "job position", "role", "job", "organization title", "designation",
                   "contact title", "function", "position in company", "job role"),
            "fr": ("fonction", "titre", "poste", "profession", "intitule de poste", "intitule du poste", "metier",
                   "emploi"),
            "de": ("funktion", "position in der firma", "position im unternehmen", "berufsbezeichnung",
                   "stellenbezeichnung", "beruf"),
            "it": ("qualifica", "titolo", "ruolo", "posizione", "mansione", "professione"),
            "es": ("puesto", "titulo", "cargo", "puesto de trabajo", "profesion"),
            "pt": ("cargo", "funcao"),
            "nl": ("functie",),
        },
        "email": {
            "": ("email", "e mail", "mail", "emails", "e mails", "mails", "البريد", "البريد الالكتروني", "ईमल"),
            "en": ("email address", "e mail address", "primary email", "work email", "email work", "business email",
                   "person email", "person email work", "contact email", "lead email", "user email", "attendee email",
                   "e mail 1 value", "email from", "customer email", "client email", "guest email", "email addresses",
                   "user e mail", "emial"),
            "fr": ("adresse e mail", "adresse email", "adresse mail", "courriel", "adresse de messagerie",
                   "adresse electronique", "adresse courriel", "courriels", "adresses mail", "email participant",
                   "email professionnel",
                   "mail professionnel", "adresse electronique principale", "adresse mail de contact", "mel",
                   "adresse e mail de l utilisateur", "email de contact", "e mail du participant"),
            "de": ("e mail adresse", "mailadresse", "primare e mail adresse", "e mail geschaftlich", "emailadresse",
                   "benutzer e mail", "e mail des teilnehmers"),
            "it": ("indirizzo e mail", "indirizzo email", "posta elettronica", "e mail del partecipante"),
            "es": ("correo electronico", "correo", "correo e", "direccion de correo electronico",
                   "direccion de correo"),
            "pt": ("endereco de e mail", "correio eletronico"),
            "nl": ("e mailadres", "emailadres"),
        },
        "other_emails": {
            "": ("email 2", "e mail 2", "email 3", "e mail 3"),
            "en": ("secondary email", "other email", "alternate email", "email home", "home email", "personal email",
                   "email other", "e mail 2 address", "e mail 3 address", "e mail 2 value", "e mail 3 value",
                   "e mail 4 value", "person email home", "person email other", "additional email"),
            "fr": ("email secondaire", "adresse de messagerie 2", "adresse de messagerie 3", "email personnel",
                   "autre email", "adresse electronique secondaire"),
            "de": ("e mail 2 adresse", "e mail 3 adresse", "weitere e mail", "e mail privat"),
            "it": ("e mail secondaria", "altra email", "indirizzo e mail 2"),
            "es": ("correo secundario", "otro correo"),
        },
        "phone": {
            "": ("الهاتف", "फ न"),
            "en": ("phone", "phone number", "business phone", "work phone", "telephone", "telephone number",
                   "phone work", "primary phone", "contact phone", "person phone", "person phone work", "lead phone",
                   "user phone", "phone 1 value", "phone no", "office phone", "tel", "company phone", "home phone",
                   "phone home", "contact number", "phones", "phone numbers", "direct phone", "direct line", "phne"),
            "fr": ("telephone", "numero de telephone", "telephone fixe", "tel bureau", "telephone bureau", "fixe",
                   "telephone professionnel", "tel professionnel", "no de telephone", "tel fixe", "n de telephone",
                   "telephones", "ligne directe", "telephone de contact"),
            "de": ("telefon", "telefonnummer", "telefon geschaftlich", "tel dienstlich", "festnetz", "rufnummer",
                   "telefon festnetz", "festnetznummer"),
            "it": ("telefono", "numero di telefono", "telefono di lavoro", "telefono fisso", "recapito telefonico"),
            "es": ("telefono", "numero de telefono", "telefono del trabajo", "telefono fijo", "telefono de contacto"),
            "pt": ("telefone", "numero de telefone"),
            "nl": ("telefoon", "telefoonnummer"),
        },
        "mobile": {
            "en": ("mobile", "mobile phone", "cell phone", "cell", "mobile number", "mobile no", "mobile phone number",
                   "phone mobile", "cellphone", "home mobile", "whatsapp number", "whatsapp", "person phone mobile",
                   "cell number", "sms"),
            "fr": ("portable", "telephone portable", "tel mobile", "telephone mobile", "tel portable", "gsm",
                   "numero de portable"),
            "de": ("mobiltelefon", "mobil", "handy", "handynummer", "mobilnummer", "mobil tel nr", "telefon mobil"),
            "it": ("cellulare", "telefono mobile", "telefono cellulare", "numero di cellulare"),
            "es": ("movil", "telefono movil", "celular"),
            "pt": ("celular", "telemovel"),
            "nl": ("mobiel", "mobiele telefoon"),
        },
        "website": {
            "en": ("website", "web site", "website url", "web page", "homepage", "company website", "web",
                   "organization website", "website 1 value", "web page 1", "company domain name", "website work"),
            "fr": ("site web", "site internet", "page web", "site"),
            "de": ("webseite", "internetseite", "webadresse"),
            "it": ("sito web", "sito", "pagina web"),
            "es": ("sitio web", "pagina web", "web de la empresa"),
        },
        "street": {
            "en": ("street", "address", "address line1", "address street address", "street address", "street 1",
                   "business street", "address line 1", "address 1",
                   "mailing street", "address street", "primary address street", "work address", "home address 1",
                   "address 1 street", "home address", "home street", "organization address", "work address 1",
                   "work street", "shipping address 1", "billing street"),
            "fr": ("adresse", "rue", "rue bureau", "adresse postale", "adresse 1", "voie"),
            "de": ("strasse", "anschrift", "strasse nr", "strasse hausnummer", "adresse 1 strasse",
                   "strasse geschaftlich", "strasse und hausnummer"),
            "it": ("via", "indirizzo", "indirizzo di lavoro"),
            "es": ("calle", "direccion", "calle del trabajo", "domicilio", "calle oficina"),
            "pt": ("endereco", "rua", "morada"),
            "nl": ("adres", "straat"),
        },
        "postal_code": {
            "en": ("postal code", "zip", "address zip postal code", "zip code", "postcode", "zip postal code",
                   "business postal code",
                   "mailing zip postal code", "address postal code", "work zipcode", "work zip", "home zip", "zipcode",
                   "primary address postalcode", "address 1 postal code", "home zipcode", "work zip postal code",
                   "shipping zip"),
            "fr": ("code postal", "cp", "code postal bureau"),
            "de": ("plz", "postleitzahl", "postleitzahl geschaftlich"),
            "it": ("cap", "cap di lavoro", "codice postale"),
            "es": ("codigo postal", "codigo postal del trabajo"),
            "pt": ("codigo postal", "cep"),
            "nl": ("postcode",),
        },
        "city": {
            "en": ("city", "town", "business city", "mailing city", "address city", "work city", "home city",
                   "primary address city", "address 1 city", "locality", "shipping city"),
            "fr": ("ville", "commune", "localite", "ville bureau"),
            "de": ("ort", "stadt", "wohnort", "ort geschaftlich"),
            "it": ("citta", "comune", "citta di lavoro", "localita"),
            "es": ("ciudad", "poblacion", "ciudad de trabajo", "localidad", "municipio"),
            "pt": ("cidade",),
            "nl": ("plaats", "woonplaats"),
        },
        "region": {
            "en": ("state", "region", "state province region", "address state province", "province",
                   "state province", "state or province", "state region", "county",
                   "business state", "mailing state province", "address state", "work state", "home state",
                   "primary address state", "address 1 region", "work state province", "shipping state"),
            "fr": ("departement", "dep region bureau", "etat region"),
            "de": ("bundesland", "kanton", "region geschaftlich"),
            "it": ("provincia", "regione", "provincia di lavoro"),
            "es": ("provincia", "comunidad autonoma", "provincia o estado de trabajo"),
        },
        "country": {
            "en": ("country", "country region", "business country region", "mailing country", "address country",
                   "work country", "home country", "country code", "primary address country", "business country",
                   "country region name", "address 1 country", "country or region", "business country or region",
                   "shipping country"),
            "fr": ("pays", "pays region", "pays region bureau"),
            "de": ("land", "staat", "land geschaftlich", "land region geschaftlich"),
            "it": ("paese", "nazione", "nazione regione di lavoro"),
            "es": ("pais", "pais o region del trabajo"),
            "pt": ("pais",),
            "nl": ("land",),
        },
        "language": {
            "en": ("language", "preferred language", "locale", "lang"),
            "fr": ("langue", "langue preferee"),
            "de": ("sprache", "korrespondenzsprache"),
            "it": ("lingua",),
            "es": ("idioma", "lengua"),
        },
        "source": {
            "en": ("lead source", "source", "data source", "origin", "original source", "hear about us",
                   "how did you hear about us", "contact source", "campaign source", "utm source"),
            "fr": ("source du prospect", "origine", "provenance", "origine de la piste"),
            "de": ("quelle", "lead quelle", "herkunft"),
            "it": ("fonte", "provenienza", "origine del lead"),
            "es": ("fuente", "origen", "procedencia"),
        },
        "notes": {
            "en": ("notes", "note", "comments", "comment", "description", "additional info", "remarks", "message",
                   "lead description"),
            "fr": ("commentaires", "commentaire", "remarques", "remarque", "observations",
                   "commentaires et suggestions"),
            "de": ("notizen", "notiz", "bemerkung", "bemerkungen", "kommentar", "anmerkung", "nachricht"),
            "it": ("commenti", "commento", "osservazioni", "annotazioni", "messaggio", "descrizione"),
            "es": ("notas", "nota", "comentarios", "comentario", "observaciones", "mensaje", "descripcion"),
            "pt": ("observacoes", "comentarios"),
            "nl": ("opmerkingen", "opmerking", "notities"),
        },
        "tags": {
            "": ("tags", "tag"),
            "en": ("labels", "label", "categories", "category", "keywords", "group membership", "person label",
                   "segments"),
            "fr": ("etiquettes", "etiquette", "categories de contact", "mots cles", "segment"),
            "de": ("schlagworter", "kategorien", "kategorie", "stichworte"),
            "it": ("etichette", "etichetta", "categorie", "categoria"),
            "es": ("etiquetas", "etiqueta", "categorias"),
        },
        "opt_out": {
            "en": ("email opt out", "opt out", "opted out", "unsubscribed", "unsubscribe", "has opted out of email",
                   "email address is opted out", "do not email", "do not allow emails", "do not mail", "do not contact",
                   "email blacklisted", "blacklisted", "unsub time", "unsubscribed at", "no mail", "no email",
                   "unsubscribed from all email", "do not allow bulk emails", "email optout"),
            "fr": ("desinscrit", "desabonne", "desinscription", "desabonnement", "ne pas contacter", "opposition",
                   "refus emailing", "ne pas envoyer d email", "opposition emailing", "date de desinscription"),
            "de": ("abgemeldet", "keine e mails", "keine werbung", "werbesperre", "abbestellt",
                   "newsletter abgemeldet"),
            "it": ("disiscritto", "non contattare", "cancellato dalla newsletter"),
            "es": ("dado de baja", "no contactar", "baja", "no enviar correos"),
        },
        "consent": {
            "": ("newsletter", "opt in", "optin", "gdpr consent", "rgpd"),
            "en": ("subscribed", "consent", "email consent", "marketing consent", "accepts email marketing",
                   "accepts marketing", "allow marketing communication", "subscribed to emails", "email opt in",
                   "newsletter subscription", "newsletter opt in", "agreed to be contacted", "subscriber"),
            "fr": ("consentement", "abonne", "inscrit a la newsletter", "consentement email", "consentement rgpd",
                   "accepte de recevoir des emails", "abonne a la newsletter", "accord newsletter",
                   "consentement marketing"),
            "de": ("einwilligung", "newsletter abonniert", "zustimmung", "werbeeinwilligung", "newsletter anmeldung"),
            "it": ("consenso", "iscritto alla newsletter", "consenso marketing", "consenso privacy"),
            "es": ("consentimiento", "suscrito", "acepta recibir correos", "suscrito al boletin"),
        },
        REACH: {
            "en": ("email phone", "phone email", "email or phone", "email and phone", "contact details",
                   "contact info"),
            "fr": ("email telephone", "telephone email", "coordonnees", "mail tel", "tel mail"),
            "de": ("e mail telefon", "telefon e mail", "kontaktdaten"),
            "it": ("email telefono", "recapiti"),
            "es": ("correo telefono", "datos de contacto"),
        },
        # Words that headers are made of, though drafts have no field for them.
        "extra": {
            "": ("id",),
            "en": ("status", "lead status", "stage", "owner", "lead owner", "contact owner", "owner id", "owner alias",
                   "sales rep", "assigned to", "crm status", "rating", "industry", "campaign", "campaign name",
                   "form name", "ad name", "platform", "created time", "created at", "created date", "create date",
                   "date added", "timestamp", "date", "connected on", "scanned at", "badge scan time", "scanned by",
                   "booth", "booth location", "middle name", "nickname", "department", "birthday", "fax",
                   "business fax", "lifecycle stage", "deal title", "deal name", "deal stage", "activity subject",
                   "budget", "linkedin", "linkedin url", "social media", "event name", "event date", "ticket type",
                   "ticket name", "order", "order date", "quantity", "approval status", "attendee status", "join time",
                   "leave time", "duration minutes", "member rating", "optin time", "confirm time", "do not call",
                   "sms blacklisted", "added time", "modified time", "email type", "phone type", "gclid",
                   "google click id", "conversion name", "conversion time", "keyword", "annual revenue",
                   "no of employees", "submitted at", "respondent id", "start date utc", "submit date utc", "statu"),
            "fr": ("statut", "responsable", "proprietaire", "commercial", "date de creation", "horodateur",
                   "date de naissance", "service", "telecopie", "deuxieme prenom", "secteur", "montant", "etape",
                   "date de la commande", "statut de la commande", "reference commande", "tarif", "billet",
                   "nom payeur", "prenom payeur", "email payeur", "moyen de paiement", "campagne", "nom acheteur",
                   "prenom acheteur", "email acheteur"),
            "de": ("abteilung", "zustandig", "inhaber", "lead inhaber", "lead status", "erstellt am", "zeitstempel",
                   "geburtstag", "geburtsdatum", "branche", "weitere vornamen", "fax geschaftlich", "umsatz"),
            "it": ("stato del lead", "proprietario", "responsabile", "data di nascita", "reparto", "settore",
                   "data di creazione", "secondo nome", "id dell ordine", "data dell ordine", "nome dell evento"),
            "es": ("propietario", "fecha de creacion", "fecha de nacimiento", "departamento", "sector",
                   "marca temporal", "segundo nombre"),
        },
    }
)  # fmt: skip


def map_header(
    header: Sequence[str],
    mapping: Mapping[str, str] | None = None,
    declared: Mapping[int, str] | None = None,
    synonyms: Mapping[str, str] | None = None,
) -> dict[int, str]:
    """Say for each column which field of a draft it fills.

    Args:
        header: The names of the columns, each but once.
        mapping: What the user says: column to field; it goes before every synonym.
        declared: What an importer says: place to field, the preferred column first; it
            goes before every synonym, too.
        synonyms: The user's own words: header to field. They go before crmkit's words, and before
            an importer that knows no field for a column.

    Returns:
        Column index to a field, to `REACH`, to ``extra``, or to the dotted name of a
        custom field, of which nothing is known here. Of several columns for one field those
        that are preferred come first.

    Raises:
        RejectedError: The mapping names columns or fields that do not exist; all are listed.
    """
    told = _checked(header, mapping or {})
    own = _by_synonyms(header, synonyms or {})
    declared = {place: field for place, field in (declared or {}).items() if field != "extra" or place not in own}
    declared = {**declared, **{place: field for place, field in own.items() if place not in declared}}
    bare = _without_prefix(header)
    found = {index: declared.get(index) or field_of(name) or "extra" for index, name in enumerate(bare)}
    _settle_names(bare, found)
    _settle_titles(bare, found)
    found.update(declared)
    for index, field in told.items():
        # The user's column is the field; what else would have filled it is kept as it is.
        found = {other: "extra" if was == field and other not in told else was for other, was in found.items()}
        found[index] = field
    ranks = {index: len(declared) + _rank(bare[index], field) for index, field in found.items()}
    ranks |= {index: rank for rank, index in enumerate(declared)}
    return dict(sorted(found.items(), key=lambda item: (item[0] not in told, ranks[item[0]], item[0])))


def field_of(header: str) -> str | None:
    """Return the field that a header stands for by itself, ``extra`` for a known word without one, or None."""
    for symbol, field in _SYMBOLS.items():
        if symbol in header:
            return field
    whole = next((_FIELDS[key] for key in _readings(header) if key in _FIELDS), None)
    if whole is None and " - " in header:  # "Name - First Name": the whole, and its part
        of, _, part = header.rpartition(" - ")
        return field_of(part) if field_of(of) else None
    return whole


def is_header_word(cell: str) -> bool:
    """Tell whether a cell is a word that headers are made of."""
    return len(cell) <= _LONGEST_HEADER and field_of(cell) is not None


def header_words(options: ReadingOptions) -> Callable[[str], bool]:
    """Return what tells whether a cell is a word that headers are made of, the user's own words included."""
    own = {_key(word) for word in (*options.synonyms, *options.mapping)}
    if not own:
        return is_header_word
    return lambda cell: is_header_word(cell) or (len(cell) <= _LONGEST_HEADER and _key(cell) in own)


def header_language(header: Sequence[str]) -> str | None:
    """Return the ISO 639-1 code of the language most of the header is written in, or None."""
    votes: Counter[str] = Counter()
    for name in header:
        for part in name.split(" - "):  # "Personne - Téléphone"
            spoken = next((_LANGUAGES[key] for key in _readings(part) if key in _LANGUAGES), frozenset())
            if len(spoken) == 1:
                votes.update(spoken)
    best = votes.most_common(2)
    if not best or (len(best) > 1 and best[0][1] == best[1][1]):
        return None
    return best[0][0]


def _with_compact(table: dict[str, _T]) -> dict[str, _T]:
    """Let a name of several words be written as one, too: ``jobtitle``."""
    return {word.replace(" ", ""): value for word, value in table.items() if " " in word} | table


_T = TypeVar("_T")

_FIELDS: Mapping[str, str] = _with_compact(
    {word: field for field, languages in SYNONYMS.items() for words in languages.values() for word in words}
)
_RANKS: Mapping[str, int] = _with_compact(
    {word: rank for languages in SYNONYMS.values() for words in languages.values() for rank, word in enumerate(words)}
)
_SYMBOLS = {"☎": "phone", "📞": "phone", "📱": "mobile", "✉": "email", "📧": "email"}
_LONGEST_HEADER = 80

# Spelled alike in several of the languages, though listed in one.
_SHARED = frozenset(
    "name contact source notes note mobile position organisation date region status message website newsletter web "
    "tel telefon role service participant profession adresse zip".split()
)

# What people put around the word that matters: "Your e-mail", "Votre adresse e-mail".
_ARTICLES = frozenset(
    "your my the a of votre vos ton ta le la les l de du des d ihr ihre deine dein tu su il tuo tua el".split()
)
_ASKING = frozenset(
    "hi hello and please enter what whats which s is quel quelle dans est wie lautet welche qual cual".split()
)
_PEOPLE = frozenset("contact lead client customer attendee participant guest visitor user person".split())
_FILLERS = _ARTICLES | _ASKING | _PEOPLE
_AT_WORK = frozenset("billing business mailing office shipping work".split())


_CAMEL = re.compile(r"(?<=[a-zà-ÿ])(?=[A-Z])")
_ASIDE = re.compile(r"\([^)]*\)|\[[^]]*\]|\{\{[^}]*\}\}")  # in forms, the last refers to another answer


@lru_cache(maxsize=4096)
def _readings(header: str) -> tuple[str, ...]:
    """The keys under which to look a header up, the most literal first."""
    bare = _ASIDE.sub(" ", header)
    words = _key(bare).split()
    while len(words) > 1 and words[0] in _FILLERS:
        words.pop(0)
    plain = " ".join(word for word in words if word not in _ARTICLES)
    at_work = " ".join(words[1:]) if words[:1] and words[0] in _AT_WORK else ""
    return (_key(header), _key(bare), _key(_CAMEL.sub(" ", bare)), " ".join(words), plain, at_work)


def _key(text: str) -> str:
    return fold(text.replace("'", " ").replace("’", " "))


def _languages() -> Iterator[tuple[str, frozenset[str]]]:
    spoken: dict[str, set[str]] = {}
    for languages in SYNONYMS.values():
        for language, words in languages.items():
            for word in words:
                spoken.setdefault(word, set()).add(language)
    for word, tongues in spoken.items():
        yield word, frozenset() if word in _SHARED or "" in tongues else frozenset(tongues)


_LANGUAGES: Mapping[str, frozenset[str]] = dict(_languages())


def _without_prefix(header: Sequence[str]) -> Sequence[str]:
    """Take off what a database puts before the names of all its columns: ``kun_telefon``, ``kun_plz``."""
    prefixes = Counter(found[0] for name in header if (found := _PREFIX.match(name)))
    prefix, count = max(prefixes.items(), key=lambda item: item[1], default=("", 0))
    rest = [name for name in header if not name.startswith(prefix)]
    if count < _MANY or count <= len(rest) or any(field_of(name) not in (None, "extra") for name in rest):
        return header
    if sum(1 for name in header if field_of(name)) * 2 > len(header):
        return header
    return [name.removeprefix(prefix) for name in header]


_PREFIX = re.compile(r"[A-Za-z]+_")
_MANY = 4


def _rank(header: str, field: str) -> int:
    if field in {"other_emails", "tags"}:  # all are kept, in the order of the file
        return 0
    return next((_RANKS[key] for key in _readings(header) if key in _RANKS), 0)


def _by_synonyms(header: Sequence[str], synonyms: Mapping[str, str]) -> dict[int, str]:
    own = {_key(word): field for word, field in synonyms.items()}
    return {place: own[_key(name)] for place, name in enumerate(header) if own and _key(name) in own}


def _checked(header: Sequence[str], mapping: Mapping[str, str]) -> dict[int, str]:
    fields = (*DRAFT_FIELDS, REACH)
    by_key = {_key(name): index for index, name in reversed(list(enumerate(header)))}
    told, reasons = {}, []
    for column, field in mapping.items():
        index = header.index(column) if column in header else by_key.get(_key(column))
        if index is None:
            reasons.append(f"there is no column {column!r}{_meant(column, header)}")
        elif field not in fields and "." not in field:
            reasons.append(f"leads have no field {field!r} to fill from a file{_meant(field, fields)}")
        else:
            told[index] = field
    if reasons:
        raise RejectedError(reasons, hint=f"fields are {', '.join(fields)}")
    return told


def _meant(word: str, words: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, words, n=2)
    return f" (did you mean {' or '.join(map(repr, close))}?)" if close else ""


def _settle_names(header: Sequence[str], found: dict[int, str]) -> None:
    """A bare ``Name`` or ``Nom`` beside a first name is the last name, ``Nome`` beside a last name the first."""
    fields = set(found.values())
    for index, name in enumerate(header):
        keys = set(_readings(name))
        if keys & {"name", "nom"} and "first_name" in fields and "last_name" not in fields:
            found[index] = "last_name"
        elif keys & {"nome", "nombre"} and "last_name" in fields and "first_name" not in fields:
            found[index] = "first_name"


def _settle_titles(header: Sequence[str], found: dict[int, str]) -> None:
    """A bare ``Title`` beside a job title is the salutation, as Outlook has it."""
    titles = [index for index, field in found.items() if field == "title"]
    bare = [index for index in titles if _key(_ASIDE.sub(" ", header[index])) in {"title", "titre", "titolo", "titulo"}]
    if len(bare) < len(titles) and "salutation" not in found.values():
        found.update(dict.fromkeys(bare, "salutation"))
