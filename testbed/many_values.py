"""A command with an option that takes several values, as a shell expands `--speech *.wav`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from typer.core import TyperCommand

if TYPE_CHECKING:
    from typer import Context


class ManyValues(TyperCommand):
    """Takes every word after `option`, up to the next option, as a value of it.

    Before the command's argument only one word is taken, since the next may be that argument.
    """

    option: ClassVar[str] = "--speech"

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:  # type: ignore[override]  # click's own Context
        """Repeat the option before each of its values, as click expects."""
        return super().parse_args(ctx, list(self._spelled_out(args)))

    def _spelled_out(self, args: list[str]) -> Iterator[str]:
        valueless = {"--help", "-h"}
        for option in self.params:
            if getattr(option, "is_flag", False):
                valueless.update(option.opts)
        argument_seen = in_values = awaits_value = False
        for index, word in enumerate(args):
            if word == "--":
                yield from args[index:]
                return
            if awaits_value:
                awaits_value = False
            elif word.startswith("-") and word != "-":
                in_values = word.split("=")[0] == self.option
                awaits_value = "=" not in word and word not in valueless
            elif in_values and argument_seen:
                yield self.option
            else:
                argument_seen, in_values = True, False
            yield word
