"""What is wrong with a playbook's steps: ways that lead nowhere, steps that no way leads to, circles without an end."""

from __future__ import annotations

from collections.abc import Collection

from engines.rules.spec import Complaint, Playbook


def check_playbook(where: str, playbook: Playbook, aimed: Collection[str] = ()) -> list[Complaint]:
    """Return complaints about the steps. `aimed` are steps that rules go to by themselves."""
    found: list[Complaint] = []
    steps = {step.id: step for step in playbook.steps}
    seen: set[str] = set()
    for at, step in enumerate(playbook.steps):
        path = f"{where}.steps[{at}]"
        if step.id in seen:
            found.append(
                Complaint(f"{path}.id", f"The step id “{step.id}” is used twice: give each its own.")
            )
        seen.add(step.id)
        for way, one in enumerate(step.next):
            if one.to not in steps:
                found.append(Complaint(f"{path}.next[{way}].to", f"There is no step “{one.to}” to go to."))
            elif one.to == step.id:
                found.append(Complaint(f"{path}.next[{way}].to", "A step cannot lead to itself."))
        if step.done is None and step.next and all(one.when is None for one in step.next):
            found.append(
                Complaint(
                    path, f"The step “{step.title}” is left by hand only: say when it is done.", "warning"
                )
            )
        first_open = next((way for way, one in enumerate(step.next) if one.when is None), len(step.next) - 1)
        if step.next and first_open < len(step.next) - 1 and step.done is not None:
            found.append(
                Complaint(
                    f"{path}.next[{first_open}]",
                    "A way without a condition stands before others: they are taken only if they come true before "
                    "the step is done. Put it last.",
                    "warning",
                )
            )
    if not steps or any(one.kind == "error" for one in found):
        return found
    ways = {step.id: [one.to for one in step.next] for step in playbook.steps}
    reached = _closure({playbook.steps[0].id, *(step for step in aimed if step in steps)}, ways)
    for at, step in enumerate(playbook.steps):
        if step.id not in reached:
            found.append(
                Complaint(
                    f"{where}.steps[{at}]", f"No way leads to the step “{step.title}”: add one or remove it."
                )
            )
    back: dict[str, list[str]] = {step: [] for step in steps}
    for step_id, targets in ways.items():
        for target in targets:
            back[target].append(step_id)
    ending = _closure({step for step, targets in ways.items() if not targets}, back)
    trapped = [step.title for step in playbook.steps if step.id in reached and step.id not in ending]
    if trapped:
        named = ", ".join(f"“{title}”" for title in trapped[:4])
        found.append(
            Complaint(
                f"{where}.steps",
                f"The steps {named} go round in a circle without an end: give one a way out.",
            )
        )
    return found


def _closure(start: set[str], ways: dict[str, list[str]]) -> set[str]:
    reached = set(start)
    todo = list(start)
    while todo:
        for target in ways[todo.pop()]:
            if target not in reached:
                reached.add(target)
                todo.append(target)
    return reached
