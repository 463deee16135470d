"""Which speech, chat and embedding server does which task for a company."""
