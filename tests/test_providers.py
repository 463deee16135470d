"""Recognisers of a company: whom its calls are heard by, keys that nothing shows, what may be set, its own words."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import AuditEvent
from engines.speech.deepgram import DeepgramBatchProvider, DeepgramProvider
from engines.speech.whisper import WhisperProvider
from providers.addresses import address_check
from providers.models import Keyterm, ProviderAccount, Route
from providers.selectors import account_secret, default_choice, keyterms, speech_plan
from providers.services import account_create, account_secret_set
from providers.speech import provider_make, shared_key, speech_try
from tests.conftest import World
from tests.peers.openai_audio import transcription_server

SECRET = "dg-very-secret-key"


@pytest.fixture
def company(world: World) -> Any:
    with world.northwind.scope():
        yield world.northwind


def deepgram(name: str = "Deepgram", **fields: Any) -> ProviderAccount:
    return account_create(**{"vendor": "deepgram", "name": name, "secret": SECRET} | fields)


def route(
    position: int, who: ProviderAccount | str, *, task: str = "speech_live", language: str = ""
) -> Route:
    chosen = {"provider": who} if isinstance(who, str) else {"account": who}
    made = Route(task=task, language=language, position=position, **chosen)
    made.full_clean()
    made.save()
    return made


def names(language: str, *, live: bool = True) -> list[str]:
    known = {str(one.pk): one.name for one in ProviderAccount.objects.all()}
    return [known.get(choice.key, choice.key) for choice in speech_plan(language, live=live)]


# --- The plan -------------------------------------------------------------------------------------------


def test_without_routes_the_installation_s_default_hears(
    company: Any, django_assert_num_queries: Any
) -> None:
    assert speech_plan("", live=False) == (default_choice(),)
    with django_assert_num_queries(1):
        assert speech_plan("en", live=True) == (default_choice(),)


def test_order_by_language_and_position(company: Any, django_assert_num_queries: Any) -> None:
    one, two, three = deepgram("one"), deepgram("two"), deepgram("three")
    route(2, two)
    route(1, one)
    route(3, "default")
    route(1, three, language="de")
    route(1, "pocketsphinx", language="de-AT")
    assert names("en-GB") == ["one", "two", "default"]
    assert names("de") == ["three", "one", "two", "default"]
    assert names("de-AT") == ["pocketsphinx", "three", "one", "two", "default"]
    assert names("") == ["one", "two", "default"]
    assert names("en", live=False) == ["default"]
    with django_assert_num_queries(1):
        speech_plan("de-AT", live=True)


def test_what_is_not_active_is_left_out_and_nobody_is_asked_twice(company: Any) -> None:
    one, two = deepgram("one"), deepgram("two", active=False)
    route(1, one)
    route(2, two)
    route(1, one, language="en")
    off = route(3, "default")
    off.active = False
    off.save()
    assert names("en") == ["one"]
    one.active = False
    one.save()
    assert names("en") == ["default"]


def test_an_account_whose_key_does_not_open_is_left_out(company: Any) -> None:
    one, two = deepgram("one"), deepgram("two")
    route(1, one)
    route(2, two)
    ProviderAccount.objects.filter(pk=one.pk).update(secret_sealed=two.secret_sealed)
    assert names("en") == ["two"]


def test_a_choice_crosses_processes_and_shows_no_key(company: Any) -> None:
    account = deepgram(options={"model": "nova-3", "extra": {"tag": ["a", "b"]}, "endpointing_ms": 400})
    route(1, account)
    route(1, account, task="speech_upload")
    (live,), (upload,) = speech_plan("en", live=True), speech_plan("en", live=False)
    assert SECRET not in repr(live) and live.secret == SECRET
    assert pickle.loads(pickle.dumps(live)) == live and hash(live) != hash(upload)
    assert (live.vendor, upload.vendor) == ("deepgram", "deepgram_batch")
    assert isinstance(provider_make(live), DeepgramProvider)
    made = provider_make(upload)
    assert isinstance(made, DeepgramBatchProvider)
    assert made._options.extra == {"tag": ["a", "b"]} and made._options.api_key == SECRET
    assert "endpointing_ms" not in dict(upload.options)


def test_what_is_embedded_is_shared_and_accounts_are_not(world: World, settings: Any) -> None:
    settings.SPEECH_PROVIDER = "pocketsphinx"
    choices = []
    for company in (world.northwind, world.acme):
        with company.scope():
            route(1, "pocketsphinx")
            route(2, "default")
            route(3, deepgram())
            choices.append(speech_plan("en", live=True))
    first, second = choices
    assert shared_key(first[0]) == shared_key(first[1]) == shared_key(second[0])
    assert shared_key(first[2]) == first[2] != second[2]
    settings.SPEECH_PROVIDER = "deepgram"
    assert shared_key(first[0]) != shared_key(first[1])


def test_one_company_s_accounts_are_not_another_s(world: World) -> None:
    with world.northwind.scope():
        account = deepgram()
        route(1, account)
        assert names("en") == ["Deepgram"]
    with world.acme.scope():
        assert names("en") == ["default"]
        from tenants.keys import SealError

        with pytest.raises(SealError):
            account_secret(account)


# --- Accounts -------------------------------------------------------------------------------------------


def test_the_key_is_sealed(company: Any) -> None:
    account = deepgram()
    account.refresh_from_db()
    assert SECRET.encode() not in bytes(account.secret_sealed)
    assert account_secret(account) == SECRET
    account_secret_set(account=account, secret="another")
    assert account_secret(account) == "another"
    account_secret_set(account=account, secret="")
    assert account_secret(account) == "" and not account.has_secret
    events = AuditEvent.objects.filter(object_id=str(account.pk)).values_list("action", "changes")
    assert [action for action, _ in events.order_by("pk")] == [
        "provideraccount.create",
        *["provideraccount.secret"] * 3,
    ]
    assert SECRET not in str(list(events))


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ("options", {"options": {"modle": "nova-3"}}),
        ("options", {"options": {"model": 3}}),
        ("options", {"options": {"smart_format": 1}}),
        ("options", {"options": {"endpointing_ms": True}}),
        ("options", {"options": {"utterance_end_ms": 10}}),
        ("options", {"options": ["nova-3"]}),
        ("options", {"secret": ""}),
        ("options", {"vendor": "openai_audio", "options": {"response_format": "srt"}}),
        ("options", {"vendor": "openai_audio", "options": {"api_key": "x"}}),
        ("options", {"vendor": "whisper", "options": {"model": "/etc"}}),
        ("options", {"vendor": "whisper", "options": {}}),
        # An address that needs no looking up: what is wrong is that there is one.
        (
            "base_url",
            {"vendor": "whisper", "base_url": "https://93.184.215.14", "options": {"model": "small"}},
        ),
        ("vendor", {"vendor": "nobody"}),
        ("name", {"name": ""}),
        ("base_url", {"base_url": "ftp://93.184.215.14"}),
    ],
)
def test_what_an_account_cannot_be(company: Any, settings: Any, wrong: str, fields: dict[str, Any]) -> None:
    settings.SPEECH_WHISPER_MODELS = ["small"]
    with pytest.raises(ValidationError) as refused:
        deepgram(**fields)
    assert set(refused.value.message_dict) == {wrong}
    assert not ProviderAccount.objects.exists()


def test_whisper_has_the_installation_s_models(company: Any, settings: Any) -> None:
    settings.SPEECH_WHISPER_MODELS = ["/models/small"]
    account = account_create(vendor="whisper", name="Whisper", options={"model": "/models/small"})
    route(1, account)
    (choice,) = speech_plan("en", live=True)
    assert isinstance(provider_make(choice), WhisperProvider)


@pytest.mark.parametrize(
    ("url", "public", "private"),
    [
        ("", True, True),
        ("https://93.184.215.14/v1", True, True),
        ("wss://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:443", True, True),
        ("http://10.1.2.3:8080", False, True),
        ("http://127.0.0.1:9000/v1", False, True),
        ("http://[::1]/", False, True),
        ("http://[::ffff:192.168.1.1]/", False, True),
        ("http://169.254.169.254/latest", False, False),
        ("http://[fe80::1]/", False, False),
        ("http://0.0.0.0/", False, False),
        ("https://user:word@93.184.215.14/", False, False),
        ("https://93.184.215.14/?key=x", False, False),
        ("https://93.184.215.14/#x", False, False),
        ("file:///etc/passwd", False, False),
        ("https://", False, False),
        ("https://93.184.215.14:port/", False, False),
        ("https://93.184.215.14/a b", False, False),
    ],
)
def test_addresses(settings: Any, url: str, public: bool, private: bool) -> None:
    for allowed, passes in ((False, public), (True, private)):
        settings.PROVIDER_ALLOW_PRIVATE_URLS = allowed
        if passes:
            address_check(url)
        else:
            with pytest.raises(ValidationError):
                address_check(url)


def test_a_name_is_looked_up_unless_everything_is_allowed(settings: Any) -> None:
    def nowhere(host: str) -> list[str]:
        raise OSError("no such name")

    settings.PROVIDER_ALLOW_PRIVATE_URLS = False
    address_check("https://speech.example", resolve=lambda host: ["93.184.215.14"])
    for found in (["192.168.0.7"], ["93.184.215.14", "127.0.0.1"], ["fd00::1"]):
        with pytest.raises(ValidationError):
            address_check("https://speech.example", resolve=lambda host, found=found: found)
    with pytest.raises(ValidationError):
        address_check("https://speech.example", resolve=nowhere)
    settings.PROVIDER_ALLOW_PRIVATE_URLS = True
    address_check("https://speech.example", resolve=nowhere)
    address_check("https://speech.example", resolve=lambda host: ["192.168.0.7"])
    # A name is no way to the clouds' credentials, either.
    with pytest.raises(ValidationError):
        address_check("https://speech.example", resolve=lambda host: ["169.254.169.254"])


# --- Routes and words -----------------------------------------------------------------------------------


def test_what_a_route_cannot_be(company: Any) -> None:
    account = deepgram()
    ours = account_create(vendor="openai_audio", name="Ours")
    route(1, account)
    for fields in (
        {"position": 1, "provider": "default"},
        {"position": 2, "provider": "default", "account": account},
        {"position": 2},
        {"position": 2, "account": ours},
        {"position": 2, "provider": "scripted"},
        {"position": 2, "provider": "default", "language": "english"},
    ):
        with pytest.raises(ValidationError):
            Route(task="speech_live", **fields).full_clean()
    route(1, ours, task="speech_upload")
    with pytest.raises(IntegrityError), transaction.atomic():
        Route.objects.create(task="speech_live", position=1, provider="default")
    with pytest.raises(IntegrityError), transaction.atomic():
        Route.objects.create(task="speech_live", position=7, provider="default", account=account)


def test_keyterms(company: Any, django_assert_num_queries: Any) -> None:
    for term, language in (
        ("Cresta", ""),
        ("  Zähler   Plus ", "de"),
        ("meter", "en"),
        ("Meter", "en-GB"),
        ("Cresta", "de"),
    ):
        Keyterm.objects.create(term=term, language=language)
    Keyterm.objects.create(term="old", active=False)
    with django_assert_num_queries(1):
        assert keyterms("de-AT") == ("Cresta", "Zähler Plus")
    assert keyterms("en-GB") == ("Meter", "meter", "Cresta")
    assert keyterms("") == ("Cresta",)
    Keyterm.objects.bulk_create(Keyterm(term=f"word {number:03}") for number in range(300))
    assert len(keyterms("")) == 200


def test_one_company_s_words_are_not_another_s(world: World) -> None:
    with world.northwind.scope():
        Keyterm.objects.create(term="Cresta")
    with world.acme.scope():
        assert keyterms("en") == ()


# --- Trying -----------------------------------------------------------------------------------------------


def test_trying_a_server_out(company: Any, settings: Any) -> None:
    settings.PROVIDER_ALLOW_PRIVATE_URLS = True
    with transcription_server("text") as server:
        account = account_create(
            vendor="openai_audio",
            name="Ours",
            base_url=server.url,
            secret=SECRET,
            options={"model": "x-transcribe", "retries": 0},
        )
        route(1, account, task="speech_upload")
        (choice,) = speech_plan("en", live=False)
        trial = speech_try(choice)
        assert trial.good and "answered" in trial.words
        assert server.requests[0]["authorization"] == f"Bearer {SECRET}"
        server.faults = ["401"]
        trial = speech_try(choice)
    assert not trial.good and "key" in trial.words and SECRET not in trial.words
    trial = speech_try(choice)
    assert not trial.good and "cannot be reached" in trial.words


def test_trying_what_is_not_installed(company: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    settings.SPEECH_WHISPER_MODELS = ["small"]
    account_create(vendor="whisper", name="Whisper", options={"model": "small"})
    route(1, ProviderAccount.objects.get())
    (choice,) = speech_plan("en", live=True)
    assert "not installed" in speech_try(choice).words
