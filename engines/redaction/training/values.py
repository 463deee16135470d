"""What stands in a template's braces, first half: people, numbers and codes."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

from engines.redaction.training import pools
from engines.redaction.training.words import listed

WORDS = listed("words")
_TEENS = listed("teens")
_TENS = listed("tens")
MONTHS = listed("months")
WEEKDAYS = listed("weekdays")
_ORDINALS = listed("ordinals")
NATIONALITIES = listed("nationalities")
PRODUCTS = listed("products")
BRANDS = listed("brands")


def number_words(value: int) -> str:
    """Return 0..99 in words."""
    if value < 10:
        return WORDS[value]
    if value < 20:
        return _TEENS[value - 10]
    tens, ones = divmod(value, 10)
    return _TENS[tens - 2] + (f" {WORDS[ones]}" if ones else "")


def lot_joined(lot: random.Random, base: str, digits: str, joint: str) -> str:
    """Return a user name of a word and digits, in either order."""
    return f"{base}{joint}{digits}" if lot.random() < 0.85 else f"{digits}{joint}{base}"


class Values:
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
        return "".join(
            self.lot.choice(listed("syllables")) for _ in range(self.lot.choice((2, 2, 3, 3)))
        ).capitalize()

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
        return self.lot.choice(listed("titles"))

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
        return self.lot.choice(listed("jobs"))

    # --- numbers and codes --------------------------------------------------------------------------------
    def _digits(self, count: int) -> str:
        return "".join(self.lot.choice(string.digits) for _ in range(count))

    def _said(self, digits: str, groups: tuple[int, ...] = ()) -> str:
        """Return digits as speech recognition writes them: in one, in groups, one by one, or in words."""
        at = self.lot.random()
        if at < 0.45 or not self.spoken:
            return digits
        if at < 0.6:
            parts: list[str] = []
            i = 0
            while i < len(digits):
                size = groups[len(parts)] if len(parts) < len(groups) else self.lot.choice((2, 3, 4))
                parts.append(digits[i : i + size])
                i += size
            return " ".join(parts)
        if at < 0.68:
            return " ".join(digits)
        out: list[str] = []
        i = 0
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
        word = lot.choice(
            (self._first(), lot.choice(PRODUCTS), lot.choice(listed("colours")), self._made_up())
        ).split()[0]
        digits = self._digits(lot.choice((1, 2, 3, 4)))
        if not self.spoken:
            return f"{word}{digits}{lot.choice('!?#$')}"
        return lot.choice((f"{word.lower()} {digits}", f"{word.lower()}{digits}", self._code_of(4, 3)))

    def _user(self) -> str:
        base = self._first().split()[0].lower()
        return lot_joined(
            self.lot, base, self._digits(self.lot.choice((1, 2, 3))), " " if self.spoken else ""
        )

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
        return f"{start}{host}.{self.lot.choice(listed('endings'))}{self.lot.choice(('', '', '/', '/about'))}"

    def _email(self) -> str:
        lot = self.lot
        first, last = self._first().split()[0].lower(), self._last().split()[0].lower()
        local = lot.choice(
            (f"{first}.{last}", f"{first}{last}", f"{first}{self._digits(2)}", f"{first[0]}{last}")
        )
        mail = f"{local}@{lot.choice(listed('mail_hosts'))}"
        if not self.spoken:
            return mail
        at = lot.random()
        if at < 0.4:
            return mail.replace("@", " at ").replace(".", " dot ").replace("_", " underscore ")
        if at < 0.75:  # as chats without punctuation have it
            return mail.replace("@", "").replace(".", "")
        return f"{first} {self._digits(2)} {lot.choice(listed('mail_hosts')).replace('.', '')}"

    def _brandish(self) -> str:
        lot = self.lot
        return self._pick(
            (2, self._made_up),
            (1, lambda: self._made_up() + self._made_up()),
            (1, lambda: lot.choice(listed("things")).title().replace(" ", "")),
            (1, lambda: lot.choice(listed("things")).title()),
        )
