"""The whole page as one HTML document: no scripts, nothing fetched, the same bytes for the same inputs."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tasks.report.aligned import aligned
from tasks.report.contact_sheet import contact_sheet
from tasks.report.funnel import funnels
from tasks.report.held_out import held_out
from tasks.report.inputs import Inputs
from tasks.report.maps import maps
from tasks.report.measures import measures
from tasks.report.origins import origins
from tasks.report.panel import Panel
from tasks.report.suites import suites
from tasks.report.summary import summary
from tasks.report.training import training
from tasks.report.tuning import tuning

PANELS = (
    Panel("funnel", "From the catalogue to usable samples", funnels),
    Panel("contact_sheet", "Assets", contact_sheet),
    Panel("maps", "Renders and real pictures", maps),
    Panel("aligned", "Pictures aligned with meshes", aligned),
    Panel("training", "Training", training),
    Panel("held_out", "Held-out assets", held_out),
    Panel("measures", "Numbers", measures),
    Panel("suites", "Tables of the paper", suites),
    Panel("tuning", "How much to shift at inference", tuning),
    Panel("origins", "Lineage", origins),
)


def make_page(inputs: Inputs) -> str:
    """Draw every panel; one whose stage has not been run says so in its place. Damaged inputs raise ValueError."""
    template = _environment().get_template("page.html.j2")
    return template.render(summary=summary(inputs), panels=[panel.fill(inputs) for panel in PANELS], size=inputs.workspace.size)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["megabytes"] = lambda count: f"{count / 1e6:,.1f} MB"
    environment.filters["short"] = lambda digest: digest[:12]
    return environment
