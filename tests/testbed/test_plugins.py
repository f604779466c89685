"""The example plugin, installed into a folder, in a run; and plugins that do not load."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest

from testbed.channels.stage import Stage, StageContext, mean_loss
from testbed.codecs.schemes.part import SchemePart
from testbed.codecs.schemes.scheme import label_of
from testbed.errors import PluginError
from testbed.parameters import Parameters

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"
BROKEN = """Metadata-Version: 2.1
Name: broken-plugin
Version: 0.3
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the example plugin, and with a package whose stage cannot be imported."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(EXAMPLE, folder / "source")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    options = ["--no-index", "--no-build-isolation", "--target", str(folder / "site")]
    subprocess.run([*pip, *options, str(folder / "source")], check=True, timeout=120)
    info = folder / "site" / "broken_plugin-0.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(BROKEN, "utf-8")
    (info / "entry_points.txt").write_text("[testbed.stages]\nbroken = no_such_module:Stage\n", "utf-8")
    return folder / "site"


def run_testbed(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-m", "testbed.cli", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def test_the_example_runs_and_the_manifest_has_its_version(site: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "handover.yaml"
    shutil.copy(EXAMPLE / "handover.yaml", scenario)
    done = run_testbed(
        site, tmp_path, "run", scenario.name, "--out", "run", "--jobs", "1", "--set", "codec.complexity=0"
    )
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(tmp_path / "run" / "results.parquet").set_index("scheme")
    assert table["error"].tolist() == ["", "", ""]
    assert table.index.tolist() == ["no loss", "classic PLC", "copy 6 later"]
    lost = table.loc["classic PLC", "frames_plc"]
    assert lost > 0
    assert table.loc["copy 6 later", "frames_red"] > 0.8 * lost
    assert table.loc["copy 6 later", "lsd_db"] < table.loc["classic PLC", "lsd_db"]
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text("utf-8"))
    assert manifest["versions"]["testbed-plugin-example"] == "0.1.0"
    assert "broken-plugin" not in manifest["versions"]
    assert list(manifest["plugins"]) == ["testbed_plugin_example"]


def test_its_vocoder_speaks_in_gaps_in_a_process_of_its_own(site: Path, tmp_path: Path) -> None:
    shutil.copy(EXAMPLE / "handover.yaml", tmp_path)
    schemes = "schemes=[plc, {neural_plc: {vocoder: lpc}}, {neural_plc: {vocoder: whisper}}]"
    settings = ("engine=numba", "codec.complexity=0", "metrics=[estoi]", schemes)
    chosen = [word for setting in settings for word in ("--set", setting)]
    done = run_testbed(site, tmp_path, "run", "handover.yaml", "--out", "run", "--jobs", "1", *chosen)
    assert done.returncode == 0, done.stderr
    scores = pd.read_parquet(tmp_path / "run" / "results.parquet").set_index("scheme")["estoi"]
    assert scores["neural PLC, whisper"] != scores["neural PLC, LPC"]
    assert scores["neural PLC, whisper"] > 0.5
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text("utf-8"))
    assert manifest["versions"]["testbed-plugin-example"] == "0.1.0"


def test_the_doctor_lists_plugins_and_names_the_one_that_does_not_load(site: Path, tmp_path: Path) -> None:
    done = run_testbed(site, tmp_path, "doctor", "--json")
    checks = [check for check in json.loads(done.stdout)["checks"] if check["name"].startswith("plugin")]
    good = {check["found"] for check in checks if check["name"] == "plugin testbed-plugin-example"}
    assert good == {
        "0.1.0: stage handover",
        "0.1.0: scheme part delayed_copy",
        "0.1.0: vocoder whisper",
        "0.1.0: congestion controller aimd",
        "0.1.0: metric lsd_db",
    }
    [bad] = [check for check in checks if not check["ok"]]
    assert bad["name"] == "plugin broken-plugin"
    assert bad["found"].startswith(
        "stage 'broken' of broken-plugin 0.3 cannot be imported: ModuleNotFoundError"
    )
    assert (bad["needed"], bad["fix"]) == (False, "pip uninstall broken-plugin")


def test_a_plugin_that_does_not_load_is_named_where_a_scenario_uses_it(site: Path, tmp_path: Path) -> None:
    text = (
        (EXAMPLE / "handover.yaml").read_text("utf-8").replace("  - delay: {constant_ms: 40}", "  - broken:")
    )
    (tmp_path / "s.yaml").write_text(text, "utf-8")
    done = run_testbed(site, tmp_path, "run", "s.yaml", "--dry-run")
    assert done.returncode == 2
    assert done.stderr.startswith("s.yaml:8: channel.1.broken: stage 'broken' of broken-plugin 0.3 cannot be")
    assert "Traceback" not in done.stderr


def test_the_schema_has_the_keys_of_plugins(site: Path, tmp_path: Path) -> None:
    done = run_testbed(site, tmp_path, "schema")
    definitions = json.loads(done.stdout)["$defs"]
    assert definitions["Handover"]["properties"]["gap_ms"]["description"].startswith("Duration of a gap")
    assert set(definitions["Scenario"]["properties"]["channel"]["items"]["properties"]) > {"handover", "loss"}
    assert "delayed_copy" in definitions["SchemeSpec"]["properties"]
    assert {"$ref": "#/$defs/Aimd"} in definitions["Scenario"]["properties"]["congestion"]["anyOf"]


class Lossy(Parameters):
    """A stage whose loss cannot be computed."""

    examples: ClassVar[tuple[dict[str, Any], ...]] = ({},)

    def mean_loss(self, folder: Path = Path()) -> float:
        raise ZeroDivisionError("no packets")

    def build(self, context: StageContext) -> Stage:
        raise NotImplementedError


class Nameless(SchemePart):
    """A part whose label fails."""

    key: ClassVar[str] = "nameless"

    def label(self) -> str:
        raise TypeError("no words")


def test_code_of_a_plugin_that_fails_is_named() -> None:
    with pytest.raises(PluginError, match=r"test_plugins\.Lossy: mean_loss\(\) failed: ZeroDivisionError"):
        mean_loss([Lossy()], Path())
    with pytest.raises(PluginError, match=r"Nameless: label\(\) failed: TypeError: no words"):
        label_of(Nameless())
