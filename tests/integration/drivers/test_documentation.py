"""The examples of docs/drivers.md do what the page says."""

import asyncio
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from onelib.driver import DriverError
from tests.integration.drivers.conftest import Bench

PAGE = Path(__file__).resolve().parents[3] / "docs/drivers.md"


def example(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(found)


def executable(bench: Bench, language: str) -> str:
    if language == "sh":
        path = bench.folder / "mine"
        path.write_text(example("sh"))
        path.chmod(0o755)
        return str(path)
    module = ModuleType("driver_of_the_page")
    exec(example("python"), module.__dict__)  # noqa: S102 (the page is ours)
    sys.modules[module.__name__] = module
    return f"python:{module.__name__}:Mine"


@pytest.mark.parametrize("language", ["sh", "python"])
def test_examples(bench: Bench, language: str) -> None:
    driver = bench.driver(executable=executable(bench, language))

    async def run() -> None:
        try:
            assert await driver.call("DEPLOY", 7, "<A/>") == "mine-7"
            with pytest.raises(DriverError, match=r"^SHUTDOWN is not possible here$"):
                await driver.call("SHUTDOWN", 7, "<A/>")
        finally:
            await driver.close()

    asyncio.run(run())
    assert ("[7] on my way" in bench.log) is (language == "sh")
