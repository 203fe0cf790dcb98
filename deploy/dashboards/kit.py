"""What all dashboards are made of: variables, panels with their unit and words, rows, links."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableHide,
    VariableOption,
    VariableRefresh,
)

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
ANY: Final = 'namespace=~"$namespace",job=~"$job",instance=~"$instance"'
PRODUCER: Final = f'{ANY},pod=~"$release-producer-$source-[a-z0-9]+-[a-z0-9]+"'
BATCHER: Final = f'{ANY},pod=~"$release-batcher-.+",pod=~"$pod"'
ALL: Final = f'{ANY},pod=~"$release-(producer|batcher|compactor)-.+"'
SELECT: Final = {"A": ALL, "B": BATCHER, "P": PRODUCER, "C": ANY}
WIDTH: Final = 24


@dataclass(frozen=True)
class Query:
    """An expression and its line's name. In `{P,queue="main"}` P stands for what selects the producers chosen, B the batchers chosen, A all pods of the release, C the compactor: of what is pushed the pod is the Pushgateway's, so that namespace and job choose it."""

    expr: str
    legend: str = ""

    @property
    def text(self) -> str:
        """The expression with its selectors."""
        return re.sub(r"\{([ABPC])(?=[,}])", lambda match: "{" + SELECT[match[1]], self.expr)


@dataclass(frozen=True)
class Panel:
    """One panel. `limits`: values from which it is yellow and red; `low` turns them round: below is bad."""

    title: str
    unit: str
    says: str
    queries: Sequence[Query]
    limits: tuple[float | None, float | None] = (None, None)
    number: bool = False
    width: int = 8
    low: bool = False
    stacked: bool = False
    alert: str = ""
    """The alert on what it shows: it leads to its runbook, where `metrics.prometheusRule.runbookBaseUrl` is a URL."""


@dataclass(frozen=True)
class Row:
    """Panels under a title."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Page:
    """One dashboard. `name` is its file and the end of its uid."""

    name: str
    title: str
    says: str
    rows: Sequence[Row]
    extra: Sequence[tuple[str, str, str]] = ()
    """Numbers that the reader may change: name, label, value."""


def q(expr: str, legend: str = "") -> Query:
    """Short for a Query."""
    return Query(expr, legend)


def keda(expr: str, more: str = "") -> str:
    """A series of KEDA's about the release's ScaledObject; `{}` in `expr` is what selects it, with `more`.

    Its namespace is `exported_namespace` where KEDA's monitor does not set `honorLabels`.
    """
    return " or ".join(
        expr.replace("{}", f'{{{label}=~"$namespace",scaledObject=~"$release-batcher"{more}}}')
        for label in ("namespace", "exported_namespace")
    )


def built(page: Page, others: Sequence[Page]) -> dashboard.Dashboard:
    """The dashboard, with links to the others that keep variables and time."""
    made = (
        dashboard.Dashboard(page.title)
        .uid(f"UID-{page.name}")
        .description(page.says)
        .tags(["sluice"])
        .refresh("30s")
        .time("now-1h", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .editable()
    )
    for other in others:
        if other is not page:
            made = made.link(
                dashboard.DashboardLink(other.title)
                .type(DashboardLinkType.LINK)
                .url(f"/d/UID-{other.name}")
                .include_vars(True)
                .keep_time(True)
            )
    for variable in _variables():
        made = made.with_variable(variable)
    for name, label, value in page.extra:
        made = made.with_variable(dashboard.TextBoxVariable(name).label(label).default_value(value))
    for row in page.rows:
        made = made.with_row(dashboard.Row(row.title))
        for panel in row.panels:
            made = made.with_panel(_panel(panel))
    return made


def _variables() -> list[dashboard.DatasourceVariable | dashboard.QueryVariable]:
    def one(name: str, label: str, query: str, chosen: str) -> dashboard.QueryVariable:
        """Opens on the release that the dashboard belongs to."""
        return (
            dashboard.QueryVariable(name)
            .label(label)
            .datasource(SOURCE)
            .query(query)
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .current(VariableOption(selected=True, text=chosen, value=chosen))
        )

    def of(name: str, label: str, query: str, *, hidden: bool = False) -> dashboard.QueryVariable:
        made = (
            dashboard.QueryVariable(name)
            .label(label)
            .datasource(SOURCE)
            .query(query)
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .include_all(True)
            .all_value(".+")
            .multi(True)
            .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
        )
        return made.hide(VariableHide.HIDE_VARIABLE) if hidden else made

    within = 'namespace=~"$namespace"'
    info = f'sluice_build_info{{{within},pod=~"$release-.+"'
    return [
        dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"),
        one("namespace", "Namespace", "label_values(sluice_build_info, namespace)", "NAMESPACE"),
        one(
            "release",
            "Release",
            f'label_values(sluice_build_info{{{within},component="batcher"}}, pod)',
            "FULLNAME",
        ).regex("/^(.+)-batcher-[a-z0-9]+-[a-z0-9]+$/"),
        of("job", "Job", f"label_values(sluice_build_info{{{within}}}, job)"),
        of("source", "Source", f'label_values({info},component="producer"}}, pod)').regex(
            "/.*-producer-(.+)-[a-z0-9]+-[a-z0-9]+$/"
        ),
        of("pod", "Batcher pod", f'label_values({info},component="batcher"}}, pod)'),
        of("instance", "Instance", f"label_values({info}}}, instance)", hidden=True),
    ]


def _panel(panel: Panel) -> stat.Panel | timeseries.Panel:
    made: stat.Panel | timeseries.Panel
    if panel.number:
        made = (
            stat.Panel()
            .graph_mode(BigValueGraphMode.AREA)
            .color_mode(BigValueColorMode.VALUE)
            .height(4)
        )
    else:
        made = (
            timeseries.Panel()
            .fill_opacity(10)
            .show_points(VisibilityMode.NEVER)
            .legend(
                common.VizLegendOptions()
                .show_legend(True)
                .display_mode(LegendDisplayMode.LIST)
                .placement(LegendPlacement.BOTTOM)
            )
            .height(8)
        )
    made = (
        made.title(panel.title)
        .description(panel.says)
        .unit(panel.unit)
        .datasource(SOURCE)
        .span(panel.width)
        .thresholds(_thresholds(panel))
    )
    if panel.alert:
        made = made.links(
            [
                dashboard.DashboardLink(f"Runbook: {panel.alert}")
                .type(DashboardLinkType.LINK)
                .url(f"RUNBOOKS/{panel.alert}.md")
                .target_blank(True)
            ]
        )
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        made = made.with_target(
            prometheus.Dataquery()
            .ref_id(letter)
            .datasource(SOURCE)
            .expr(query.text)
            .legend_format(query.legend or panel.title)
        )
    return made


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    first, second = panel.limits
    colors = ("red", "orange", "green") if panel.low else ("green", "orange", "red")
    steps = [Threshold(color=colors[0], value=None)]
    if first is not None:
        steps.append(Threshold(color=colors[1], value=first))
    if second is not None:
        steps.append(Threshold(color=colors[2], value=second))
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
