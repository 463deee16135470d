"""Make the demo calls' sound from their scripts: `python -m demo.synthesise [key ...]`.

Needs Debian's `flite`. Voice `rms` is the agent on channel 0 and `awb` the customer on channel 1; `slt` and
`kal` garble digits. Writes `<key>.flac` (8 kHz, two channels) and `<key>.times.json`, the first and last
millisecond of each line as spoken. The files are kept in the repository, so that only a changed script
needs this tool.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

CALLS = Path(__file__).parent / "calls"
SAMPLE_RATE = 8000
CHANNELS = {"agent": 0, "customer": 1}
VOICES = {"agent": "rms", "customer": "awb"}
LEAD_IN_MS = 500
PAUSE_MS = 600
"""Silence between two turns, unless the line names its own `pause_ms` after it."""

PEAK = 0.5
"""Loudest sample of each line, of full scale, so that the two voices match."""

SPOKEN_ABOVE = 0.01
"""A voice adds silence before and after a line; what is quieter than this is not counted as spoken."""


def keys() -> list[str]:
    """Return the names of all scripted calls, sorted."""
    return sorted(path.stem for path in CALLS.glob("*.json") if not path.name.endswith(".times.json"))


def script(key: str) -> dict[str, Any]:
    """Return the script of one call. Raises `FileNotFoundError` for an unknown key."""
    call: dict[str, Any] = json.loads((CALLS / f"{key}.json").read_text(encoding="utf-8"))
    return call


def line_times(key: str) -> list[dict[str, int]]:
    """Return `start_ms` and `end_ms` of each line of a call, as spoken, in the script's order."""
    times: list[dict[str, int]] = json.loads((CALLS / f"{key}.times.json").read_text(encoding="utf-8"))
    return times


def speak(text: str, voice: str) -> npt.NDArray[np.float64]:
    """Return one line as mono samples in -1..1 at 8 kHz, trimmed to what is heard. Raises `OSError`."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as wav:
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", wav.name], check=True, timeout=60)
        samples, rate = soundfile.read(wav.name, dtype="float64")
    if rate != SAMPLE_RATE:
        samples = narrowband(samples, rate)
    samples *= PEAK / max(float(np.abs(samples).max()), 1e-9)
    loud = np.flatnonzero(np.abs(samples) > SPOKEN_ABOVE)
    spoken: npt.NDArray[np.float64] = samples[loud[0] : loud[-1] + 1]
    return spoken


def narrowband(samples: npt.NDArray[np.float64], rate: int) -> npt.NDArray[np.float64]:
    """Bring samples from `rate` down to 8 kHz by cutting the spectrum above 4 kHz (a whole line at once)."""
    seconds = len(samples) / rate
    wanted = int(seconds * SAMPLE_RATE)
    spectrum = np.fft.rfft(samples)[: wanted // 2 + 1]
    narrow: npt.NDArray[np.float64] = np.fft.irfft(spectrum, wanted) * (wanted / len(samples))
    return narrow


def synthesise(key: str) -> Path:
    """Make one call's sound and line times beside its script. Returns the FLAC's path."""
    call = script(key)
    parts: list[tuple[int, int, npt.NDArray[np.float64]]] = []
    times: list[dict[str, int]] = []
    at = LEAD_IN_MS * SAMPLE_RATE // 1000
    for line in call["lines"]:
        sound = speak(line["text"], VOICES[line["speaker"]])
        parts.append((CHANNELS[line["speaker"]], at, sound))
        end = at + len(sound)
        times.append({"start_ms": at * 1000 // SAMPLE_RATE, "end_ms": end * 1000 // SAMPLE_RATE})
        at = end + int(line.get("pause_ms", PAUSE_MS)) * SAMPLE_RATE // 1000

    stereo = np.zeros((at, len(CHANNELS)))
    for channel, start, sound in parts:
        stereo[start : start + len(sound), channel] = sound
    target = CALLS / f"{key}.flac"
    soundfile.write(target, stereo, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    (CALLS / f"{key}.times.json").write_text(json.dumps(times, indent=1) + "\n", encoding="utf-8")
    return target


def main() -> None:
    """Make the named calls, or all, and print what was written."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("keys", nargs="*", default=keys(), metavar="key")
    for key in parser.parse_args().keys:
        path = synthesise(key)
        info = soundfile.info(path)
        print(f"{path.name}: {info.duration:.1f} s, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
