"""What the chart tells a producer of its source."""


def test_a_source_says_which_types_are_data_and_what_its_ids_are(render, everything_values):
    rendered = render(*everything_values, given=False)
    other = rendered.environment("-producer-other")
    assert other["SLUICE_SOURCE_EVENTS"] == "update,status.update"
    assert other["SLUICE_EVENT_ID"] == "payload.id"
    demo = rendered.environment("-producer-demo")
    assert not {"SLUICE_SOURCE_EVENTS", "SLUICE_EVENT_ID"} & demo.keys()
