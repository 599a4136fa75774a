import logging
import os
import signal

from cellapp.jobs.worker_process import log_path, logging_to_file, stop_on_signals


def test_the_first_signal_asks_and_the_second_would_end():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    with stop_on_signals() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(5)
        assert signal.getsignal(signal.SIGTERM) == before[signal.SIGTERM]
    assert {number: signal.getsignal(number) for number in before} == before


def test_a_log_is_written_while_asked_for_and_closed_after(home):
    logger = logging.getLogger("cellapp.test")
    with logging_to_file(logger, "test"):
        logger.info("kept")
    logger.info("not kept")
    assert log_path("test").parent == home / "logs"
    assert "kept" in log_path("test").read_text()
    assert "not kept" not in log_path("test").read_text()
