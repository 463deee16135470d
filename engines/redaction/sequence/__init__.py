"""The trained sequence model: names, addresses and numbers in context. See MODEL_CARD.md."""
