"""The loopback Deepgram proven by an independent client: Deepgram's own SDK, bare."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import urllib.request

import pytest
from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment

from engines.speech.audio import write_audio
from tests.engines.deepgram_calls import KEY, tones
from tests.engines.speech_sound import ROOT
from tests.peers.deepgram import DeepgramPeer

SOUND = tones((300, 600), (700, 900), (2600, 3000), length_ms=5000)
QUERY = {"model": "nova-3", "encoding": "linear16", "sample_rate": 8000, "interim_results": True,
         "endpointing": 300, "utterance_end_ms": 1000}  # fmt: skip


def client(url, key=KEY):
    socket = url.replace("http", "ws")
    hosts = DeepgramClientEnvironment(base=url, production=socket, agent=socket, agent_rest=url)
    return AsyncDeepgramClient(api_key=key, environment=hosts)


async def stream(url, **query):
    async with client(url).listen.v1.connect(**{**QUERY, **query}) as connection:
        for at in range(0, len(SOUND), 3200):
            await connection.send_media(SOUND[at : at + 3200])
        await connection.send_keep_alive()
        await connection.send_finalize()
        await connection.send_close_stream()
        return [message async for message in connection]


def test_the_sdk_reads_a_stream():
    with DeepgramPeer(key=KEY) as peer:
        messages = asyncio.run(stream(peer.url))
    kinds = [message.type for message in messages]
    assert kinds[-1] == "Metadata"
    assert messages[-1].duration == 5.0
    results = [message for message in messages if message.type == "Results"]
    final = [message for message in results if message.is_final]
    assert [message.start for message in final] == pytest.approx(
        [0.0, *[message.start + message.duration for message in final[:-1]]]
    )
    spoken = [word for message in final for word in message.channel.alternatives[0].words]
    assert [(word.start, word.end) for word in spoken] == [(0.3, 0.6), (0.7, 0.9), (2.6, 3.0)]
    assert [message.speech_final for message in final] == [True, True, False]
    assert final[-1].from_finalize
    assert len(results) - len(final) >= 4
    assert [message.last_word_end for message in messages if message.type == "UtteranceEnd"] == [0.9, 3.0]


@pytest.mark.parametrize(
    "query",
    [{"utterance_end_ms": 500}, {"interim_results": False}, {"keywords": ["x"]},
     {"model": "nova-2", "keyterm": ["x"]}, {"diarize_model": "v2"}, {"channels": 21}],
    ids=str,
)  # fmt: skip
def test_it_refuses_what_deepgram_refuses(query):
    with DeepgramPeer() as peer, pytest.raises(ApiError) as caught:
        asyncio.run(stream(peer.url, **query))
    assert caught.value.status_code == 400
    assert caught.value.__context__.headers["dg-error"].startswith("Bad Request")


def test_the_sdk_has_a_file_transcribed():
    file = io.BytesIO()
    write_audio(file, 8000, [SOUND, bytes(len(SOUND))])

    async def run(url, **query):
        return await client(url).listen.v1.media.transcribe_file(
            request=file.getvalue(), model="nova-3", utterances=True, **query
        )

    with DeepgramPeer() as peer:
        answer = asyncio.run(run(peer.url, multichannel=True))
        one = asyncio.run(run(peer.url, diarize_model="latest", detect_language=True))
    assert answer.metadata.channels == len(answer.results.channels) == 2
    assert [(each.start, each.end, each.channel) for each in answer.results.utterances] == [
        (0.3, 0.9, 0),
        (2.6, 3.0, 0),
    ]
    assert [each.speaker for each in one.results.utterances] == [0, 0]
    assert one.results.channels[0].detected_language == "en"


def test_as_a_process_with_a_delay():
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.peers.deepgram", "--port", "0", "--delay-ms", "700", "--key", KEY],
        stdout=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        messages = asyncio.run(stream(url))
        assert messages[-1].type == "Metadata"
        with urllib.request.urlopen(f"{url}/peer/said") as answer:
            said = json.load(answer)
        assert [round(each["start"], 3) for each in said] == [0.3, 2.6]
        assert all(0.69 <= each["sent"] - each["came"] < 5 for each in said)
        faults = json.dumps([{"kind": "refuse", "status": 429}]).encode()
        urllib.request.urlopen(f"{url}/peer/faults", data=faults).close()
        with pytest.raises(ApiError) as caught:
            asyncio.run(stream(url))
        assert caught.value.status_code == 429
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()
