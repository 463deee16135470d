"""Looking after texts: which stand there twice, which say different things of one matter, which questions are alike."""
