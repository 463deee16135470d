"""`python -m engines.redaction.training --data ../shared/data/dev`: train the model anew and write it to its place.

With `--without-fold N` (0 to 4) every fifth template of the Presidio set stays unseen; write the model elsewhere then
(`--out`), and measure it on those.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from engines.redaction.sequence.tagger import MODEL, pack
from engines.redaction.training import corpus
from engines.redaction.training.train import Sizes, fit, lexicon, material, say

SEED = 20_240_601
FOLDS = 5
# Taken from the score of "nothing personal" in texts without capitals and with them; chosen on texts that training did
# not see, for F2 without too many false alarms (see MODEL_CARD.md).
OUTSIDE_BIAS = (0.4, 0.2)


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(
        prog="python -m engines.redaction.training", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder with dialog/, pii/ and intent/")
    parser.add_argument("--out", type=Path, default=MODEL)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--rounds", type=int, default=Sizes().rounds, help="of L-BFGS, at most")
    parser.add_argument("--without-fold", type=int, choices=range(FOLDS), help="templates kept unseen")
    options = parser.parse_args()
    sizes = replace(Sizes(), rounds=options.rounds)
    written = [
        example
        for template, example in corpus.texts(options.data / "pii" / "presidio_synth_v2.jsonl")
        if template % FOLDS != options.without_fold
    ]
    spoken = corpus.calls(options.data / "dialog" / "multidogo_train.jsonl")
    topics = corpus.topics_of(spoken)
    examples, common = material(options.data, options.seed, sizes, written, spoken, topics)
    weights, _ = fit(examples, lexicon(common), options.seed, sizes, {"seed": options.seed}, topics)
    options.out.write_bytes(pack(replace(weights, outside_bias=OUTSIDE_BIAS)))
    say(f"{options.out}: {options.out.stat().st_size} bytes, {len(weights.features)} features")


if __name__ == "__main__":
    main()
