"""What a model answers: one file a task, which everything else asks.

Spec, processing, runtimes, converters, golden answers and tables know a task by
:func:`task_of` alone; none of them names one. See :class:`Task` for what a task must say.
"""

from lightning_plates.tasks._base import (
    Likeness,
    OutputMeaning,
    Outputs,
    Score,
    Shape,
    Sizes,
    Task,
)
from lightning_plates.tasks._discovery import list_tasks, task_named, task_of

__all__ = [
    "Likeness",
    "OutputMeaning",
    "Outputs",
    "Score",
    "Shape",
    "Sizes",
    "Task",
    "list_tasks",
    "task_named",
    "task_of",
]
