"""`python -m engines.redaction.training --data ../shared/data/dev`: train the model anew and write it to its place."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from engines.redaction.sequence.tagger import MODEL, pack
from engines.redaction.training import corpus
from engines.redaction.training.train import Sizes, fit, lexicon, material, say

SEED = 20_240_601
# Taken from the score of "nothing personal" in texts without capitals and with them; chosen on texts that training did
# not see, for F2 without too many false alarms (see MODEL_CARD.md).
OUTSIDE_BIAS = (0.4, 0.0)


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(prog="python -m engines.redaction.training", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with dialog/, pii/ and intent/")
    parser.add_argument("--out", type=Path, default=MODEL)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--rounds", type=int, default=Sizes().rounds, help="of L-BFGS, at most")
    options = parser.parse_args()
    sizes = replace(Sizes(), rounds=options.rounds)
    written = [example for _, example in corpus.texts(options.data / "pii" / "presidio_synth_v2.jsonl")]
    examples, common = material(options.data, options.seed, sizes, written)
    weights, _ = fit(examples, lexicon(common), options.seed, sizes, {"seed": options.seed})
    options.out.write_bytes(pack(replace(weights, outside_bias=OUTSIDE_BIAS)))
    say(f"{options.out}: {options.out.stat().st_size} bytes, {len(weights.features)} features")


if __name__ == "__main__":
    main()
