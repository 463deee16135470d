"""Skills: how good agents are at what is expected of them, where to go on, and what came of coaching.

`skills` names them, `reading` adds their observations up, `figures` are of one skill and agent, `gaps` the distance to
the team's best, `focus` what to work on next, `effects` what changed and whether that is more than the team did, `mine`
the agent's own page.
"""
