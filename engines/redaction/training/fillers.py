"""What stands in a template's braces: names, numbers, addresses, and things that only look like them."""

from __future__ import annotations

import string

from engines.redaction.training.values import BRANDS, MONTHS, PRODUCTS, WEEKDAYS, WORDS, Values, number_words
from engines.redaction.training.words import cars, listed

ORDINALS = listed("ordinals")


class Fillers(Values):
    """All fillers: those of `Values`, places, companies, dates, and what is none of it."""

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
        area, rest = "".join(self.lot.choices(a, k=2)), "".join(self.lot.choices(a, k=2))
        code = f"{area}{d(self.lot.choice((1, 2)))} {d(1)}{rest}"
        if self.lot.random() < 0.5:
            return code
        return " ".join(WORDS[int(c)] if c.isdigit() else c for c in code if c != " ")

    def _street_stem(self) -> str:
        return self._pick(
            (3, lambda: self.lot.choice(listed("street_stems"))),
            (3, self._last),
            (2, self._first),
            (1, self._made_up),
        )

    def _english_street(self) -> str:
        lot = self.lot
        end = (
            lot.choice(listed("street_words"))
            if lot.random() < 0.6
            else lot.choice((*self._suffixes, *listed("street_short")))
        )
        return f"{self._street_stem()} {end}"

    def _street(self) -> str:
        return self._pick(
            (5, self._english_street),
            (2, self._street_of),
            (2.5, lambda: f"{self._street_stem().split()[-1]}{self.lot.choice(listed('street_behind'))}"),
            (1.5, lambda: f"{self._street_stem()} {self.lot.choice(listed('street_behind_apart'))}"),
            (1.5, lambda: self.lot.choice(self._streets)),
        )

    def _street_of(self) -> str:
        named = self._pick((2, self._name), (2, self._last), (1, self._plain_city))
        return f"{self.lot.choice(listed('street_before'))} {named}"

    def _plain_city(self) -> str:
        return self.lot.choice(self._cities)

    def _num(self) -> str:
        lot = self.lot
        return f"{lot.choice((lot.randint(1, 99), lot.randint(100, 9999)))}{lot.choice(('', '', '', '', 'a', 'B'))}"

    def _unit(self) -> str:
        return f"{self.lot.choice(listed('units'))} {self.lot.randint(1, 999)}"

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
            parts.append(
                self._country()
                if lot.random() < 0.7
                else lot.choice(("US", "GB", "DE", "FR", "NO", "SK", "FI", "IT", "CH"))
            )
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
    def _org(self) -> str:
        lot = self.lot
        return self._pick(
            (2, lambda: f"{self._last()} {lot.choice(listed('company_ends'))}"),
            (2, lambda: f"{self._last()}, {self._last()} and {self._last()}"),
            (2, lambda: f"{self._last()}-{self._last()}"),
            (2, lambda: f"{self._brandish()} {lot.choice(listed('company_ends'))}"),
            (2, self._brandish),
            (1, lambda: f"{self._plain_city()} {lot.choice(listed('company_ends'))}"),
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
        month, day = MONTHS[m - 1], ORDINALS[d - 1] if d <= 20 else f"twenty {ORDINALS[d % 10 - 1]}"
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
                (
                    f"{number_words(h)} o'clock",
                    f"{h} pm",
                    f"{h} am",
                    f"{number_words(h)} thirty",
                    f"half past {number_words(h)}",
                    f"{number_words(h)} in the morning",
                    f"{h} {m:02} pm",
                )
            )
        return lot.choice((f"{h}:{m:02}", f"{h} pm", f"{h}:{m:02} am", f"{h}pm", "noon"))

    def _amount(self) -> str:
        lot = self.lot
        value = lot.choice((lot.randint(1, 99), lot.randint(100, 9999)))
        if self.spoken:
            unit = lot.choice(("dollars", "dollars", "pounds", "euros", "bucks", "cents", "rupees"))
            words = (
                f"{number_words(value)}"
                if value < 100
                else lot.choice(
                    (
                        str(value),
                        f"{number_words(value % 90 + 2)} hundred",
                        f"{number_words(value % 90 + 2)} thousand",
                    )
                )
            )
            return lot.choice(
                (
                    f"{words} {unit}",
                    f"{value} {unit}",
                    f"{words} {unit} and {number_words(lot.randint(1, 99))} cents",
                )
            )
        return lot.choice(
            (
                f"${value}",
                f"${value:,}.{lot.randrange(100):02}",
                f"£{value}",
                f"{value} euros",
                f"${value} million",
            )
        )

    def _pct(self) -> str:
        return f"{self.lot.randint(1, 90)} percent" if self.spoken else f"{self.lot.randint(1, 90)}%"

    def _qty(self) -> str:
        value = self.lot.choice((self.lot.randint(1, 12), self.lot.randint(2, 90)))
        return number_words(value) if self.spoken and self.lot.random() < 0.6 else str(value)

    def _ordinal(self) -> str:
        day = self.lot.randint(1, 20)
        return ORDINALS[day - 1]

    def _spokendate(self) -> str:
        return self.lot.choice(
            (
                f"{self._month()} {self._ordinal()}",
                f"the {self._ordinal()} of {self._month()}",
                f"{self._month()} {self.lot.randint(1, 28)}",
            )
        )

    def _product(self) -> str:
        return self.lot.choice(PRODUCTS)

    def _brand(self) -> str:
        return self.lot.choice(BRANDS)

    def _carbrand(self) -> str:
        return self.lot.choice(tuple(cars()))

    def _carmodel(self) -> str:
        models = self.lot.choice(tuple(cars().values()))
        return self.lot.choice(models)

    def _caryear(self) -> str:
        return str(self.lot.randint(1995, 2024))

    def _software(self) -> str:
        return self.lot.choice(listed("software"))

    def _color(self) -> str:
        return self.lot.choice(listed("colours"))

    def _size(self) -> str:
        return self.lot.choice(("small", "medium", "large", "extra large", "ten", "8", "42", "xl"))

    def _seat(self) -> str:
        return self.lot.choice(
            (
                f"{self.lot.randint(1, 40)} {self.lot.choice('abcdef')}",
                f"{self.lot.choice('abcdef')} {self.lot.randint(1, 40)}",
            )
        )

    def _item(self) -> str:
        return f"{self.lot.choice(PRODUCTS)} {self.lot.randint(1, 99)}"

    def _flight(self) -> str:
        return f"{self.lot.choice(('ba', 'ua', 'dl', 'aa', 'lh'))} {self.lot.randint(10, 999)}"

    def _team(self) -> str:
        return self.lot.choice(["billing", "support", "sales", "claims", "fraud", "returns"])

    def _sentence(self) -> str:
        return self.lot.choice(listed("sentences"))
