"""One way to a model: have a task done for the current company. docs/language-models.md says how, for engineers.

`task_run` waits for the whole answer, `task_plan(...).stream` gives it as it comes. Both have an `Outcome`; where no
model answered, its value is None and the caller goes the task's own way. What is not to be sent does not get here:
variables are redacted text, numbers, and words of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from engines.language.call import Call
from engines.language.tasks import NO_MODEL, OVER_BUDGET, NotAnswered, Outcome, Prompt, Route, Task, Value
from engines.redaction.text import RedactedText
from providers.language_running import runner
from providers.language_selectors import is_over_budget, language_routes, language_rows, prompt_for
from tenants.scope import call_in_schema, current_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from engines.language.running import Streaming

T = TypeVar("T")


@dataclass(frozen=True)
class Plan(Generic[T]):
    """A task with all that is known before it is given anything: who does it, by which words, within which time.

    Made where the company is known; what is sent later may be sent from a thread that has left it.
    """

    task: Task[T]
    company: str
    prompt: Prompt
    routes: tuple[Route, ...]
    within_s: float
    fault: str = ""

    @property
    def possible(self) -> bool:
        """Whether there is a model to ask."""
        return not self.fault

    def run(
        self,
        variables: Mapping[str, Value],
        *,
        form: type[T] | None = None,
        within_s: float | None = None,
        tools: Mapping[str, Callable[[Any], RedactedText]] | None = None,
        fresh: bool = False,
    ) -> Outcome[T]:
        """Have it done, and wait. Blocks: not where an event loop runs, and not within a transaction."""
        if self.fault:
            return Outcome(None, self.task.without, fault=self.fault)
        call = self._call(variables, within_s, form=form, tools=tools, fresh=fresh)
        outcome: Outcome[T] = runner().run(call)
        return outcome

    def begin(self, variables: Mapping[str, Value], *, within_s: float | None = None) -> Future[Outcome[T]]:
        """Have it done without waiting: the future has the outcome once there is one, and keeps no thread busy."""
        if self.fault:
            nobody: Future[Outcome[T]] = Future()
            nobody.set_result(Outcome(None, self.task.without, fault=self.fault))
            return nobody
        call = self._call(variables, within_s)
        return runner().begin(lambda router: router.run(call))

    def stream(self, variables: Mapping[str, Value], *, within_s: float | None = None) -> Streaming:
        """Have it done: the parts as they come, by `async for`. `outcome` of what is returned is there after that.

        Taking the parts raises `NotAnswered` where no model answered to the end; those that came are given by then.
        """
        if self.fault:
            raise NotAnswered(self.fault)
        return runner().stream(self._call(variables, within_s))

    def _call(
        self,
        variables: Mapping[str, Value],
        within_s: float | None,
        *,
        form: type[T] | None = None,
        tools: Mapping[str, Callable[[Any], RedactedText]] | None = None,
        fresh: bool = False,
    ) -> Call:
        handlers = {
            name: partial(call_in_schema, self.company, handler) for name, handler in (tools or {}).items()
        }
        return Call(
            company=self.company,
            task=self.task,
            prompt=self.prompt,
            routes=self.routes,
            variables=variables,
            within_s=within_s or self.within_s,
            form=form,
            tools=handlers,
            fresh=fresh,
        )


def task_plan(task: Task[T], *, sticky: str = "", within_s: float | None = None) -> Plan[T]:
    """Who does a task for the current company now. Two queries where there is no model, else up to four; sends nothing.

    `sticky` is what revisions of the prompt are tried by (a conversation's id): the same one gets the same words.
    """
    rows = language_rows(task)
    plan = Plan(task, current_schema(), task.prompt, (), within_s or task.within_s, NO_MODEL)
    if not rows:
        return plan
    if is_over_budget(task):
        return replace(plan, fault=OVER_BUDGET)
    prompt = prompt_for(task, sticky=sticky)
    return replace(plan, prompt=prompt, routes=language_routes(rows), fault="")


def models_expected() -> None:
    """Load what asks a model, before anybody's deadline begins to count: it takes a second, once a process."""
    runner()


def task_fault(task: Task[Any]) -> str:
    """Why no model does a task for the current company now: `NO_MODEL`, `OVER_BUDGET`, or "" where one does.

    Two queries where there is no model, else up to four. Whether its server answers is not asked.
    """
    if not language_rows(task):
        return NO_MODEL
    return OVER_BUDGET if is_over_budget(task) else ""


def task_run(
    task: Task[T],
    variables: Mapping[str, Value],
    *,
    form: type[T] | None = None,
    within_s: float | None = None,
    sticky: str = "",
    tools: Mapping[str, Callable[[Any], RedactedText]] | None = None,
) -> Outcome[T]:
    """Have a task done for the current company, and wait for it.

    Blocks, for `within_s` seconds at most (else the task's own deadline): not to be called where an event loop runs, or
    within a transaction. `form` is what the answer must be where that is narrower than the task's own. `tools` answer
    what a model asks for, by name; they run in the company. Never raises for what servers do: `Outcome.fault` says it.
    """
    plan = task_plan(task, sticky=sticky, within_s=within_s)
    return plan.run(variables, form=form, tools=tools)


__all__ = ["NotAnswered", "Outcome", "Plan", "models_expected", "task_fault", "task_plan", "task_run"]
