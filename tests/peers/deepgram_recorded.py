"""The Deepgram peer's pre-recorded endpoint: a sound file in, a transcript out."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from typing import Any

import soundfile

from tests.peers.deepgram_ears import Ear, alternative


def transcribe(body: bytes, query: dict[str, list[str]], words_of: Callable[..., Any]) -> dict[str, Any]:
    """Transcribe a recording as the pre-recorded API does."""
    values, rate = soundfile.read(io.BytesIO(body), dtype="int16", always_2d=True)
    one = {name: entries[-1] for name, entries in query.items()}
    if one.get("multichannel") != "true":
        values = values[:, :1]
    channels, utterances = [], []
    for channel in range(values.shape[1]):
        ear = Ear(rate, channel, values.shape[1], words_of, float(one.get("utt_split", 0.8)), 0.0)
        messages = [*ear.hear(values[:, channel]), *ear.flush()]
        spoken = [each["channel"]["alternatives"][0]["words"] for each in messages if each.get("is_final")]
        every = [word for words in spoken for word in words]
        found: dict[str, Any] = {"alternatives": [alternative([])]}
        found["alternatives"][0].update(words=every, transcript=" ".join(w["punctuated_word"] for w in every))
        if one.get("detect_language") == "true":
            found["detected_language"] = "en"
        channels.append(found)
        utterances += _utterances(every, channel, float(one.get("utt_split", 0.8)), "diarize_model" in one)
    result: dict[str, Any] = {"channels": channels}
    if one.get("utterances") == "true":
        result["utterances"] = sorted(utterances, key=lambda each: each["start"])
    metadata = {"transaction_key": "deprecated", "request_id": str(uuid.uuid4()), "sha256": "0" * 64,
                "created": "2026-01-01T00:00:00Z", "duration": len(values) / rate, "channels": len(channels),
                "models": ["peer"], "model_info": {}}  # fmt: skip
    return {"metadata": metadata, "results": result}


def _utterances(
    words: list[dict[str, Any]], channel: int, split: float, diarised: bool
) -> list[dict[str, Any]]:
    groups: list[list[dict[str, Any]]] = []
    for word in words:
        if diarised:
            word.setdefault("speaker", 0)
        last = groups[-1][-1] if groups else None
        if last is None or word["start"] - last["end"] >= split or word.get("speaker") != last.get("speaker"):
            groups.append([])
        groups[-1].append(word)
    found = []
    for group in groups:
        utterance = {
            "start": group[0]["start"],
            "end": group[-1]["end"],
            "confidence": sum(word["confidence"] for word in group) / len(group),
            "channel": channel,
            "transcript": " ".join(word["punctuated_word"] for word in group),
            "words": group,
            "id": str(uuid.uuid4()),
        }
        if diarised:
            utterance["speaker"] = group[0]["speaker"]
        found.append(utterance)
    return found
