"""Looking after documents: tests of search, findings, gaps, what is used."""
