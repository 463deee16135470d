"""Chat systems: their conversations come by API or by one socket, and go the way of a live call."""
