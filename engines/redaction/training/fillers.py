"""What stands in a template's braces: names, numbers, addresses, and things that only look like them."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

from engines.redaction.training import pools

WORDS = "zero one two three four five six seven eight nine".split()
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
MONTHS = (
    "January February March April May June July August September October November December".split()
)
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
).split()
NATIONALITIES = (
    "American British English Scottish Welsh Irish French German Italian Spanish Portuguese Dutch Belgian Swiss "
    "Austrian Danish Swedish Norwegian Finnish Icelandic Polish Czech Slovak Slovene Slovenian Croatian Serbian "
    "Bosnian Hungarian Romanian Bulgarian Greek Turkish Cypriot Maltese Russian Ukrainian Belarusian Estonian "
    "Latvian Lithuanian Georgian Armenian Azerbaijani Kazakh Uzbek Chinese Japanese Korean Vietnamese Thai Lao "
    "Cambodian Burmese Malaysian Indonesian Filipino Indian Pakistani Bangladeshi Nepalese Bhutanese Afghan "
    "Iranian Persian Iraqi Syrian Lebanese Jordanian Israeli Palestinian Saudi Yemeni Omani Qatari Kuwaiti Emirati "
    "Egyptian Libyan Tunisian Algerian Moroccan Sudanese Ethiopian Eritrean Somali Kenyan Ugandan Tanzanian "
    "Rwandan Congolese Nigerian Ghanaian Senegalese Malian Ivorian Cameroonian Angolan Zambian Zimbabwean "
    "Namibian Mozambican Malagasy Canadian Mexican Guatemalan Honduran Salvadoran Nicaraguan Panamanian Cuban "
    "Jamaican Haitian Dominican Colombian Venezuelan Ecuadorian Peruvian Bolivian Chilean Argentinian Argentine "
    "Uruguayan Paraguayan Brazilian Australian Greenlander Fijian Samoan Tongan Catholic Muslim Jewish Hindu "
    "Buddhist Christian Protestant Mongolian Taiwanese Singaporean Albanian Macedonian Montenegrin Moldovan "
    "Luxembourger Asian European African Latino Hispanic Arab Kurdish Basque Catalan"
).split()
_TITLES = "Mr. Mrs. Ms. Miss Dr. Mr Mrs Ms Dr Prof. Professor Sir".split()
_STREET_WORDS = "Street Road Avenue Lane Drive Court Close Way Boulevard Place Terrace Gardens Crescent Square Parkway Hill Row".split()
_SHORT = "St Rd Ave Ln Dr Ct Blvd Pl Terr Sq Pkwy Hwy".split()
_STREET_STEMS = (
    "Oak Maple Elm Cedar Park Church High Station Victoria King Queen Mill School Green Lake River Hill Sunset "
    "Washington Lincoln Franklin Jefferson Main First Second Third Fourth Fifth North South West East Pine Walnut "
    "Chestnut Spring Market Bridge Highland Meadow Forest Grove Orchard Willow Rose London Manor Albert Windsor "
    "York Springfield Commercial Canal Castle Abbey Priory Bell Swan Fox Hawthorn Beech Birch Linden Poplar "
    "Magnolia Harbor Harbour Ocean Bay Sea Valley Prairie Sycamore Dogwood Hickory Juniper Laurel"
).split()
_BEFORE = (
    "Rue|Rue de|Rue du|Avenue|Avenue de|Boulevard|Chemin de|Place de|Via|Viale|Piazza|Corso|Vicolo|Strada|Calle|"
    "Avenida|Plaza|Paseo|Camino|Carrera|Rua|Rua do|Rua da|Travessa|Largo|ul.|Ulica|Aleja|Jalan|Strada|Bulevardul|"
    "Carretera|Contrada|Rúa|Avinguda|Carrer|C/|Ronda|Passeig|Estrada"
).split("|")
_BEHIND = (
    "straße|strasse|str.|weg|allee|platz|gasse|ring|laan|straat|weg|plein|dijk|gracht|vej|gade|vænget|stræde|alle|"
    "gatan|vägen|gränd|torget|gata|vegen|veien|gate|katu|tie|kuja|polku|bakken|toppen|berg|hof|damm|ufer|steig"
).split("|")
_BEHIND_APART = "utca|út|tér|körút|tee|tänav|puiestee|gatve|iela|ulica|cesta|trg|sokak|caddesi|terrasse|allé|väg|plads|köz|sor|alley|nábřeží|náměstí".split("|")
_UNITS = "Apt.|Suite|Apt|Unit|Flat|Apartment|Floor|Room|#|Ste.|Lot".split("|")
_COMPANY_ENDS = (
    "Inc|Inc.|LLC|Ltd|Ltd.|Group|and Sons|PLC|GmbH|AG|S.A.|Corp.|Holdings|Partners|Technologies|Systems|Solutions|"
    "Labs|Media|Bank|Insurance|Industries|Foods|Energy|Capital|Consulting|Software|Health|Logistics|Airlines|"
    "Motors|Pharma|Analytics|Networks|Services|International|Global|& Co|Markets|University|Institute"
).split("|")
_SYLLABLES = (
    "ba be bi bo ca ce co da de di do fa fe fi ga go gra ha he ho ja jo ka ke ki kri la le li lo lu ma me mi mo na "
    "ne ni no pa pe pi po pra ra re ri ro ru sa se shi si so sta ta te ti to tra tri tu va ve vi vo wa wi ya yo za "
    "ze zo an ar as el en er il in is or os un ur"
).split()
_THINGS = (
    "blue sky|north star|data forge|open map|bright path|cloud nine|green leaf|iron gate|silver line|first choice|"
    "health wise|smart grid|home base|true north|clear view|fast track|red rock|deep well|next step|good earth"
).split("|")
PRODUCTS = (
    "laptop phone tablet printer monitor keyboard mouse router television fridge oven kettle toaster lamp sofa chair "
    "table bed mattress jacket shirt dress skirt jeans boots shoes sandals hat scarf watch ring necklace bag "
    "backpack suitcase camera speaker headset charger cable battery vacuum blender mixer heater fan drill ladder "
    "bike helmet tent blanket pillow towel perfume shampoo"
).split()
BRANDS = (
    "sony samsung apple dell lenovo acer asus canon epson nikon philips bosch siemens lg nokia motorola google "
    "amazon netflix nike adidas puma gucci zara ikea dyson logitech microsoft intel cisco oracle xerox panasonic"
).split()
_CARS = {
    "toyota": "camry corolla rav4 prius highlander",
    "honda": "civic accord pilot odyssey fit",
    "ford": "focus fiesta mustang explorer escape",
    "bmw": "x5 x3 m3",
    "audi": "a4 a6 q5 q7",
    "hyundai": "elantra tucson sonata i20",
    "nissan": "altima sentra rogue leaf",
    "chevrolet": "malibu impala cruze spark",
    "kia": "rio soul sorento sportage",
    "jeep": "wrangler cherokee compass",
    "tesla": "model s|model x",
    "volkswagen": "golf passat jetta polo",
    "mazda": "cx5 miata",
    "subaru": "outback forester impreza",
}
_SOFTWARE = (
    "microsoft office|photoshop|excel|word|outlook|windows 10|windows|adobe acrobat|quickbooks|autocad|zoom|skype|"
    "norton antivirus|illustrator|chrome|firefox|teams|slack|powerpoint|sap|java"
).split("|")
_COLOURS = "red blue green black white grey silver gold pink purple brown orange yellow".split()
_SENTENCES = (
    "I never wanted any of this|We are doing all we can|It was not our fault|The prices will rise again|"
    "Nobody told us anything|This is a great day for all of us|You cannot be serious|We will appeal"
).split("|")
_JOBS = "Sales Manager|Chief Executive|Director|Accountant|Head of Support|Engineer|Attorney at Law|Editor".split("|")
_MAIL = "gmail.com yahoo.com hotmail.com outlook.com icloud.com aol.com example.com web.de".split()
_ENDINGS = "com com com org net co.uk de fr info io biz com.au".split()


def number_words(value: int) -> str:
    """Return 0..99 in words."""
    if value < 10:
        return WORDS[value]
    if value < 20:
        return _TEENS[value - 10]
    tens, ones = divmod(value, 10)
    return _TENS[tens - 2] + (f" {WORDS[ones]}" if ones else "")


class Fillers:
    """Draws values by lot. `spoken` chooses what stands in lower-case speech."""

    def __init__(self, lot: random.Random) -> None:
        self.lot = lot
        self.spoken = False
        self._people = pools.people()
        self._cities = pools.cities()
        self._countries = pools.countries()
        self._states, self._state_codes = pools.states()
        self._streets = pools.whole_streets()
        self._suffixes = pools.english_street_words()

    def fill(self, slot: str) -> str:
        """Return a value for `slot`."""
        make: Callable[[], str] = getattr(self, f"_{slot}")
        return make()

    def _pick(self, *shares: tuple[float, Callable[[], str]]) -> str:
        at = self.lot.random() * sum(share for share, _ in shares)
        for share, make in shares:
            at -= share
            if at <= 0:
                return make()
        return shares[-1][1]()

    # --- people ------------------------------------------------------------------------------------------
    def _country_people(self) -> pools.People:
        # English and Indian names first, as in calls; the rest of the world evenly.
        index = self.lot.randrange(8) if self.lot.random() < 0.4 else self.lot.randrange(len(self._people))
        return self._people[index]

    def _made_up(self) -> str:
        return "".join(self.lot.choice(_SYLLABLES) for _ in range(self.lot.choice((2, 2, 3, 3)))).capitalize()

    def _first(self) -> str:
        if self.lot.random() < 0.1:
            return self._made_up()
        return self.lot.choice(self._country_people().first)

    def _last(self) -> str:
        if self.lot.random() < 0.1:
            return self._made_up()
        last = self.lot.choice(self._country_people().last)
        return f"{last}-{self._last()}" if self.lot.random() < 0.02 and not self.spoken else last

    def _name(self) -> str:
        lot, country = self.lot, self._country_people()
        first = self._made_up() if lot.random() < 0.08 else lot.choice(country.first)
        last = self._made_up() if lot.random() < 0.08 else lot.choice(country.last)
        at = lot.random()
        if self.spoken:
            return f"{first} {last}" if at < 0.6 else first
        if at < 0.1:
            return f"{first} {lot.choice(string.ascii_uppercase)} {last}"
        if at < 0.18:
            return f"{first} {lot.choice(string.ascii_uppercase)}. {last}"
        if at < 0.22:
            return f"{first} {lot.choice(country.first)} {last}"
        if at < 0.25:
            return f"{first} {last} {lot.choice(('Jr.', 'II', 'III', 'Sr.'))}"
        return f"{first} {last}"

    def _title(self) -> str:
        return self.lot.choice(_TITLES)

    def _spell(self, word: str) -> str:
        return " ".join(letter for letter in word if letter.isalpha())

    def _spell_first(self) -> str:
        return self._spell(self._first())

    def _spell_last(self) -> str:
        return self._spell(self._last())

    def _age(self) -> str:
        return str(self.lot.randint(1, 99))

    def _nrp(self) -> str:
        return self.lot.choice(NATIONALITIES)

    def _jobtitle(self) -> str:
        return self.lot.choice(_JOBS)

    # --- numbers and codes --------------------------------------------------------------------------------
    def _digits(self, count: int) -> str:
        return "".join(self.lot.choice(string.digits) for _ in range(count))

    def _said(self, digits: str, groups: tuple[int, ...] = ()) -> str:
        """Return digits as speech recognition writes them: in one, in groups, one by one, or in words."""
        at = self.lot.random()
        if at < 0.45 or not self.spoken:
            return digits
        if at < 0.6:
            parts, i = [], 0
            while i < len(digits):
                size = groups[len(parts)] if len(parts) < len(groups) else self.lot.choice((2, 3, 4))
                parts.append(digits[i : i + size])
                i += size
            return " ".join(parts)
        if at < 0.68:
            return " ".join(digits)
        out, i = [], 0
        while i < len(digits):
            pair = digits[i : i + 2]
            if len(pair) == 2 and pair[0] == pair[1] and self.lot.random() < 0.5:
                out.append(f"double {WORDS[int(pair[0])]}")
                i += 2
            elif len(pair) == 2 and pair[0] != "0" and self.lot.random() < 0.15:
                out.append(number_words(int(pair)))
                i += 2
            else:
                out.append("oh" if digits[i] == "0" and self.lot.random() < 0.4 else WORDS[int(digits[i])])
                i += 1
            if self.lot.random() < 0.03:
                out.append(self.lot.choice(("um", "uh", "and", "then")))
        return " ".join(out)

    def _card(self) -> str:
        lot = self.lot
        digits = lot.choice("4453634") + self._digits(lot.choice((15, 15, 15, 14, 13)))
        if self.spoken:
            if lot.random() < 0.2:
                return self._said(self._digits(lot.randint(4, 8)))
            return self._said(digits, (4, 4, 4, 4))
        if lot.random() < 0.35:
            joint = lot.choice(" -")
            return joint.join(digits[i : i + 4] for i in range(0, len(digits), 4))
        return digits

    def _ssn(self) -> str:
        digits = self._digits(9)
        if self.spoken:
            return self._said(digits, (3, 2, 4))
        joint = self.lot.choice(("-", "-", "-", " ", ""))
        return joint.join((digits[:3], digits[3:5], digits[5:]))

    def _ssn4(self) -> str:
        return self._said(self._digits(4), (2, 2))

    def _account(self) -> str:
        return self._said(self._digits(self.lot.choice((4, 4, 6, 7, 8, 8, 9, 10, 10, 11, 12))))

    def _phone(self) -> str:
        lot, d = self.lot, self._digits
        if self.spoken:
            return self._said(d(lot.choice((10, 10, 10, 7, 11))), (3, 3, 4))
        return lot.choice(
            (
                f"{d(3)}-{d(3)}-{d(4)}",
                f"({d(3)}) {d(3)}-{d(4)}",
                f"{d(3)}.{d(3)}.{d(4)}",
                f"{d(10)}",
                f"+1-{d(3)}-{d(3)}-{d(4)}",
                f"+{d(2)} {d(2)} {d(3)} {d(2)} {d(2)}",
                f"+{d(2)} (0){d(2)} {d(3)} {d(2)} {d(2)}",
                f"0{d(3)} {d(2)} {d(2)} {d(2)}",
                f"0{d(2)} {d(4)} {d(4)}",
                f"0{d(4)} {d(6)}",
                f"0{d(1)}.{d(2)}.{d(2)}.{d(2)}.{d(2)}",
                f"({d(2)}) {d(4)}-{d(4)}",
                f"{d(2)} {d(2)} {d(2)} {d(2)}",
                f"{d(3)} {d(3)} {d(3)}",
                f"{d(3)}-{d(3)}-{d(4)}x{d(3)}",
                f"0{d(3)}/{d(6)}",
                f"{d(4)} {d(3)} {d(3)}",
            )
        )

    def _code_of(self, letters: int, digits: int) -> str:
        lot = self.lot
        parts = list(lot.choices(string.ascii_lowercase, k=letters)) + list(self._digits(digits))
        if lot.random() < 0.5:
            lot.shuffle(parts)
        code = "".join(parts)
        if not self.spoken:
            return code.upper()
        at = lot.random()
        if at < 0.5:
            return "".join(
                f" {c}" if i and c.isdigit() != code[i - 1].isdigit() else c for i, c in enumerate(code)
            )
        if at < 0.7:
            return " ".join(code)
        if at < 0.85:
            return " ".join(WORDS[int(c)] if c.isdigit() else c for c in code)
        return code

    def _policy(self) -> str:
        if self.lot.random() < 0.3:
            return self._said(self._digits(self.lot.randint(6, 10)))
        return self._code_of(self.lot.randint(2, 3), self.lot.choice((3, 6, 8, 9)))

    def _claim(self) -> str:
        return self._code_of(self.lot.randint(2, 3), self.lot.choice((3, 3, 5, 7)))

    def _order(self) -> str:
        if self.lot.random() < 0.6:
            return self._said(self._digits(self.lot.randint(5, 10)))
        return self._code_of(2, self.lot.randint(4, 7))

    def _booking(self) -> str:
        return self._code_of(self.lot.randint(2, 4), self.lot.randint(2, 3))

    def _code(self) -> str:
        return self._said(self._digits(self.lot.choice((4, 5, 6, 6))))

    def _cvv(self) -> str:
        return self._said(self._digits(self.lot.choice((3, 3, 3, 4))))

    def _password(self) -> str:
        lot = self.lot
        word = lot.choice((self._first(), lot.choice(PRODUCTS), lot.choice(_COLOURS), self._made_up())).split()[0]
        digits = self._digits(lot.choice((1, 2, 3, 4)))
        if not self.spoken:
            return f"{word}{digits}{lot.choice('!?#$')}"
        return lot.choice((f"{word.lower()} {digits}", f"{word.lower()}{digits}", self._code_of(4, 3)))

    def _user(self) -> str:
        base = self._first().split()[0].lower()
        return lot_joined(self.lot, base, self._digits(self.lot.choice((1, 2, 3))), " " if self.spoken else "")

    def _iban(self) -> str:
        body = self.lot.choice(("GB", "DE", "FR", "ES", "IT", "NL", "PL", "AT")) + self._digits(2)
        body += "".join(self.lot.choices(string.ascii_uppercase, k=4)) if body[:2] in ("GB", "NL") else ""
        body += self._digits(self.lot.randint(14, 20))
        if self.lot.random() < 0.3:
            return " ".join(body[i : i + 4] for i in range(0, len(body), 4))
        return body

    def _ip(self) -> str:
        if self.lot.random() < 0.15:
            return ":".join(f"{self.lot.randrange(65536):x}" for _ in range(8))
        return ".".join(str(self.lot.randrange(256)) for _ in range(4))

    def _url(self) -> str:
        host = self._brandish().replace(" ", "").replace("&", "")
        if self.lot.random() < 0.5:
            host = host.lower()
        start = self.lot.choice(("http://www.", "https://", "www.", "https://www.", ""))
        return f"{start}{host}.{self.lot.choice(_ENDINGS)}{self.lot.choice(('', '', '/', '/about'))}"

    def _email(self) -> str:
        lot = self.lot
        first, last = self._first().split()[0].lower(), self._last().split()[0].lower()
        local = lot.choice((f"{first}.{last}", f"{first}{last}", f"{first}{self._digits(2)}", f"{first[0]}{last}"))
        mail = f"{local}@{lot.choice(_MAIL)}"
        if not self.spoken:
            return mail
        at = lot.random()
        if at < 0.4:
            return mail.replace("@", " at ").replace(".", " dot ").replace("_", " underscore ")
        if at < 0.75:  # as chats without punctuation have it
            return mail.replace("@", "").replace(".", "")
        return f"{first} {self._digits(2)} {lot.choice(_MAIL).replace('.', '')}"

    # --- places -------------------------------------------------------------------------------------------
    def _city(self) -> str:
        city = self.lot.choice(self._cities)
        return city.upper() if not self.spoken and self.lot.random() < 0.12 else city

    def _country(self) -> str:
        return self.lot.choice(self._countries)

    def _state(self) -> str:
        return self.lot.choice(self._states if self.lot.random() < 0.5 else self._state_codes)

    def _zip(self) -> str:
        if self.spoken:
            return self._said(self._digits(self.lot.choice((5, 5, 5, 6))))
        return self._digits(self.lot.choice((5, 5, 4, 6)))

    def _ukpost(self) -> str:
        a, d = string.ascii_lowercase, self._digits
        code = f"{''.join(self.lot.choices(a, k=2))}{d(self.lot.choice((1, 2)))} {d(1)}{''.join(self.lot.choices(a, k=2))}"
        if self.lot.random() < 0.5:
            return code
        return " ".join(WORDS[int(c)] if c.isdigit() else c for c in code if c != " ")

    def _street_stem(self) -> str:
        return self._pick(
            (3, lambda: self.lot.choice(_STREET_STEMS)), (3, self._last), (2, self._first), (1, self._made_up)
        )

    def _english_street(self) -> str:
        lot = self.lot
        end = lot.choice(_STREET_WORDS) if lot.random() < 0.6 else lot.choice((*self._suffixes, *_SHORT))
        return f"{self._street_stem()} {end}"

    def _street(self) -> str:
        return self._pick(
            (5, self._english_street),
            (2, lambda: f"{self.lot.choice(_BEFORE)} {self._pick((2, self._name), (2, self._last), (1, self._plain_city))}"),
            (2.5, lambda: f"{self._street_stem().split()[-1]}{self.lot.choice(_BEHIND)}"),
            (1.5, lambda: f"{self._street_stem()} {self.lot.choice(_BEHIND_APART)}"),
            (1.5, lambda: self.lot.choice(self._streets)),
        )

    def _plain_city(self) -> str:
        return self.lot.choice(self._cities)

    def _num(self) -> str:
        lot = self.lot
        return f"{lot.choice((lot.randint(1, 99), lot.randint(100, 9999)))}{lot.choice(('', '', '', '', 'a', 'B'))}"

    def _unit(self) -> str:
        return f"{self.lot.choice(_UNITS)} {self.lot.randint(1, 999)}"

    def _address(self) -> str:
        lot = self.lot
        street, number = self._street(), self._num()
        at = lot.random()
        if at < 0.35:
            first = f"{number} {street}"
        elif at < 0.65:
            first = f"{street} {number}"
        elif at < 0.9:
            first = f"{self._digits(lot.choice((3, 4, 5)))} {street} {number}"
        elif at < 0.95:
            first = f"P.O. Box {self._digits(4)}"
        else:
            first = f"the corner of {street} and {self._street()}"
        parts = [first]
        if lot.random() < 0.4:
            parts.append(self._unit())
        if lot.random() < 0.75:
            parts.append(self._city())
        if lot.random() < 0.3:
            parts.append(self._state())
        if lot.random() < 0.4:
            parts.append(self._country() if lot.random() < 0.7 else lot.choice(("US", "GB", "DE", "FR", "NO", "SK", "FI", "IT", "CH")))
        if lot.random() < 0.5:
            code = self._zip() if lot.random() < 0.8 else self._ukpost().upper()
            parts.insert(lot.choice((len(parts), len(parts), max(1, len(parts) - 1))), code)
        joint = lot.choice((", ", " ", "\n", "\n ", ",\n", "\n    "))
        return "".join(
            part if not i else (joint if lot.random() < 0.7 else lot.choice((" ", ", ", "\n"))) + part
            for i, part in enumerate(parts)
        )

    def _saddress(self) -> str:
        """Return an address as it is said."""
        lot = self.lot
        number = str(lot.randint(1, 9999))
        if lot.random() < 0.35:
            value = int(number)
            number = number_words(value) if value < 100 else self._said(number)
        parts = [number, self._english_street()]
        if lot.random() < 0.3:
            parts.append(f"{lot.choice(('apartment', 'apt', 'unit', 'suite', 'flat'))} {lot.randint(1, 60)}")
        if lot.random() < 0.55:
            parts.append(self._plain_city())
        if lot.random() < 0.4:
            parts.append(self._state())
        if lot.random() < 0.4:
            parts.append(self._zip())
        return " ".join(parts)

    # --- companies, dates, and what is none of it -----------------------------------------------------------
    def _brandish(self) -> str:
        lot = self.lot
        return self._pick(
            (2, self._made_up),
            (1, lambda: self._made_up() + self._made_up()),
            (1, lambda: lot.choice(_THINGS).title().replace(" ", "")),
            (1, lambda: lot.choice(_THINGS).title()),
        )

    def _org(self) -> str:
        lot = self.lot
        return self._pick(
            (2, lambda: f"{self._last()} {lot.choice(_COMPANY_ENDS)}"),
            (2, lambda: f"{self._last()}, {self._last()} and {self._last()}"),
            (2, lambda: f"{self._last()}-{self._last()}"),
            (2, lambda: f"{self._brandish()} {lot.choice(_COMPANY_ENDS)}"),
            (2, self._brandish),
            (1, lambda: f"{self._plain_city()} {lot.choice(_COMPANY_ENDS)}"),
        )

    def _porg(self) -> str:
        return self._brandish()

    def _year(self) -> str:
        return str(self.lot.randint(1900, 2029))

    def _weekday(self) -> str:
        return self.lot.choice(WEEKDAYS)

    def _month(self) -> str:
        return self.lot.choice(MONTHS)

    def _date(self) -> str:
        lot = self.lot
        y, m, d = lot.randint(1930, 2025), lot.randint(1, 12), lot.randint(1, 28)
        month = MONTHS[m - 1]
        return lot.choice(
            (
                f"{m}/{d}/{y}",
                f"{d:02}/{m:02}/{y}",
                f"{y}-{m:02}-{d:02}",
                f"{y}-{m:02}-{d:02} {lot.randrange(24):02}:{lot.randrange(60):02}:{lot.randrange(60):02}",
                f"{d}.{m}.{y}",
                f"{month} {d}, {y}",
                f"{d} {month} {y}",
                f"{month} {d}",
                f"{d} {month}",
                f"{month} {y}",
                f"{month[:3]} {d} {y}",
                f"{y}",
            )
        )

    def _dob(self) -> str:
        lot = self.lot
        y, m, d = lot.randint(1930, 2010), lot.randint(1, 12), lot.randint(1, 28)
        month, day = MONTHS[m - 1], _ORDINALS[d - 1] if d <= 20 else f"twenty {_ORDINALS[d % 10 - 1]}"
        year = lot.choice((str(y), f"{number_words(y // 100)} {number_words(y % 100)}"))
        return lot.choice(
            (
                f"{month} {day} {year}",
                f"the {day} of {month} {year}",
                f"{month} {d} {year}",
                f"{d} {m} {y}",
                f"{m} {d} {y}",
                f"{d:02} {m:02} {y}",
                f"{day} {month} {year}",
            )
        )

    def _expiry(self) -> str:
        m, y = self.lot.randint(1, 12), self.lot.randint(24, 32)
        return f"{m:02} {y}" if self.spoken else f"{m:02}/{y}"

    def _hour(self) -> str:
        lot = self.lot
        h, m = lot.randint(1, 12), lot.choice((0, 15, 30, 45))
        if self.spoken:
            return lot.choice(
                (f"{number_words(h)} o'clock", f"{h} pm", f"{h} am", f"{number_words(h)} thirty", f"half past {number_words(h)}", f"{number_words(h)} in the morning", f"{h} {m:02} pm")
            )
        return lot.choice((f"{h}:{m:02}", f"{h} pm", f"{h}:{m:02} am", f"{h}pm", "noon"))

    def _amount(self) -> str:
        lot = self.lot
        value = lot.choice((lot.randint(1, 99), lot.randint(100, 9999)))
        if self.spoken:
            unit = lot.choice(("dollars", "dollars", "pounds", "euros", "bucks", "cents", "rupees"))
            words = f"{number_words(value)}" if value < 100 else lot.choice((str(value), f"{number_words(value % 90 + 2)} hundred", f"{number_words(value % 90 + 2)} thousand"))
            return lot.choice((f"{words} {unit}", f"{value} {unit}", f"{words} {unit} and {number_words(lot.randint(1, 99))} cents"))
        return lot.choice((f"${value}", f"${value:,}.{lot.randrange(100):02}", f"£{value}", f"{value} euros", f"${value} million"))

    def _pct(self) -> str:
        return f"{self.lot.randint(1, 90)} percent" if self.spoken else f"{self.lot.randint(1, 90)}%"

    def _qty(self) -> str:
        value = self.lot.choice((self.lot.randint(1, 12), self.lot.randint(2, 90)))
        return number_words(value) if self.spoken and self.lot.random() < 0.6 else str(value)

    def _ordinal(self) -> str:
        day = self.lot.randint(1, 20)
        return _ORDINALS[day - 1]

    def _spokendate(self) -> str:
        return self.lot.choice((f"{self._month()} {self._ordinal()}", f"the {self._ordinal()} of {self._month()}", f"{self._month()} {self.lot.randint(1, 28)}"))

    def _product(self) -> str:
        return self.lot.choice(PRODUCTS)

    def _brand(self) -> str:
        return self.lot.choice(BRANDS)

    def _carbrand(self) -> str:
        return self.lot.choice(tuple(_CARS))

    def _carmodel(self) -> str:
        models = self.lot.choice(tuple(_CARS.values()))
        return self.lot.choice(models.split("|") if "|" in models else models.split())

    def _caryear(self) -> str:
        return str(self.lot.randint(1995, 2024))

    def _software(self) -> str:
        return self.lot.choice(_SOFTWARE)

    def _color(self) -> str:
        return self.lot.choice(_COLOURS)

    def _size(self) -> str:
        return self.lot.choice(("small", "medium", "large", "extra large", "ten", "8", "42", "xl"))

    def _seat(self) -> str:
        return self.lot.choice((f"{self.lot.randint(1, 40)} {self.lot.choice('abcdef')}", f"{self.lot.choice('abcdef')} {self.lot.randint(1, 40)}"))

    def _item(self) -> str:
        return f"{self.lot.choice(PRODUCTS)} {self.lot.randint(1, 99)}"

    def _flight(self) -> str:
        return f"{self.lot.choice(('ba', 'ua', 'dl', 'aa', 'lh'))} {self.lot.randint(10, 999)}"

    def _team(self) -> str:
        return self.lot.choice("billing support sales claims fraud returns".split())

    def _sentence(self) -> str:
        return self.lot.choice(_SENTENCES)


def lot_joined(lot: random.Random, base: str, digits: str, joint: str) -> str:
    """Return a user name of a word and digits, in either order."""
    return f"{base}{joint}{digits}" if lot.random() < 0.85 else f"{digits}{joint}{base}"
