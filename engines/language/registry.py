"""All tasks, by name. A task that is not here does not exist: neither routes nor prompts can be set for it."""

from __future__ import annotations

from typing import Any

from engines.language.answering import KNOWLEDGE_ANSWER
from engines.language.chat_replies import CHAT_REPLY
from engines.language.moment_detection import MOMENT_DETECTION
from engines.language.qa_judge import QA_JUDGE
from engines.language.redaction_reading import REDACTION_READING
from engines.language.summary.writing import SUMMARY
from engines.language.tasks import Task

TASKS: dict[str, Task[Any]] = {
    one.name: one
    for one in (CHAT_REPLY, KNOWLEDGE_ANSWER, MOMENT_DETECTION, QA_JUDGE, REDACTION_READING, SUMMARY)
}
