"""Search over passages: by words in memory, by vectors where there is a server for them."""
