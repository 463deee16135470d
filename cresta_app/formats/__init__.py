"""How dates and times read where a page does not say: in the admin."""
