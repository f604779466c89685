"""Training of an RDO-VAE: the loop, its schedule, its checkpoints and its curves."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from testbed.errors import TrainingError
from testbed.files import written_whole
from testbed.randomness import generator
from testbed.training import batches
from testbed.training.model import Rdovae, Size, Tables
from testbed.training.quantizer import Quantizer

MEASURED_LEVELS = (0, 3, 6, 9, 12, 15)
_MEASURED_SEQUENCES, _MEASURED_FRAMES, _MEASURED_VECTORS = 24, 404, 25
_BETAS = (0.9, 0.98)
_LONGEST_GRADIENT = 1.0
_WARM_UP = 0.02
"""Part of the training over which the learning rate rises; then it falls to zero along a cosine."""
_AVERAGED_STEPS = 200
"""Steps over which weights are averaged for measurements and export."""


@dataclass(frozen=True)
class Settings:
    """Settings of a training, kept in its checkpoints.

    Attributes
    ----------
    minutes
        Processor time of the training loop per thread, measurements not counted.
    tables, size
        See `testbed.training.model.Rdovae`.
    batch, frames
        Sequences per step, and feature frames of 10 ms in each.
    rate, table_rate
        Highest learning rate of layers and of quantizer tables.
    seed
        Of initial weights, batches and noise.
    """

    minutes: float
    tables: Tables = "own"
    size: Size = "full"
    batch: int = 8
    frames: int = 304
    rate: float = 4e-3
    table_rate: float = 2e-2
    seed: int = 1


@dataclass(frozen=True)
class Measurement:
    """One measurement on held-out speech.

    Attributes
    ----------
    step, minutes, sequences
        Steps, processor minutes and sequences so far.
    loss
        Mean over the measured levels.
    levels
        For each level of `MEASURED_LEVELS`: bits per vector, bits per state, distortion.
    latents_sent, states_sent
        Numbers sent at each of the 16 levels.
    """

    step: int
    minutes: float
    sequences: int
    loss: float
    levels: list[tuple[float, float, float]]
    latents_sent: list[int]
    states_sent: list[int]


class Trainer:
    """A training in progress.

    Parameters
    ----------
    settings
        Its settings.
    features, held_out
        float16 (frames, 20): recordings one after another, to train on and to measure on.
    """

    def __init__(
        self, settings: Settings, features: NDArray[np.float16], held_out: NDArray[np.float16]
    ) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self._features = features
        self._random = generator(settings.seed, "training")
        self._held_out = _spread(held_out)
        self.model = Rdovae(settings.tables, settings.size)
        self.model.decoder.start_from(features[:: max(1, len(features) // 100_000)])
        self._average = {name: value.clone() for name, value in self.model.state_dict().items()}
        tables = [
            parameter
            for module in self.model.modules()
            if isinstance(module, Quantizer)
            for parameter in module.parameters()
        ]
        known = {id(parameter) for parameter in tables}
        layers = [parameter for parameter in self.model.parameters() if id(parameter) not in known]
        groups = [{"params": layers, "highest": settings.rate}]
        if tables:
            groups.append({"params": tables, "highest": settings.table_rate})
        self._optimizer = torch.optim.Adam(groups, lr=settings.rate, betas=_BETAS)
        self.step = 0
        self.seconds = 0.0
        self.points: list[Measurement] = []
        self._is_stopped = False

    @property
    def progress(self) -> float:
        """Part of the training that is done, 0 to 1."""
        return min(1.0, self.seconds / (60 * self.settings.minutes))

    def train(
        self,
        checkpoint: Callable[["Trainer"], None],
        every_s: float,
        on_step: Callable[["Trainer"], None] = lambda trainer: None,
    ) -> Iterator[Measurement]:
        """Train to the end; yield a measurement each `every_s` seconds of training, after a checkpoint."""
        if not self.points:
            yield self._measured()
        next_s = every_s * (self.seconds // every_s + 1)
        while self.progress < 1:
            if self._is_stopped:
                checkpoint(self)
                return
            begin = time.process_time()
            self._learn()
            self.seconds += (time.process_time() - begin) / torch.get_num_threads()
            on_step(self)
            if self.seconds >= next_s or self.progress >= 1:
                next_s = every_s * (self.seconds // every_s + 1)
                point = self._measured()
                checkpoint(self)
                yield point

    def stop(self) -> None:
        """End the training after the current step, with a checkpoint."""
        self._is_stopped = True

    def _learn(self) -> None:
        settings = self.settings
        rate = _schedule(self.progress)
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["highest"]
        self.model.train()
        features = batches.sequences(self._features, settings.batch, settings.frames, self._random)
        chunks = batches.chunks(settings.batch, settings.frames, self._random)
        loss = self.model(features, chunks, self.progress).loss.mean()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), _LONGEST_GRADIENT)
        self._optimizer.step()
        self.step += 1
        share = 1 / min(_AVERAGED_STEPS, 1 + self.step // 20)
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                self._average[name].lerp_(value, share)

    def averaged(self) -> Rdovae:
        """Return a model with the averaged weights, ready to be measured or exported."""
        model = Rdovae(self.settings.tables, self.settings.size)
        model.load_state_dict(self._average)
        return model.eval()

    def _measured(self) -> Measurement:
        model = self.averaged()
        levels, losses = [], []
        state = torch.get_rng_state()
        with torch.no_grad():
            for level in MEASURED_LEVELS:
                chunks = batches.even_chunks(len(self._held_out), _MEASURED_FRAMES, _MEASURED_VECTORS, level)
                found = model(self._held_out, chunks)
                losses.append(float(found.loss.mean()))
                measured = (found.latent_bits, found.state_bits, found.distortion)
                latent_bits, state_bits, distortion = (float(one.mean()) for one in measured)
                levels.append((latent_bits, state_bits, distortion))
            sent = [
                quantizer.are_sent().sum(1).tolist()
                for quantizer in (model.latent_quantizer, model.state_quantizer)
            ]
        torch.set_rng_state(state)
        point = Measurement(
            self.step,
            self.seconds / 60,
            self.step * self.settings.batch,
            float(np.mean(losses)),
            levels,
            *sent,
        )
        self.points.append(point)
        return point

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        content = {
            "settings": asdict(self.settings),
            "model": self.model.state_dict(),
            "average": self._average,
            "optimizer": self._optimizer.state_dict(),
            "noise": torch.get_rng_state(),
            "batches": self._random.bit_generator.state,
            "step": self.step,
            "seconds": self.seconds,
            "points": [asdict(point) for point in self.points],
        }
        with written_whole(path) as temporary:
            torch.save(content, temporary)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint of the same settings.

        Raises
        ------
        TrainingError
            The file is no checkpoint of such a training.
        """
        try:
            content: dict[str, Any] = torch.load(path, weights_only=True)
            self.model.load_state_dict(content["model"])
            self._average = content["average"]
            self.averaged()  # raises if weights are missing
            self._optimizer.load_state_dict(content["optimizer"])
            torch.set_rng_state(content["noise"])
            self._random.bit_generator.state = content["batches"]
            self.step, self.seconds = int(content["step"]), float(content["seconds"])
            self.points = [Measurement(**point) for point in content["points"]]
        except (
            OSError,
            RuntimeError,
            UnpicklingError,
            LookupError,
            AttributeError,
            TypeError,
            ValueError,
            EOFError,
        ) as error:
            raise TrainingError(
                f"{path}: is no checkpoint of this training ({type(error).__name__}); give another folder"
            ) from None


def _schedule(progress: float) -> float:
    """Return the learning rate as a part of the highest one."""
    if progress < _WARM_UP:
        return 0.05 + 0.95 * progress / _WARM_UP
    return 0.005 + 0.995 * 0.5 * (1 + math.cos(math.pi * (progress - _WARM_UP) / (1 - _WARM_UP)))


def _spread(features: NDArray[np.float16]) -> torch.Tensor:
    """Return sequences spread evenly over recordings, float32 (sequences, frames, 20)."""
    starts = np.linspace(0, len(features) - _MEASURED_FRAMES, _MEASURED_SEQUENCES).astype(int)
    return torch.from_numpy(
        np.stack([features[start : start + _MEASURED_FRAMES] for start in starts]).astype(np.float32)
    )
