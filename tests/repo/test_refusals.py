"""A wrong setting is refused in our words: no library's, no regular expression, no number of an error."""

import re

import pytest
from sluice_batcher.app import Conversion
from sluice_batcher.settings import BatcherSettings
from sluice_compactor.settings import CompactorSettings
from sluice_core.errors import ConfigError
from sluice_core.settings import CommonSettings, load_settings
from sluice_core.settings import describe_settings as docs
from sluice_producer.settings import ProducerSettings

WRONG = (
    "\x00",
    "no such thing!",
    "-1",
    "1e999",
    "http://[",
    "99999999999999999999",
    "_",
    "a\nb",
    "é",
)
NOT_OURS = re.compile(r"Value error|pattern|Errno|\^|\\[wd]|Input should|String should")

SETTINGS = (BatcherSettings, ProducerSettings, CompactorSettings)
CASES = [(cls, doc.variable) for cls in SETTINGS for doc in docs(cls)]


def _load(cls: type[CommonSettings], variable: str, value: str) -> None:
    settings = load_settings(
        cls, {"SLUICE_USER_AGENT": "x (mailto:a@example.org)", variable: value}
    )
    if isinstance(settings, BatcherSettings):
        Conversion.of(settings)


@pytest.mark.parametrize(
    ("cls", "variable"), CASES, ids=lambda case: getattr(case, "__name__", case)
)
def test_every_setting(cls: type[CommonSettings], variable: str) -> None:
    for value in WRONG:
        try:
            _load(cls, variable, value)
        except ConfigError as error:
            text = str(error)
            assert not NOT_OURS.search(text), text
            assert len(text.splitlines()) == 1, text


def test_a_hook_and_a_file_of_columns(tmp_path) -> None:
    columns = tmp_path / "columns.yaml"
    columns.write_text("columns:\n- {name: a, path: 'x\"y'}\n")
    for variable, value, says in (
        ("SLUICE_COLUMNS", str(columns), "columns.yaml:2: key 'x\"y' holds a quotation mark"),
        ("SLUICE_TRANSFORM", "my hook", "a module and a function in it are needed"),
        (
            "SLUICE_COLUMNS",
            f"{tmp_path}/no.yaml",
            "no.yaml': cannot be read: No such file or directory",
        ),
        ("SLUICE_BUCKET", "No_Bucket", "SLUICE_BUCKET='No_Bucket': "),
    ):
        with pytest.raises(ConfigError) as refused:
            _load(BatcherSettings, variable, value)
        assert says in str(refused.value)
