"""What the chart tells a producer of its source."""


def test_a_source_says_which_types_are_data_and_what_its_ids_are(render, everything_values):
    rendered = render(*everything_values, given=False)
    other = rendered.environment("-producer-other")
    assert other["SLUICE_SOURCE_EVENTS"] == "update,status.update"
    assert other["SLUICE_EVENT_ID"] == "payload.id"
    demo = rendered.environment("-producer-demo")
    assert not {"SLUICE_SOURCE_EVENTS", "SLUICE_EVENT_ID"} & demo.keys()


def test_what_a_source_must_not_show_comes_from_a_secret(render, everything_values):
    rendered = render(*everything_values, given=False)
    other = rendered.environment("-producer-other")
    assert other["SLUICE_SOURCE_URL"] == "https://sse.example/events"
    assert other["SLUICE_SOURCE_HEADERS"] == {
        "secretKeyRef": {
            "name": "other-source",
            "key": "SLUICE_SOURCE_HEADERS",
            "optional": False,
        }
    }
    assert "SLUICE_SOURCE_HEADERS" not in rendered.environment("-producer-demo")


def test_a_secret_url_comes_from_the_secret_too(render):
    rendered = render("--set", "producers[0].name=wikimedia,producers[0].existingSecret=mine")
    assert render(
        "--set",
        "producers[0].name=wikimedia,producers[0].existingSecret=mine,networkPolicy.enabled=true",
    ).all("NetworkPolicy")
    found = rendered.environment("-producer-wikimedia")
    assert found["SLUICE_SOURCE_URL"] == {
        "secretKeyRef": {"name": "mine", "key": "SLUICE_SOURCE_URL"}
    }
    assert found["SLUICE_SOURCE_HEADERS"]["secretKeyRef"]["optional"] is True


def test_a_password_in_a_url_is_refused(refusal):
    said = refusal("--set", "producers[0].name=x,producers[0].url=https://me:hunter2@sse.example/x")
    assert "existingSecret" in said
    assert "hunter2" not in said
