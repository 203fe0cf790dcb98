"""The services take the settings that the chart gives them: names, values, and rules between them."""

import pytest
from sluice_batcher.settings import BatcherSettings
from sluice_core.settings import describe_settings, load_settings
from sluice_producer.settings import ProducerSettings


@pytest.mark.parametrize(
    "values", ["default", "kind_values", "production_values", "everything_values"]
)
def test_the_services_take_them(render, request, values):
    given = values in ("default", "production_values")
    rendered = render(
        *(() if values == "default" else request.getfixturevalue(values)), given=given
    )
    for deployment in rendered.all("Deployment"):
        name = deployment["metadata"]["name"]
        settings = {"-batcher": BatcherSettings, "-producer": ProducerSettings}.get(
            "-" + name.split("-")[2]
        )
        if settings is None:
            continue
        environment = rendered.environment(name)
        known = {doc.variable for doc in describe_settings(settings)}
        assert {n for n in environment if n.startswith("SLUICE_")} <= known, name
        load_settings(settings, {n: v for n, v in environment.items() if isinstance(v, str)})


def test_an_empty_prefix_is_the_buckets_root(render):
    environment = render("--set", "bucket.prefix=").environment("-batcher")
    given = {n: v for n, v in environment.items() if isinstance(v, str)}
    assert load_settings(BatcherSettings, given).prefix == ""
