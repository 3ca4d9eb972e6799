"""Driver programs, real processes: good ones, and those that die, hang, lie and babble."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable

import pytest

from oned.drivers import program
from oned.drivers.manager import Handle
from oned.drivers.process import Process
from onelib.driver import DriverError, DriverGoneError
from tests.integration.drivers.conftest import Bench, alive


def use(driver: Handle, work: Callable[[Handle], Awaitable[None]]) -> float:
    """Run ``work`` and close the driver; returns how many seconds closing took."""

    async def run() -> float:
        try:
            async with asyncio.timeout(30):
                await work(driver)
        finally:
            begin = time.monotonic()
            await driver.close()
        return time.monotonic() - begin

    return asyncio.run(run())


def test_one_process_answers_many_requests(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(driver: Handle) -> None:
        answers = await asyncio.gather(*(driver.call("DEPLOY", n, f"ok=one-{n}") for n in range(50)))
        assert answers == [f"one-{n}" for n in range(50)]
        assert await driver.call("SHUTDOWN", 1, "ok") == ""
        with pytest.raises(DriverError, match=r"^no_such_host$"):
            await driver.call("DEPLOY", 1, "fail=no_such_host")
        with pytest.raises(DriverError):
            await driver.call("DEPLOY", 1, "maybe=so")

    monkeypatch.setattr(Process, "STOP_SECONDS", 60.0)
    assert use(bench.driver(), work) < 30, "it ends when it is told to"
    assert bench.journal[0] == "INIT"
    assert bench.journal[-1] == "FINALIZE"
    assert bench.journal.count("INIT") == 1
    assert alive(bench.folder) == []


def test_lines_for_the_log(bench: Bench) -> None:
    async def work(driver: Handle) -> None:
        await driver.call("DEPLOY", 7, "log ok")
        await asyncio.sleep(0.1)

    use(bench.driver(), work)
    assert "[VMM][E]: [7] a line of the driver" in bench.log
    assert "vmm:odd says: a complaint" in bench.log


@pytest.mark.parametrize("wish", ["die", "kill", "half", "close"])
def test_a_program_that_ends_takes_its_requests_along_and_comes_back(bench: Bench, wish: str) -> None:
    async def work(driver: Handle) -> None:
        waiting = [asyncio.create_task(driver.call("SAVE", n, "")) for n in range(3)]
        await asyncio.sleep(0.2)
        with pytest.raises(DriverGoneError):
            await driver.call("DEPLOY", 7, wish)
        assert {type(error) for error in await asyncio.gather(*waiting, return_exceptions=True)} == {
            DriverGoneError
        }
        assert await driver.call("DEPLOY", 8, "ok=back") == "back"

    use(bench.driver(), work)
    assert bench.journal.count("INIT") == 2
    assert alive(bench.folder) == []


def test_one_that_always_dies_is_started_ever_less_often(bench: Bench) -> None:
    async def work(driver: Handle) -> None:
        begin = time.monotonic()
        for _ in range(4):
            with pytest.raises(DriverGoneError):
                await driver.call("DEPLOY", 7, "die")
        assert 1.3 < time.monotonic() - begin < 6  # 0.2 + 0.4 + 0.8 seconds of pause, and four starts

    use(bench.driver(), work)


def test_killed_from_outside(bench: Bench) -> None:
    async def work(driver: Handle) -> None:
        await driver.call("DEPLOY", 7, "ok")
        waiting = asyncio.create_task(driver.call("SAVE", 7, "wait=20"))
        await asyncio.sleep(0.1)
        for process in alive(bench.folder):
            os.kill(process, signal.SIGKILL)
        with pytest.raises(DriverGoneError):
            await waiting

    use(bench.driver(), work)


def test_garbage_strangers_and_second_answers_count_for_nothing(bench: Bench) -> None:
    async def work(driver: Handle) -> None:
        assert await driver.call("DEPLOY", 7, "garbage stranger ok=a ok=b fail=c") == "a"
        assert await driver.call("DEPLOY", 8, "ok=d") == "d"
        assert await driver.call("DEPLOY", 7, "ok=e") == "e"

    use(bench.driver(), work)
    assert "Ignored a line of vmm:odd" in bench.log
    assert "Ignored: DEPLOY SUCCESS 4711, which nobody waits for." in bench.log
    assert "Ignored: DEPLOY FAILURE 7, which nobody waits for." in bench.log


def test_a_line_without_end_ends_the_program(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oned.drivers.process.MAX_LINE", 2**16)

    async def work(driver: Handle) -> None:
        with pytest.raises(DriverGoneError):
            await driver.call("DEPLOY", 7, "long=300000")
        assert await driver.call("DEPLOY", 7, "ok") == ""

    use(bench.driver(), work)


def test_a_hang_is_cancelled_and_given_up(bench: Bench) -> None:
    async def work(driver: Handle) -> None:
        waiting = asyncio.create_task(driver.call("SAVE", 5, ""))
        await asyncio.sleep(0.2)
        waiting.cancel()
        assert isinstance((await asyncio.gather(waiting, return_exceptions=True))[0], asyncio.CancelledError)
        with pytest.raises(DriverError, match=r"did not answer within 0\.3 seconds"):
            await driver.call("SAVE", 6, "")
        assert await driver.call("SAVE", 5, "ok") == ""

    use(bench.driver(TIMEOUT="0.3"), work)
    assert "DRIVER_CANCEL 5" in bench.journal
    assert "DRIVER_CANCEL 6" in bench.journal


def test_the_same_request_twice_waits_for_the_first(bench: Bench) -> None:
    async def work(driver: Handle) -> None:
        answers = await asyncio.gather(*(driver.call("DEPLOY", 7, f"wait=0.05 ok={n}") for n in range(4)))
        assert answers == ["0", "1", "2", "3"]

    use(bench.driver(), work)


def test_requests_that_are_counted_do_not_wait_for_each_other(bench: Bench) -> None:
    async def work(driver: Handle) -> None:
        answers = await asyncio.gather(*(driver.call("STAT", -1, f"ok={n}") for n in range(4)))
        assert answers == ["0", "1", "2", "3"]

    use(bench.driver(kind="datastore"), work)
    assert sorted(line.split()[1] for line in bench.journal if line.startswith("STAT")) == ["1", "2", "3", "4"]


def test_a_transfer_leaves_its_file_only_after_a_failure(bench: Bench) -> None:
    async def work(driver: Handle) -> None:
        with pytest.raises(DriverGoneError):
            await driver.call("TRANSFER", 7, "CLONE x a b 7 1", "12")
        await driver.call("TRANSFER", 7, "CLONE x a b 7 1", "13")

    script = bench.folder / "tm"
    script.write_text(
        "#!/bin/sh\nread x; echo INIT SUCCESS\n"
        'while read action id file; do case "$file" in *.12) exit 1;; esac; grep -q CLONE "$file" && '
        'echo "$action SUCCESS $id -"; done\n'
    )
    script.chmod(0o755)
    use(bench.driver(kind="tm", executable=str(script)), work)
    assert [path.name for path in (bench.folder / "vms/7").iterdir()] == ["transfer.12"]


@pytest.mark.parametrize("argument", ["bad-init", "no-init"])
def test_one_that_does_not_start(bench: Bench, argument: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "INIT_SECONDS", 0.5)

    async def work(driver: Handle) -> None:
        with pytest.raises(DriverGoneError, match="does not start"):
            await driver.call("DEPLOY", 7, "ok")

    use(bench.driver(argument), work)
    assert alive(bench.folder) == []


def test_a_start_that_is_not_waited_for_leaves_no_process(bench: Bench) -> None:
    async def work(driver: Handle) -> None:
        waiting = asyncio.create_task(driver.call("DEPLOY", 7, "ok"))
        await asyncio.sleep(0.2)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    use(bench.driver("no-init"), work)
    assert alive(bench.folder) == []


@pytest.mark.parametrize("executable", ["/nonexistent/driver", "/etc/passwd", "/usr"])
def test_a_program_that_is_none(bench: Bench, executable: str) -> None:
    async def work(driver: Handle) -> None:
        with pytest.raises(DriverError, match="does not exist or cannot be executed") as caught:
            await driver.call("DEPLOY", 7, "ok")
        assert not isinstance(caught.value, DriverGoneError)

    use(bench.driver(executable=executable), work)


def test_a_stubborn_one_is_killed_with_all_it_started(bench: Bench) -> None:
    async def work(driver: Handle) -> None:
        await driver.call("DEPLOY", 7, "ok")

    assert 0.9 < use(bench.driver("stubborn"), work) < 3
    assert alive(bench.folder) == []


def test_a_request_that_cannot_be_written(bench: Bench) -> None:
    async def work(driver: Handle) -> None:
        with pytest.raises(DriverError, match="cannot be asked"):
            await driver.call("DEPLOY 7\nSHUTDOWN", 7, "ok")

    use(bench.driver(), work)


def test_nothing_secret_of_an_authentication_is_logged(bench: Bench) -> None:
    async def work(driver: Handle) -> None:
        assert await driver.call("AUTHENTICATE", 0, "5 odd jo stored-word ok=secret-word") == "secret-word"

    use(bench.driver(kind="auth"), work)
    assert "secret-word" not in bench.log
    assert "stored-word" not in bench.log
