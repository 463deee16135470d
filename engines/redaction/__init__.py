"""Finding and removing personal and card data in what people say.

The line of the house runs through here: `RawText` comes in, `RedactedText` goes out, and everything behind
this package (storage, logs, browsers, models outside) accepts the latter alone.
"""
