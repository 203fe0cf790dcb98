"""The metrics of single passes in a Pushgateway: here a scripted server that keeps them as one does."""

import re
import socket
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sluice_compactor.settings import CompactorSettings
from sluice_compactor.testing import HOUR, FolderLake, events
from sluice_core.errors import ConfigError, TemporaryError
from sluice_core.settings import effective, load_settings
from sluice_core.testing.server import Answer, SseServer

LABELS = "job=rel-sluice-compactor,namespace=lake"
GROUP = "/metrics/job/rel-sluice-compactor/instance@base64/c3NlLWJ1Y2tldC9zbHVpY2UuZXZlbnRz/namespace/lake"
OTHERS = 'go_odd{job="x"} what\nsluice_compactor_rows_read_total{job="other",instance="y"} 7\n'


class Gateway:
    """Keeps the families of each push to GROUP (a POST replaces those that it brings), and shows them with its labels."""

    def __init__(self):
        self.families = {}
        self.asked = []
        self.down = False

    def __call__(self, request):
        self.asked.append(request)
        path = urlsplit(request.path).path.removeprefix("/stream")
        if self.down:
            return Answer([b"no room for this\n"], status=507)
        if request.method == "GET":
            assert path == "/metrics"
            return Answer([(OTHERS + self.text()).encode()], content_type="text/plain")
        assert (request.method, path) == ("POST", GROUP)
        for family in text_string_to_metric_families(request.body.decode()):
            self.families[family.name] = family
        return Answer(status=202)

    def text(self):
        group = {"job": "rel-sluice-compactor", "namespace": "lake", "instance": "sse-bucket/sluice.events"}  # fmt: skip
        lines = []
        for family in self.families.values():
            name = f"{family.name}_total" if family.type == "counter" else family.name
            lines.append(f"# TYPE {name} {family.type}")
            for sample in family.samples:
                labels = ",".join(f'{k}="{v}"' for k, v in (sample.labels | group).items())
                lines.append(f"{sample.name}{{{labels}}} {sample.value}")
        return "\n".join(lines) + "\n"

    def __getitem__(self, name):
        return {
            (s.name, s.labels.get("le", "")): s.value for f in self.families.values() for s in f.samples
        }[f"sluice_compactor_{name}", ""]  # fmt: skip

    def names(self):
        return {sample.name for f in self.families.values() for sample in f.samples}


@pytest.fixture
def gateway():
    return Gateway()


@pytest.fixture
def nobody():
    """An address at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def make(tmp_path, gateway):
    """`make()` gives the lake as a new process has it, with the metrics of none."""
    with SseServer(gateway) as server:
        yield lambda url=server.url, **settings: FolderLake(
            tmp_path, {"SLUICE_PUSHGATEWAY": url, "SLUICE_PUSHGATEWAY_LABELS": LABELS, **settings}
        )


def test_passes_stand_in_each_others_place_and_counters_go_on(make, gateway):
    first = make()
    first.put(f"{HOUR}/a.csv", events(1, 2, 3))
    first.put(f"{HOUR}/odd.csv", [{"other": 1}])
    first.compact()
    assert gateway["rows_written_total"] == gateway["rows_read_total"] == 3
    assert gateway["set_aside_objects"] == gateway["raw_objects"] - 1 == 1
    committed, passed = (gateway[f"last_{what}_timestamp_seconds"] for what in ("commit", "pass"))
    assert committed > 1e9
    assert passed > 1e9
    (first.root / "events" / HOUR / "odd.csv").unlink()
    second = make()
    second.put(f"{HOUR}/b.csv", events(3, 4))
    second.compact()
    assert (gateway["rows_read_total"], gateway["rows_written_total"]) == (5, 4)
    assert gateway["duplicates_dropped_total"] == 1
    assert gateway["set_aside_objects"] == 0
    assert gateway["pass_seconds_count"] == 2
    third = make()
    committed = gateway["last_commit_timestamp_seconds"]
    third.compact()
    assert gateway["pass_seconds_count"] == 3
    assert gateway["last_commit_timestamp_seconds"] == committed, "it made none: the last is known"
    assert gateway["last_pass_timestamp_seconds"] > passed
    assert all(name.startswith("sluice_compactor_") for name in gateway.names())
    assert not [name for name in gateway.names() if name.endswith("_created")]


def test_a_pass_that_fails_tells_what_it_knows_and_no_more(make, gateway):
    make().compact()
    passed = gateway["last_pass_timestamp_seconds"]
    lake = make()
    lake.put(f"{HOUR}/a.csv", events(1, 2))

    def fail(step):
        if step == "listed":
            raise TemporaryError("S3 does not answer")

    with pytest.raises(TemporaryError):
        lake.compact(point=fail)
    assert gateway["raw_objects"] == 1
    assert gateway["last_pass_timestamp_seconds"] == passed
    assert gateway["pass_seconds_count"] == 1


@pytest.mark.parametrize("broken", ["refuses", "nobody", "garbage"])
def test_no_gateway_holds_a_pass_up(make, gateway, capsys, broken, nobody):
    gateway.down = broken == "refuses"
    if broken == "garbage":
        gateway.text = lambda: "sluice_compactor_rows_read_total{ 7\n"
    given = {"url": f"http://user:hidden-word@{nobody}"} if broken == "nobody" else {}
    lake = make(**given)
    lake.put(f"{HOUR}/a.csv", events(1, 2))
    report = lake.compact()
    assert (report.rows_out, lake.raw()) == (2, [])
    assert report.not_pushed
    if broken == "refuses":
        assert "507" in report.not_pushed
        assert "no room for this" in report.not_pushed
    (told,) = re.findall(r"the Pushgateway has not taken .*", text := capsys.readouterr().out)
    assert "127.0.0.1" in told
    assert "hidden-word" not in text
    assert re.search(r"push_failures\W+1\b", text)
    assert gateway.families == {}


def test_a_user_and_a_password_go_as_a_header_and_are_never_shown(make, gateway):
    url = make().settings.pushgateway.replace("://", "://ada:p%40ss@")
    lake = make(url)
    lake.compact()
    assert {request.headers["authorization"] for request in gateway.asked} == {"Basic YWRhOnBAc3M="}
    shown = effective(lake.settings)["SLUICE_PUSHGATEWAY"]
    assert "127.0.0.1" in shown
    assert "ada" not in shown


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"SLUICE_PUSHGATEWAY": "gateway:9091"}, "http://host:port"),
        ({"SLUICE_PUSHGATEWAY": "http://gateway:9091/?job=x"}, "without ? and #"),
        ({"SLUICE_PUSHGATEWAY_LABELS": "namespace=lake"}, "job=sluice-compactor"),
        ({"SLUICE_PUSHGATEWAY_LABELS": "job=a,job=b"}, "each name once"),
        ({"SLUICE_PUSHGATEWAY_LABELS": "job=a,__x=b"}, "name=value"),
        (
            {"SLUICE_PUSHGATEWAY": "http://a:secret@gateway:9091", "SLUICE_LAKE_EVERY": "10m"},
            "SLUICE_LAKE_EVERY",
        ),
    ],
)
def test_wrong_settings_are_refused(variables, says):
    with pytest.raises(ConfigError) as refused:
        load_settings(CompactorSettings, variables)
    assert says in str(refused.value)
    assert "secret" not in str(refused.value)


def test_the_instance_is_the_table_unless_it_is_said():
    default = load_settings(CompactorSettings, {"SLUICE_BUCKET": "one-bucket"})
    assert default.pushed_labels == {
        "job": "sluice-compactor",
        "instance": "one-bucket/sluice.events",
    }
    given = load_settings(CompactorSettings, {"SLUICE_PUSHGATEWAY_LABELS": "job=a, instance=b"})
    assert given.pushed_labels == {"job": "a", "instance": "b"}
