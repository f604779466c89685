"""Validation of the manifest of a run, since run folders may come from others."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from testbed.errors import ResultsError
from testbed.escaping import printable

_Mapping = dict[str, Any]
_Number = int | float
_Value = str | bool | int | float | None
_Index = Annotated[int, Field(ge=0, le=10**9)]
_Count = Annotated[int, Field(ge=1, le=10**9)]
_Ratio = Annotated[_Number, Field(ge=0, le=1e9, allow_inf_nan=False)]
_Ratios = Annotated[list[_Ratio], Field(min_length=3, max_length=3)]
_FileName = Annotated[str, Field(max_length=200, pattern="^[ -~]*$")]


_REASONS = {
    "missing": "is missing",
    "string_type": "must be text",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "string_pattern_mismatch": "is no name of a file of a run",
    "string_too_long": "is too long",
}


class _Stored(BaseModel):
    """Base of the models: other keys may hold anything; numbers are not converted to text."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Clip(_Stored):
    name: str
    speaker: str = ""
    language: str = ""
    seconds: _Number = 0
    source: str = ""
    licence: str = ""
    codec: str = ""
    sha256: str = ""
    converted: str = ""


class _Example(_Stored):
    point: _Index
    scheme: str
    clip: str
    realization: _Index
    audio: _FileName
    timeline: _FileName


class _Clean(_Stored):
    clip: str
    audio: _FileName


class _File(_Stored):
    path: str
    role: str
    sha256: str
    bytes: int


class _Diagnosis(_Stored):
    point: _Index
    scheme: str
    kind: str
    text: str


class _Wobble(_Stored):
    metric: str
    mean_pair: float | None = Field(None, ge=0, allow_inf_nan=False)


class _Testbed(_Stored):
    version: str
    commit: str | None = None


class _Codec(_Stored):
    frame_ms: _Number | None = Field(None, gt=0, le=1000)


class _Scenario(_Stored):
    name: str = ""
    about: str = ""
    speech: _Mapping = {}
    codec: _Codec = _Codec()
    schemes: list[Any] = []
    channel: list[_Mapping] = []
    playout: _Mapping = {}
    sweep: _Mapping = {}
    flows: list[_Mapping] | None = None
    duration_s: _Number | None = None
    seed: int | None = None
    realizations: int | None = None


class _SchemeCost(_Stored):
    encode: _Ratios
    decode: _Ratios
    redundancy: _Ratio


class _DeviceCost(_Stored):
    point: _Index
    plain_encode_ms: _Ratio
    plain_decode_ms: _Ratio
    schemes: dict[str, _SchemeCost]


class _CacheUse(_Stored):
    computed: _Index = 0
    cached: _Index = 0
    decoded_again: _Index = 0
    problem: str = ""


class _Round(_Stored):
    clips: _Index
    realizations: _Index
    ending: str
    unit: str
    units: _Index
    units_needed: _Index | None
    realizations_needed: _Index | None
    half_width: _Number | None
    point: _Index | None
    metric: str
    scheme: str
    other: str
    floor: _Number | None
    floor_low: _Number | None
    floor_high: _Number | None


class _UntilCi(_Stored):
    half_width: _Number
    clips: _Count
    realizations: _Count
    rounds: list[_Round] = []


class _Manifest(_Stored):
    kind: str | None = None
    command: list[str] | None = None
    overrides: list[str] = []
    scenario: _Scenario = _Scenario()
    scenario_text: str = ""
    scenario_as_run: str = ""
    scenario_folder: str = ""
    testbed: _Testbed | None = None
    files: list[_File] = []
    duration_s: _Number | None = None
    scheme_names: list[str] = []
    ceiling: str | None = None
    baseline: str | None = None
    metrics: list[str] = []
    scored_realizations: dict[str, _Index] = {}
    clips_not_scored: dict[str, list[str]] = {}
    swept: list[str] = []
    points: list[dict[str, _Value]] = []
    own_point: _Index | None = None
    controllers: list[str] = []
    versions: dict[str, str] = {}
    plugins: dict[str, str] = {}
    seeds: _Mapping = {}
    clips: list[_Clip] = []
    complete: bool = True
    rows: int = 0
    save: list[str] = []
    warnings: list[str] = []
    diagnoses: list[_Diagnosis] | None = None
    created: str = ""
    wobble: list[_Wobble] = []
    resumed: list[str] = []
    until_ci: _UntilCi | None = None
    processors: list[str] = []
    cache: _CacheUse = _CacheUse()
    device_cost: _DeviceCost | None = None
    examples: list[_Example] = []
    clean: list[_Clean] = []
    written: list[str] = []


def check_manifest(manifest: Any, path: object) -> dict[str, Any]:
    """Return the manifest if all keys that are read have the right type.

    A key may be missing, as in the manifests of earlier versions.

    Parameters
    ----------
    manifest
        Content of the file.
    path
        The file, for messages.

    Raises
    ------
    ResultsError
        A key is wrong; the message names the file and the first such key.
    """
    try:
        _Manifest.model_validate(manifest)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"]))
        reason = _REASONS.get(first["type"]) or first["msg"][:1].lower() + first["msg"][1:]
        raise ResultsError(f"{path}: {printable(f'{key}: ' if key else '')}{printable(reason)}") from None
    return dict(manifest)
