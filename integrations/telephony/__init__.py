"""Telephony vendors, a folder each: a codec without I/O, and what else the vendor needs."""
