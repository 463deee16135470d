"""What has happened in a dialogue so far, kept up to date event by event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engines.next_step.dialogue import QUERY, Event
from engines.next_step.schema import TaskSchema
from engines.next_step.words import BYE, FORGOT, THANKS, answer, clauses, content, name_parts, news, tokens

MOST_WORDS = 60


@dataclass(frozen=True)
class Asked:
    """What a task's questions are about: `cues` gives the questions that a word points to, by weight."""

    actions: tuple[str, ...]
    cues: Mapping[str, Mapping[str, float]]


def asked_from(questions: Mapping[str, frozenset[str]]) -> Asked:
    """Weigh the words of each question by how few of the others have them. `questions`: meaning by action."""
    spread = Counter(word for meaning in questions.values() for word in meaning)
    cues: dict[str, dict[str, float]] = {}
    for action, meaning in questions.items():
        for word in meaning:
            cues.setdefault(word, {})[action] = 1 / spread[word]
    return Asked(tuple(questions), cues)


class Situation:
    """Follows one dialogue. `kinds` gives the kind of an action by its name.

    `known` says of each question what became of it: "answered" when asked, "told" or "lacked" without having been
    asked (the customer says it, or that he does not know), "refused" when asked, "talk" for another answer.
    """

    def __init__(self, schema: TaskSchema | None, kinds: dict[str, str], asked: Asked) -> None:
        self.schema, self.kinds, self.asked = schema, kinds, asked
        self.known: dict[str, str] = {}
        self.done: Counter[str] = Counter()
        self.nodes: list[str] = []
        self.path: list[str] = []
        self.last_role = ""
        self.customer: list[str] = []
        self.customer_all: Counter[str] = Counter()
        self.free: list[str] = []
        self.result: list[str] = []
        self.asked_with: dict[str, str] = {}
        self.changed = 0
        self.since_query = -1
        self.turns = 0
        self.run = 0
        self.forgotten = 0
        self.answers: dict[str, str] = {}

    @property
    def last(self) -> str:
        """The agent's last labelled action, "" before the first."""
        return self.path[-1] if self.path else ""

    @property
    def last_kind(self) -> str:
        """The kind of the agent's last labelled action."""
        return self.kinds.get(self.last, "free") if self.path else "none"

    @property
    def result_news(self) -> str:
        """Whether the last look-up brought good or bad news."""
        return news(self.result)

    def add(self, event: Event) -> None:
        """Take the next event in."""
        if event.role == "customer":
            self._customer(event)
        elif event.role == "system":
            self.result = [
                word
                for name, value in event.facts
                if not name.startswith("API")
                for word in (*(f"{part}=" for part in name_parts(name)), *tokens(value))
            ][:MOST_WORDS]
        else:
            self._agent(event)
        self.last_role = event.role

    def _customer(self, event: Event) -> None:
        words = tokens(event.text)[:MOST_WORDS]
        if self.last_role != "customer":
            self.customer, self.free = [], []
            self.turns += 1
        self.customer = (self.customer + words)[-MOST_WORDS:]
        self.customer_all.update(set(words))
        self.run = 0
        forgot = bool(FORGOT & set(words))
        self.forgotten += forgot
        self._learn(event.text)
        if self.last:
            number = max((len(word) for word in words if word.startswith("0")), default=0)
            self.answers[self.last] = (
                "forgot" if forgot else f"number{min(number, 6)}" if number else answer(words)
            )

    def _learn(self, text: str) -> None:
        """Note what a customer's turn tells of the questions: of the last one first, then of those it mentions."""
        for clause in clauses(text):
            words = tokens(clause)
            lacks = bool(FORGOT & set(words))
            about: Counter[str] = Counter()
            # In their order: of two questions that are as near the same one in every process.
            for word in sorted(content(words)):
                for action, weight in self.asked.cues.get(word, {}).items():
                    about[action] += weight  # type: ignore[assignment]
            action, weight = about.most_common(1)[0] if about else ("", 0)
            if weight >= 0.5 and action != self.last:
                self.known[action] = "lacked" if lacks else "told"
        words = tokens(text)
        if self.last in self.asked.actions and self.last_role != "customer":
            number = any(word.startswith("0") for word in words)
            if FORGOT & set(words):
                self.known[self.last] = "answered" if number else "refused"
            else:
                self.known[self.last] = (
                    "answered" if number or (len(words) < 8 and "?" not in words) else "talk"
                )

    def _agent(self, event: Event) -> None:
        self.run += 1
        if self.since_query >= 0:
            self.since_query += 1
        if event.action is None:
            self.free = (self.free + tokens(event.text))[-MOST_WORDS:]
            return
        self.done[event.action] += 1
        self.path.append(event.action)
        node = self.schema.node_of(event) if self.schema else event.action
        self.nodes.append(node or event.action)
        if event.action == QUERY:
            with_ = {name: value for name, value in event.facts if value.strip("\"' ")}
            self.changed = sum(self.asked_with.get(name) != value for name, value in with_.items())
            self.asked_with, self.since_query = with_, 0

    def contexts(self, named: set[str] | None) -> Iterator[str]:
        """Yield what can speak for one action or another, as names of features.

        `named`: the actions that may be mentioned by name, None for all; of others only the kind is told, so that
        what is learned holds for tasks with other actions.
        """
        kinds = [self.kinds.get(action, "free") for action in self.path[-3:]]
        role, kind = self.last_role, self.last_kind
        yield "always"
        yield f"role {role}"
        yield f"kind {kind} {role}"
        yield f"kinds {' '.join(kinds[-2:])} {role}"
        yield f"kinds {' '.join(kinds)} {role}"
        yield f"turns {min(self.turns, 8)}"
        yield f"queries {min(self.done[QUERY], 4)} {role}"
        yield f"run {min(self.run, 4)} {kind}"
        yield from self._by_name(named, role)
        yield from self._look_up(role, kind)
        yield from self._said(role, kind, general=named is not None)

    def _by_name(self, named: set[str] | None, role: str) -> Iterator[str]:
        def allowed(action: str) -> bool:
            return named is None or action in named

        last = self.last
        if last and allowed(last):
            yield f"last {last}"
            yield f"last {last} {role}"
            yield f"last {last} {role} {answer(self.customer)}"
            yield f"last {last} {role} {self.result_news} {min(self.done[QUERY], 3)}"
            if len(self.path) > 1 and allowed(self.path[-2]):
                yield f"last2 {self.path[-2]} {last} {role}"
                if named is None:
                    yield f"last3 {' '.join(self.path[-3:])} {role}"
        for action, count in self.done.items():
            if allowed(action):
                yield f"done {action}"
                if count > 1:
                    yield f"twice {action}"
        # Of tasks of the past the words themselves tell it better; measured by cross-validation.
        for action in self.asked.actions if named is not None else ():
            if allowed(action):
                yield f"known {action} {self.known.get(action, '-')} {min(self.done[action], 1)}"
        for action, given in self.answers.items():
            if allowed(action):
                yield f"answer {action} {given}"
        if named is None:
            asked = sorted(action for action in self.done if self.kinds.get(action) == "ask")
            yield f"asked {' '.join(asked)} {role}"
            yield f"asked {' '.join(asked)} {role} {self.result_news if self.since_query >= 0 else '-'}"

    def _look_up(self, role: str, kind: str) -> Iterator[str]:
        since = min(self.since_query, 3)
        yield f"since {since} {role}"
        if self.since_query < 0:
            return
        yield f"news {self.result_news} {since} {role}"
        yield f"news {self.result_news} {kind} {role}"
        requests = sorted(
            "".join(name_parts(value)) for name, value in self.asked_with.items() if "type" in name.lower()
        )
        for request in requests:
            yield f"request {request} {role}"
            yield f"request {request} {self.result_news} {role} {since}"
        yield f"changed {min(self.changed, 3)} {role} {self.result_news}"
        for name in self.asked_with:
            yield f"with {name}"
        where = "found" if role == "system" else "had found"
        for word in set(self.result):
            yield f"{where} {word}"
        if role == "system":
            for one, two in zip(self.result, self.result[1:], strict=False):
                yield f"found {one} {two}"

    def _sure(self, role: str) -> Iterator[str]:
        states = Counter(self.known.values())
        sure, lacking = states["answered"] + states["told"], states["refused"] + states["lacked"]
        yield f"sure {min(sure, 5)} lacking {min(lacking, 2)} {role}"
        yield f"sure {min(sure, 5)} of {min(len(self.asked.actions), 6)} {role} {min(self.since_query, 1)}"
        if self.last in self.asked.actions:
            yield f"just {self.known.get(self.last, '-')} {role}"

    def _said(self, role: str, kind: str, *, general: bool) -> Iterator[str]:
        said, words = answer(self.customer), set(self.customer)
        yield f"answer {said} {kind} {role}"
        yield f"answer {said} {kind} {role} {self.result_news if self.since_query >= 0 else '-'}"
        if general:
            yield from self._sure(role)
        yield f"length {min(len(self.customer).bit_length(), 6)} {role}"
        yield f"forgotten {min(self.forgotten, 4)}"
        for mark, cue in (("bye", BYE), ("thanks", THANKS), ("forgot", FORGOT)):
            if words & cue:
                yield f"{mark} {role}"
                yield f"{mark} {role} {kind}"
        where = "heard" if role == "customer" else "had heard"
        for word in words:
            yield f"{where} {word}"
        for one, two in zip(self.customer, self.customer[1:], strict=False):
            yield f"{where} {one} {two}"
        for word in self.customer_all:
            yield f"ever {word}"
        for word in set(self.free):
            yield f"wrote {word}"
        for one, two in zip(self.free, self.free[1:], strict=False):
            yield f"wrote {one} {two}"
