"""Takes the picture of the README: a screenshot of the answer and the chart of the run of its scenario.

Run it with ``make picture``; it takes some minutes and needs Chromium. A run that is there already is kept.
"""

import subprocess
import sys
from pathlib import Path

from PIL import Image
from snippets import ROOT, snippets

WORK = ROOT / "build" / "picture"
PICTURE = ROOT / "docs" / "images" / "report.png"
SIZE = "1200,1750"
COLOURS = 128


def main() -> None:
    """Take the picture and print the answer."""
    scenario = next(block for block in snippets(ROOT / "README.md") if block.language == "yaml")
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / scenario.title).write_text(scenario.text, "utf-8")
    run = Path("results", Path(scenario.title).stem)
    if not (WORK / run / "results.parquet").is_file():
        testbed("run", scenario.title)
    testbed("report", str(run))
    testbed("show", str(run))
    page = (WORK / run / "report.html").as_uri()
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={SIZE}"]
    command = ["chromium", *options, f"--screenshot={PICTURE}", page]
    subprocess.run(command, check=True, capture_output=True)
    Image.open(PICTURE).convert("RGB").quantize(COLOURS).save(PICTURE, optimize=True)


def testbed(*arguments: str) -> None:
    """Run a command of this Python's testbed."""
    subprocess.run([sys.executable, "-m", "testbed.cli", *arguments], cwd=WORK, check=True)


if __name__ == "__main__":
    main()
