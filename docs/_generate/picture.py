"""Takes the picture of the README: a screenshot of the sample report.

Run it with ``make picture``; it needs Chromium.
"""

import subprocess
from pathlib import Path

from PIL import Image
from snippets import ROOT

SAMPLE = ROOT / "docs" / "sample" / "report.html"
PICTURE = ROOT / "docs" / "images" / "report.png"
SIZE = "1200,2130"
COLOURS = 128


def main() -> None:
    """Take the picture."""
    take(SAMPLE, PICTURE)


def take(page: Path, picture: Path) -> None:
    """Write a screenshot of the beginning of a page."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={SIZE}"]
    command = ["chromium", *options, f"--screenshot={picture}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True)
    Image.open(picture).convert("RGB").quantize(COLOURS).save(picture, optimize=True)


if __name__ == "__main__":
    main()
