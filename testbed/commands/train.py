"""Commands about training."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from testbed.terminal import say, tell

if TYPE_CHECKING:
    from testbed.training.trainer import Trainer

app = typer.Typer(
    no_args_is_help=True,
    help="Networks of your own: train an RDO-VAE for DRED, export it.",
    epilog="Example: testbed train rdovae --minutes 60",
)
_SET_UP = "make setup-train in a checkout, else pip install 'speech-testbed[train]'"


def _check_pytorch() -> None:
    from importlib.util import find_spec

    from testbed.errors import TrainingError

    if find_spec("torch") is None:
        raise TrainingError(f"PyTorch is not installed, and training needs it: {_SET_UP}")


@app.command(
    "rdovae",
    epilog="Example: testbed train rdovae --minutes 60\n\n"
    "Example: testbed train rdovae --minutes 60 --resume\n\n"
    "Example: testbed train rdovae --tables libopus --speech debian --speech my-speech --output results/mine",
)
def train_rdovae(
    minutes: Annotated[
        float,
        typer.Option(
            metavar="M",
            min=0.05,
            max=100_000,
            help="Processor time per thread: on an idle machine about the time by the clock.",
        ),
    ] = 60,
    tables: Annotated[
        Literal["own", "libopus", "fixed"],
        typer.Option(
            help="Quantizers: own learns them, libopus takes libopus's as they are, fixed has uniform steps "
            "and no price on bits."
        ),
    ] = "own",
    size: Annotated[
        Literal["full", "small"], typer.Option(help="Layers as wide as libopus's, or half as wide.")
    ] = "full",
    speech: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="Recordings to train on: a file, folder or pattern; debian stands for 4 hours of prompts "
            "and read sentences in Debian's packages, which are fetched. Repeatable; default: debian.",
        ),
    ] = None,
    with_gpl: Annotated[
        bool,
        typer.Option(
            "--with-gpl",
            help="Also Debian's recordings under the GPL, 3 hours of many voices; what that asks of the "
            "network is open.",
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the training; default: results/rdovae-TABLES."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the training in DIR, if there is one.")
    ] = False,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, max=2**32 - 1, help="Seed of weights, batches and noise.")
    ] = 1,
    threads: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Number of threads; default: one per core.")
    ] = None,
) -> None:
    """Train the network of DRED on speech, and draw its curves as it goes.

    Speakers who are not trained on measure it, with its weights averaged, once a minute: bits per 40 ms and
    per state, distortion, and how many numbers of a vector each quantizer level still sends.
    """
    _check_pytorch()
    import time

    from testbed.machine import cores
    from testbed.progress import Progress, progress
    from testbed.training.curves import FIGURE_FILE, TABLE_FILE, in_words
    from testbed.training.session import train as trained
    from testbed.training.trainer import Settings

    settings = Settings(minutes, tables, size, seed=seed)
    folder = output or Path("results") / f"rdovae-{tables}"
    began_s = time.monotonic()
    with progress() as show:

        def on_step(now: "Trainer") -> None:
            steps = max(now.step, round(now.step / max(now.progress, 1e-9)))
            show(Progress(now.step, steps, time.monotonic() - began_s, in_words(now.points[-1]), "steps"))

        done = trained(
            settings, speech or ["debian"], with_gpl, folder, resume, threads or cores(), tell, on_step
        )
    say(folder / TABLE_FILE)
    say(folder / FIGURE_FILE)
    if done.progress < 1:
        raise KeyboardInterrupt(
            f"{done.seconds / 60:.1f} of {minutes:g} minutes are done; go on with --resume"
        )


@app.command("export", epilog="Example: testbed train export results/rdovae-own my-network")
def train_export(
    training: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a training.")],
    network: Annotated[
        Path, typer.Argument(metavar="NETWORK", help="Folder of the network; must not exist yet.")
    ],
    speech: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="With --tables fixed: speech on which symbols are counted, as for the training.",
        ),
    ] = None,
) -> None:
    """Write a trained network with 8-bit weights, as `dred: {network: NETWORK}` takes it.

    Numbers that no quantizer level sends are left out. A training that has not ended can be exported, too.
    """
    _check_pytorch()
    import numpy as np

    from testbed.training.export import export_training
    from testbed.training.speech import load_speech

    heard = load_speech(speech, False, tell).trained.astype(np.float32) if speech else None
    made = export_training(training, network, heard)
    tell(f"{made.title} writes DRED of experimental version {made.version}")
    say(network)
