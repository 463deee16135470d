"""Ready-made moments of contact centres: what to listen for, with sentences that must be heard and that must not.

English. The phrases are written the way an administrator writes them (`engines/rules/phrases.py`); a company takes
what it needs (`install.library_install`) and changes it as its own. The sentences go along, so that a changed
definition is checked against them each time it is saved.
"""

from moments.library.agents import AGENTS
from moments.library.customers import CUSTOMERS
from moments.library.ready import Ready
from moments.library.standing import STANDING

LIBRARY: tuple[Ready, ...] = CUSTOMERS + AGENTS + STANDING
READY = {one.key: one for one in LIBRARY}

__all__ = ["LIBRARY", "READY", "Ready"]
