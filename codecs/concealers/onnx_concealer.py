"""The concealer `onnx`: a network in a file, which makes the sound of a gap step by step."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, model_validator

from testbed.codecs.concealers.concealer import (
    FRAME_SAMPLES,
    ConcealerParameters,
    GapFiller,
    GapToFill,
    Sound,
)
from testbed.codecs.concealers.onnx_model import NEXT, SOUND, ConcealingModel, read_model
from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.errors import CodecError
from testbed.named_parameters import invalid
from testbed.parameters import FileName

_PER_MS = SAMPLE_RATE_HZ // 1000


class OnnxConcealer(ConcealerParameters):
    """A network in ONNX, run by onnxruntime on one thread of the processor.

    Attributes
    ----------
    model
        Name of the file, relative to the scenario's folder; at most 64 MB, with all weights in it.
    warm_up_ms
        Received sound before a gap that the network is run over for its states, whose output is discarded.
    """

    key: ClassVar[str] = "onnx"
    packages: ClassVar[tuple[str, ...]] = ("onnxruntime",)
    model: FileName
    warm_up_ms: int = Field(0, ge=0, le=1900, multiple_of=10)

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, given: Any) -> Any:
        return {"model": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _possible(self, info: ValidationInfo) -> Self:
        if info.context and "folder" in info.context:
            try:
                model = read_model(info.context["folder"] / self.model)
            except CodecError as error:
                raise invalid(str(error), "model", value=self.model) from None
            if least_ms := self._least_past_ms(model):
                raise invalid(
                    f"the network needs {least_ms}, with warm_up_ms {self.warm_up_ms}, not {self.past_ms}",
                    "past_ms",
                    value=self.past_ms,
                )
        return self

    def _least_past_ms(self, model: ConcealingModel) -> int:
        """Return the `past_ms` that a model needs; 0: it has enough."""
        samples = max(model.given.get("past", 0), FRAME_SAMPLES * model.given.get("past_features", 0), 1)
        least_ms = -(-samples // FRAME_SAMPLES) * 10 + self.warm_up_ms
        return least_ms if least_ms > self.past_ms else 0

    def label(self) -> str:
        return f"{Path(self.model).stem} PLC"

    def build(self, folder: Path) -> GapFiller:
        """Return the network, loaded."""
        return OnnxNetwork(read_model(folder / self.model), self.past_ms, self.warm_up_ms)


class OnnxNetwork:
    """A network that conceals, one gap after the other.

    Parameters
    ----------
    model
        The checked model.
    past_ms, warm_up_ms
        See `OnnxConcealer`.
    """

    def __init__(self, model: ConcealingModel, past_ms: int, warm_up_ms: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(
            model.content, options, providers=["CPUExecutionProvider"]
        )
        self._outputs = [SOUND, *(name + NEXT for name in model.states)]
        self._model = model
        self._warm_up_steps = _PER_MS * warm_up_ms // model.step_samples
        free_samples = _PER_MS * (past_ms - warm_up_ms)
        self._past_samples = model.given.get("past", 0) or free_samples
        self._past_vectors = model.given.get("past_features", 0) or free_samples // FRAME_SAMPLES
        of_step = -(-model.step_samples // FRAME_SAMPLES)
        self._ahead_vectors = {name: model.given.get(name, 0) or of_step for name in ("features", "known")}

    def fill(self, gaps: Sequence[GapToFill]) -> Iterator[Sound]:
        """Yield the sound of each gap."""
        return map(self._fill, gaps)

    def _fill(self, gap: GapToFill) -> Sound:
        step = self._model.step_samples
        steps = -(-gap.samples // step)
        sound = np.concatenate((gap.past, np.zeros(steps * step, np.float32)))
        vectors = np.concatenate((gap.past_features, gap.features))
        known = np.concatenate((np.ones(len(gap.past_features), bool), gap.known))
        states = {name: np.zeros(shape, kind) for name, (shape, kind) in self._model.states.items()}
        for number in range(-self._warm_up_steps, steps):
            place = len(gap.past) + number * step
            given = self._given(sound, vectors, known, place) | states
            made, *after = self._session.run(self._outputs, given)
            states = dict(zip(states, after, strict=True))
            if number >= 0:
                sound[place : place + step] = made[0]
        return sound[len(gap.past) : len(gap.past) + gap.samples]

    def _given(
        self, sound: NDArray[np.float32], vectors: NDArray[np.float32], known: NDArray[np.bool_], place: int
    ) -> dict[str, NDArray[np.float32]]:
        """Return the inputs of the step that begins at a sample, but for the states."""
        frame, ahead = place // FRAME_SAMPLES, self._ahead_vectors
        given = {
            "past": sound[place - self._past_samples : place],
            "past_features": vectors[frame - self._past_vectors : frame],
            "features": _filled(vectors[frame : frame + ahead["features"]], ahead["features"]),
            "known": _filled(known[frame : frame + ahead["known"]], ahead["known"]),
        }
        return {name: given[name][np.newaxis].astype(np.float32) for name in self._model.given}


def _filled(part: NDArray[Any], length: int) -> NDArray[Any]:
    """Return an array with zeros at its end up to a length."""
    missing = np.zeros((length - len(part), *part.shape[1:]), part.dtype)
    return np.concatenate((part, missing))
