"""Makes recognisers out of choices, and tries one out: a second of sound, and what came of it in plain words."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from engines.speech.audio import tone
from engines.speech.faults import Fault, fault_of
from engines.speech.providers import create
from engines.speech.types import CallToHear, SpeechError, SpeechProvider, SpeechSession
from providers.addresses import address_judge
from providers.models import Route
from providers.selectors import DEFAULT, SpeechChoice
from providers.vendors import ABILITIES

POCKETSPHINX = str(Route.Provider.POCKETSPHINX)
TRIED_WITHIN_S = 20.0
TRIED_RATE = 8000


def provider_make(choice: SpeechChoice) -> SpeechProvider:
    """Make the recogniser of a choice; it is not started. Raises `ValueError` for what cannot be made.

    The default and what is embedded take the installation's settings, an account its own.
    """
    if choice.key in (DEFAULT, POCKETSPHINX):
        name = choice.vendor or settings.SPEECH_PROVIDER
        options: dict[str, Any] = dict(settings.SPEECH_OPTIONS) if name == settings.SPEECH_PROVIDER else {}
        if name == POCKETSPHINX:
            options.setdefault("processes", settings.SPEECH_PROCESSES)
        return create(name, **options)
    ability = next(one for one in ABILITIES.values() if choice.vendor in (one.live, one.upload))
    options = {key: _thawed(value, ability.options[key]) for key, value in choice.options}
    if ability.address:
        options["base_url"] = choice.base_url
        if choice.base_url:
            options["judge"] = partial(address_judge, choice.base_url)
    if ability.key:
        options["api_key"] = choice.secret
    if choice.vendor == "whisper":
        # How much of the machine a decoding takes is not the company's to say.
        options["threads"] = settings.SPEECH_WHISPER_THREADS
    return create(choice.vendor, **options)


def _thawed(value: Any, kind: type) -> Any:
    if kind is dict:
        return {name: list(one) if isinstance(one, tuple) else one for name, one in value}
    return list(value) if isinstance(value, tuple) else value


def shared_key(choice: SpeechChoice) -> SpeechChoice:
    """What two choices have in common that may be served by one recogniser: all but whose they are.

    The installation's default and what is embedded is one for all companies; an account is its company's alone.
    """
    if choice.key == POCKETSPHINX and settings.SPEECH_PROVIDER != POCKETSPHINX:
        return SpeechChoice("", POCKETSPHINX, POCKETSPHINX)
    return SpeechChoice("", DEFAULT) if choice.key in (DEFAULT, POCKETSPHINX) else choice


@dataclass(frozen=True)
class Trial:
    """What came of trying a recogniser out; `words` are for who tried."""

    good: bool
    words: str


def speech_try(choice: SpeechChoice) -> Trial:
    """Have a recogniser hear a second of sound. Takes up to 20 s; must not be called within a transaction."""
    try:
        return asyncio.run(_tried(choice))
    except SpeechError as error:
        return Trial(False, fault_words(fault_of(error)))
    except TimeoutError:
        return Trial(False, fault_words(Fault.SLOW))
    except ValueError:
        return Trial(False, _("Its options cannot be used. Look through them again."))


async def _tried(choice: SpeechChoice) -> Trial:
    provider = provider_make(choice)
    began = time.monotonic()
    second = bytes(TRIED_RATE // 2) + tone(TRIED_RATE, TRIED_RATE // 2, level=0.3) + bytes(TRIED_RATE // 2)
    # Hosted recognisers want to know the language at least for a tone in which there is none.
    call = CallToHear("trial", 1, TRIED_RATE, "en", (0,))
    try:
        async with asyncio.timeout(TRIED_WITHIN_S):
            await provider.start()
            session = await provider.open(call)
            try:
                await asyncio.gather(_listened(session), _fed(session, second))
            except BaseException:
                with suppress(Exception):
                    await session.abort()
                raise
    finally:
        with suppress(Exception):
            await provider.close()
    took = time.monotonic() - began
    return Trial(True, _("It took a second of sound and answered within %.1f s.") % took)


async def _fed(session: SpeechSession, pcm: bytes) -> None:
    step = TRIED_RATE // 10 * 2
    for at in range(0, len(pcm), step):
        await session.feed([pcm[at : at + step]], at * 500 // TRIED_RATE)
    await session.finish()


async def _listened(session: SpeechSession) -> None:
    async for _heard in session:
        pass


def fault_words(fault: str) -> str:
    """A fault in a sentence that says what to do about it."""
    words = {
        Fault.AWAY: _("It cannot be reached: check its address and whether it runs."),
        Fault.SLOW: _("It did not answer in time."),
        Fault.BUSY: _("It has too much to do, or the account's limit is reached."),
        Fault.REFUSED: _("It refuses the account: check the key, the model and whether there is credit."),
        Fault.BROKEN: _("It answered with an error of its own, or with something that cannot be read."),
        Fault.UNSUPPORTED: _("It does not take calls of this kind: check the language and the options."),
        Fault.MISSING: _("Its package or model is not installed on this machine."),
    }
    return words.get(Fault(fault) if fault in set(Fault) else Fault.FAILED, _("It failed."))
