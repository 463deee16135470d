"""A task's playbook: its actions, their words, and which follows which.

The format is that of the STAR corpus (Mosig et al. 2020, https://arxiv.org/abs/2010.11853) with the graphs of Mehri and
Eskenazi (2021, https://arxiv.org/abs/2106.07056): `replies` gives each node its words, `graph` the node that follows.
Nodes that nothing leads to and that nobody says ("available", "yes") are states: what the customer or a look-up may
answer. A node `query_check` stands for the action `query` with a request type of "Check".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from engines.next_step.dialogue import QUERY, Event

RESPONSES = ".responses.json"


@dataclass(frozen=True)
class TaskSchema:
    """What is known of a task before anybody has done it.

    `replies`: words by action, in the playbook's order. `graph`: the nodes that follow a node. `states`: words by
    node that is no action.
    """

    task: str
    replies: Mapping[str, str]
    graph: Mapping[str, tuple[str, ...]]
    states: Mapping[str, str]

    @cached_property
    def order(self) -> dict[str, int]:
        """Place of each node along the playbook: the number of steps from its beginning, or from a state."""
        targets = {target for after in self.graph.values() for target in after}
        begin = [node for node in self.graph if node not in targets and node not in self.states]
        places = dict.fromkeys(begin, 0)
        self._walk(begin, places)
        longest = max(places.values(), default=0)
        for state in self.states:
            fresh = [node for node in self.graph.get(state, ()) if node not in places]
            places |= dict.fromkeys(fresh, longest + 1)
            self._walk(fresh, places)
        return places

    def _walk(self, begin: list[str], places: dict[str, int]) -> None:
        waiting = list(begin)
        while waiting:
            node = waiting.pop(0)
            for after in self.graph.get(node, ()):
                if after not in places:
                    places[after] = places[node] + 1
                    waiting.append(after)

    @cached_property
    def roles(self) -> dict[str, frozenset[str]]:
        """What an action is in the graph: "first", "last", "answers" (follows a state or a query), "leads"."""
        found: dict[str, set[str]] = {action: set() for action in self.replies}
        for node, after in self.graph.items():
            for target in after:
                if action_of(target) in found and (node in self.states or action_of(node) == QUERY):
                    found[action_of(target)].add("answers")
                if action_of(node) in found and action_of(target) == QUERY:
                    found[action_of(node)].add("leads")
        for action, marks in found.items():
            nodes = self.nodes(action)
            if any(self.order.get(node) == 0 for node in nodes):
                marks.add("first")
            if not any(self.graph.get(node) for node in nodes):
                marks.add("last")
            if not any(node in self.order for node in nodes):
                marks.add("outside")
        return {action: frozenset(marks) for action, marks in found.items()}

    def nodes(self, action: str) -> tuple[str, ...]:
        """The nodes of the graph that stand for an action."""
        if action != QUERY:
            return (action,)
        found = {node for after in self.graph.values() for node in after if action_of(node) == QUERY}
        return tuple(sorted(found)) or (QUERY,)

    def node_of(self, event: Event) -> str | None:
        """The node that an event of the agent stands for, None for what has no name.

        Of several kinds of query it is the one whose name ends with a value of the query ("Check": `query_check`).
        """
        if event.action != QUERY:
            return event.action
        nodes = self.nodes(QUERY)
        values = {re.sub(r"\W", "", value).lower() for _name, value in event.facts}
        return next((node for node in nodes if node.removeprefix("query_") in values), nodes[0])


def action_of(node: str) -> str:
    """The action that a node stands for."""
    return QUERY if node.startswith(f"{QUERY}_") else node


def schema_from(task: str, data: Mapping[str, Any], responses: Mapping[str, str] | None = None) -> TaskSchema:
    """Read a schema; `responses` are the words an agent can say, where they are known apart.

    Raises:
        ValueError: if it has no replies or no graph.
    """
    replies, drawn = data.get("replies"), data.get("graph")
    if not isinstance(replies, dict) or not isinstance(drawn, dict):
        raise ValueError("a schema needs replies and a graph")
    graph = {node: tuple(after) if isinstance(after, list) else (after,) for node, after in drawn.items()}
    targets = {target for after in graph.values() for target in after}
    first = next(iter(graph), None)
    spoken = set(responses) if responses is not None else {first}
    states = {
        node: str(words)
        for node, words in replies.items()
        if node in graph and node not in targets and node not in spoken
    }
    known = {**(responses or {}), **replies}
    actions: dict[str, str] = {}
    for node, words in known.items():
        if node not in states:
            actions.setdefault(action_of(node), "" if action_of(node) == QUERY else str(words))
    return TaskSchema(task, actions, graph, states)


def read_schemas(folder: Path) -> dict[str, TaskSchema]:
    """Read the schemas of a folder, by file name. Raises ValueError, which names the file, and OSError."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        if path.name.endswith(RESPONSES):
            continue
        beside = path.with_name(path.stem + RESPONSES)
        try:
            responses = json.loads(beside.read_text("utf-8")) if beside.is_file() else None
            found[path.stem] = schema_from(path.stem, json.loads(path.read_text("utf-8")), responses)
        except ValueError as error:
            raise ValueError(f"{path.name}: {error}") from error
    return found
