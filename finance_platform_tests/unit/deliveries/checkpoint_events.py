"""What may happen to deliveries and to a checkpoint of their rows, whatever rows these are.

Belongs here: events of the laws of `test_lines_checkpoint` and `test_members_checkpoint`. Does not belong here: what a
build returns, files of deliveries.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any


class CheckpointEvents:
    """Each method is one event, and `number` chooses what it is about.

    Attributes:
        path: the zone.
        files: what counts, by name.
        withdrawn: what has been withdrawn.
    """

    path: Path
    files: dict[str, Any]
    withdrawn: dict[str, Any]

    @property
    def checkpoint(self) -> list[Path]:
        """The files of the checkpoint."""
        raise NotImplementedError

    def withdraw(self, number: int) -> None:
        if self.files:
            name = sorted(self.files)[number % len(self.files)]
            self.withdrawn[name] = self.files.pop(name)

    def take_in(self, number: int) -> None:
        if self.withdrawn:
            name = sorted(self.withdrawn)[number % len(self.withdrawn)]
            self.files[name] = self.withdrawn.pop(name)

    def lose(self, number: int) -> None:
        if self.checkpoint:
            self.checkpoint[number % len(self.checkpoint)].unlink()

    def damage(self, number: int) -> None:
        if self.checkpoint:
            path = self.checkpoint[number % len(self.checkpoint)]
            path.write_bytes(path.read_bytes()[: number * 40])

    def copy(self, _: int) -> None:
        if self.checkpoint:
            shutil.copytree(self.path / "checkpoints", self.path / "older", dirs_exist_ok=True)

    def restore(self, _: int) -> None:
        if (self.path / "older").exists():
            shutil.copytree(self.path / "older", self.path / "checkpoints", dirs_exist_ok=True)
