"""MkDocs hook: adds the reference pages that are made from the code itself."""

from columns_page import columns_page
from commands_page import commands_page
from contributing_page import contributing_page
from metrics_page import metrics_page
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from scenario_page import scenario_page
from untested_page import untested_page

PAGES = {
    "reference/scenario.md": scenario_page,
    "reference/columns.md": columns_page,
    "reference/metrics.md": metrics_page,
    "reference/commands.md": commands_page,
    "contributing.md": contributing_page,
    "reference/untested.md": untested_page,
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add each generated page."""
    for name, page in PAGES.items():
        files.append(File.generated(config, name, content=page()))
    return files
