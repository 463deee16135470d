"""Which actions are possible, and what speaks for each of them in a situation.

An action is described by what holds beyond its task: its kind (asks, offers, tells, bad news), its place in the
playbook, the parts of its name, and its name where other tasks have it too. So what is learned on some tasks ranks the
actions of a task of which only the playbook is known.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from engines.next_step.dialogue import QUERY, Dialogue
from engines.next_step.schema import TaskSchema, action_of
from engines.next_step.situation import Asked, Situation, asked_from
from engines.next_step.words import BYE, FORGOT, THANKS, answer, content, kind_of, name_parts, news, tokens


@dataclass(frozen=True)
class Learned:
    """The actions of past dialogues: how often in which task, and the words most often used for each."""

    tasks: Mapping[str, Mapping[str, int]]
    words: Mapping[str, str]

    def named(self, without: str | None = None) -> set[str]:
        """The actions that occur in some task other than `without`."""
        return {action for action, tasks in self.tasks.items() if any(task != without for task in tasks)}

    def common(self, without: str | None = None) -> set[str]:
        """The actions that at least half of the tasks share, and two of them."""
        every = {task for tasks in self.tasks.values() for task in tasks} - {without}
        least = max(2, math.ceil(len(every) / 2))
        return {action for action, tasks in self.tasks.items() if len(set(tasks) - {without}) >= least}


@dataclass(frozen=True, slots=True)
class Candidate:
    """An action that may come next. `marks` describe it; `times` it was seen in this very task."""

    action: str
    words: str
    kind: str
    marks: tuple[str, ...]
    roles: frozenset[str] = frozenset()
    meaning: frozenset[str] = frozenset()
    times: int = 0


def learn_actions(dialogues: Iterable[Dialogue], schemas: Mapping[str, TaskSchema]) -> Learned:
    """Count the labelled actions. An action's words are a playbook's where one has them."""
    tasks: dict[str, Counter[str]] = {}
    said: dict[str, Counter[str]] = {}
    for dialogue in dialogues:
        for place, action in dialogue.decisions():
            tasks.setdefault(action, Counter())[dialogue.task] += 1
            said.setdefault(action, Counter())[dialogue.events[place].text] += 1
    words = {}
    for action, texts in said.items():
        written = [schemas[task].replies.get(action, "") for task in sorted(tasks[action]) if task in schemas]
        text, times = texts.most_common(1)[0]
        often = text if action != QUERY and times * 5 >= texts.total() else ""
        words[action] = next(filter(None, written), often)
    return Learned({action: dict(tasks[action]) for action in sorted(tasks)}, words)


def candidates(task: str, schema: TaskSchema | None, learned: Learned, *, unseen: bool) -> list[Candidate]:
    """The actions that may come next in a task.

    `unseen` leaves out what past dialogues of this very task tell, as if there were none: then an action that
    says the same words as one that other tasks know is taken for that one.
    """
    named, common = learned.named(task if unseen else None), learned.common(task if unseen else None)
    here = {} if unseen else {action: seen[task] for action, seen in learned.tasks.items() if task in seen}
    replies = dict(schema.replies) if schema else {}
    if unseen:
        replies = dict(_renamed(replies, named, common, learned))
    words = {**{action: learned.words.get(action, "") for action in (*sorted(common), *here)}, **replies}
    if unseen:
        words = _own_ending(words, set(replies) - common)
    found = []
    for action, text in words.items():
        own = text or learned.words.get(action, "")
        kind = kind_of(action, own)
        roles = schema.roles.get(action, frozenset({"extra"})) if schema else frozenset({"extra"})
        marks = [
            "every",
            f"is a {kind}",
            *(f"is {role}" for role in roles),
            f"is {kind} {'-'.join(sorted(roles))}",
        ]
        if unseen and kind != "query":
            marks += [f"part {part}" for part in sorted({*name_parts(action), *content(tokens(own))})]
        if "{" in own:
            marks.append("fills in")
        if not unseen or action in named:
            marks.append(f"named {action}")
        if not unseen and action in here:
            marks.append(f"named {action} in {task}")
        meaning = content([*name_parts(action)[1:], *tokens(own)])
        found.append(Candidate(action, own, kind, tuple(marks), roles, meaning, here.get(action, 0)))
    return found


def _renamed(
    replies: Mapping[str, str], named: set[str], common: set[str], learned: Learned
) -> Iterator[tuple[str, str]]:
    for action, words in replies.items():
        same = [other for other in sorted(common) if words and learned.words.get(other, "") == words]
        yield (same[0] if same and action not in named else action), words


def _own_ending(words: dict[str, str], own: set[str]) -> dict[str, str]:
    """Without the endings of other tasks, where the playbook has one in words of its own."""
    if not any(kind_of(action, words[action]) == "bye" for action in own):
        return words
    return {action: text for action, text in words.items() if action in own or kind_of(action, text) != "bye"}


def questions(every: Iterable[Candidate]) -> Asked:
    """What the questions among the candidates are about."""
    return asked_from(
        {each.action: each.meaning for each in every if each.kind == "ask" and "outside" not in each.roles}
    )


def pairs(now: Situation, every: list[Candidate]) -> Iterator[Iterator[str]]:
    """For each candidate, what speaks for or against it in this situation beyond its marks, as names of features."""
    schema = now.schema
    asks = [each for each in every if each.kind == "ask" and "outside" not in each.roles]
    open_asks = [each.action for each in asks if not now.done[each.action]]
    reached, told = _reached(now), states_told(now)
    ending = list(_ending(now, every))
    for candidate in every:
        found = list(_place(now, schema, candidate, reached)) + ending
        found += _told(schema, candidate, told, now)
        found += _asks(now, candidate, open_asks)
        found += _alike(now, candidate)
        found.append(f"seen {min(candidate.times.bit_length(), 6)}")
        yield _crossed(found, candidate, now)


def _crossed(found: list[str], candidate: Candidate, now: Situation) -> Iterator[str]:
    for name in found:
        yield name
        yield f"{name} / {candidate.kind}"
        yield f"{name} / {candidate.kind} {now.last_role}"
        yield f"{name} / {candidate.kind} {now.last_kind} {now.last_role}"


def _reached(now: Situation) -> int:
    """How far along the playbook the agent has come; -1 before the beginning."""
    if now.schema is None:
        return -1
    return max((now.schema.order.get(node, -1) for node in now.nodes), default=-1)


def _ending(now: Situation, every: Iterable[Candidate]) -> Iterator[str]:
    """Whether what was called for has been told, and whether the customer takes leave."""
    told = sum(now.done[each.action] for each in every if each.kind == "tell" and "answers" in each.roles)
    since = min(now.since_query, 2)
    yield f"finished {min(told, 2)} {now.last_role} {since}"
    if now.last_role == "customer":
        words = set(now.customer)
        leaves = f"{bool(words & BYE)} {bool(words & THANKS)}"
        yield f"leaves {leaves}"
        yield f"leaves {leaves} {min(told, 1)}"


def states_told(now: Situation) -> dict[str, int]:
    """The states of the playbook that fit best what was just heard or found: 2, or 1 where it was told before."""
    if now.schema is None or now.last_role not in ("customer", "system"):
        return {}
    found = {state: _fit(now, state, text) for state, text in now.schema.states.items()}
    best = max(found.values(), default=0.0)
    return {state: 2 if fit >= 2 else 1 for state, fit in found.items() if fit == best} if best > 0 else {}


def _fit(now: Situation, state: str, text: str) -> float:
    """How well a state fits: 2 and more where it was just told, 1 and more where it was told before, else 0."""
    name = {*name_parts(state), *tokens(text)}
    if "missing" in name:
        about = content(name) & (content(now.customer) | content(name_parts(now.last)[1:]))
        if now.last_role == "customer" and FORGOT & set(now.customer):
            return 2 + len(about) / 10
        lacking = [action for action, known in now.known.items() if known in ("refused", "lacked")]
        meant = content(part for action in lacking for part in name_parts(action)[1:])
        return 1 + len(content(name) & meant) / 10 if lacking else 0
    if now.last_role == "system":
        if news(name) == "" or news(name) != now.result_news:
            return 0
        # Of two that fit, the one in the look-up's words, and rather one whose step has not been done.
        after = now.schema.graph[state] if now.schema else ()
        done = any(now.done[action_of(node)] for node in after)
        return 2.1 + len(content(name) & content(now.result)) / 10 - done / 20
    is_answer = now.last_kind == "offer" and answer(name) in ("yes", "no")
    return 2.0 * (is_answer and answer(now.customer) == answer(name))


def _told(
    schema: TaskSchema | None, candidate: Candidate, told: Mapping[str, int], now: Situation
) -> Iterator[str]:
    if schema is None or not schema.states:
        return
    done = min(now.done[candidate.action], 2)
    levels = [
        level
        for state, level in told.items()
        if any(action_of(n) == candidate.action for n in schema.graph[state])
    ]
    level = max(told.values(), default=0)
    yield f"told {max(levels, default=0)} of {level}"
    yield f"told {max(levels, default=0)} of {level} done {done} {now.last_role}"
    if now.nodes:
        # What the playbook goes on with holds less where a state says otherwise.
        follows = any(action_of(node) == candidate.action for node in schema.graph.get(now.nodes[-1], ()))
        yield f"told {max(levels, default=0)} of {level} follows {follows}"


def _place(now: Situation, schema: TaskSchema | None, candidate: Candidate, reached: int) -> Iterator[str]:
    done = now.done[candidate.action]
    yield f"done {min(done, 3)}"
    if done:
        ago = next(i for i, action in enumerate(reversed(now.path)) if action == candidate.action)
        yield f"ago {min(ago, 4)}"
    if schema is None:
        return
    nodes = schema.nodes(candidate.action)
    if now.nodes and any(node in schema.graph.get(now.nodes[-1], ()) for node in nodes):
        yield "follows"
        yield f"follows done {min(done, 2)}"
    latest = next((node for node in reversed(now.nodes) if node in schema.graph), None)
    if latest is not None and any(node in schema.graph[latest] for node in nodes):
        yield "follows latest"
    places = [schema.order[node] for node in nodes if node in schema.order]
    if places:
        ahead = min((place - reached for place in places), key=abs)
        yield f"ahead {max(-3, min(ahead, 5))}"
        yield f"ahead {max(-3, min(ahead, 5))} done {min(done, 2)}"
    heard = content([*now.result, *now.customer])
    said = answer(now.customer)
    for state, after in schema.graph.items():
        if state in schema.states and any(action_of(node) == candidate.action for node in after):
            name = set(name_parts(state)) | set(tokens(schema.states[state]))
            about = "missing" if "missing" in name else news(name) or answer(name)
            yield f"state {state} {now.last_role} {said}"
            yield f"state {state} {now.last_role} {now.result_news} {min(now.since_query, 2)}"
            yield f"state {about} {now.last_role} {now.result_news} {min(now.since_query, 2)}"
            yield f"state {about} {now.last_role} {said} {now.last_kind}"
            lacking = sum(known in ("refused", "lacked") for known in now.known.values())
            yield f"state {about} lacking {min(lacking, 2)} {now.known.get(now.last, '-')} {now.last_role}"
            yield f"state heard {bool(content(name) & heard)} {now.last_role}"
    telling = news(tokens(candidate.words))
    yield f"tells {telling} {now.result_news} {now.last_role} {min(now.since_query, 2)}"


def _asks(now: Situation, candidate: Candidate, open_asks: list[str]) -> Iterator[str]:
    left = len(open_asks)
    if candidate.action in now.asked.actions:
        known = now.known.get(candidate.action, "-")
        yield f"known {known}"
        yield f"known {known} done {min(now.done[candidate.action], 2)} {min(now.since_query, 1)}"
        ahead = [action for action in now.asked.actions if action not in now.known and not now.done[action]]
        if candidate.action in ahead:
            yield f"unknown {min(ahead.index(candidate.action), 4)}"
    else:
        unknown = sum(action not in now.known and not now.done[action] for action in now.asked.actions)
        yield f"unknown left {min(unknown, 4)} {min(now.since_query, 1)}"
    if candidate.action in open_asks:
        before = open_asks.index(candidate.action)
        yield f"asks open {min(before, 4)}"
        yield f"asks open {min(before, 4)} forgotten {min(now.forgotten, 2)}"
    elif candidate.kind in ("query", "tell", "offer", "bad"):
        yield f"asks left {min(left, 4)} {min(now.since_query, 1)}"


def _alike(now: Situation, candidate: Candidate) -> Iterator[str]:
    """Compare what an action is about with what was said, looked up and found."""
    if not candidate.meaning:
        return
    for name, words in (("customer", now.customer), ("found", now.result), ("wrote", now.free)):
        shared = len(candidate.meaning & content(word.rstrip("=") for word in words))
        if shared:
            yield f"like {name} {min(shared, 3)} {now.last_role}"
    if candidate.kind == "ask":
        given = {part for field in now.asked_with for part in content(name_parts(field))}
        if given:
            yield f"given {bool(candidate.meaning & given)}"
        if candidate.meaning & content(now.customer_all):
            yield "mentioned"
