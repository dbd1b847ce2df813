"""Recordings answered one after another, in the order in which they came."""

import threading

from gaitbridge.errors import NOT_THEIRS, UserError
from gaitbridge.gallery.audit import acting
from gaitbridge.printing import tell
from gaitbridge.service import jobs
from gaitbridge.service.answers import answer_job, still_holds
from gaitbridge.service.jobs import Job
from gaitbridge.service.state import State

LOOK_S = 1.0
FAULTS = 3  # a recording at which the program fails is given up at the third
NAME = "jobs"


class _Ended(Exception):
    """The service ends, or the job was given up: it is not finished now."""


def run(state: State, stop: threading.Event) -> None:
    """Answer until the service ends. What a killed process was at waits again first."""
    jobs.put_back(state.database, counted=True)
    while not stop.is_set():
        state.queue.came.clear()
        job = jobs.begin(state.database)
        if job is None:
            state.failing.pop(NAME, None)
            state.queue.came.wait(LOOK_S)
        else:
            _work(state, job, stop)


def _work(state: State, job: Job, stop: threading.Event) -> None:
    def progress(done: int, total: int, note: str = "") -> None:
        state.queue.progress[job.id] = done, total, note
        if stop.is_set() or job.id in state.queue.given_up:
            raise _Ended

    acting.set(job.caller)  # whoever sent it asks the gallery
    try:
        progress(0, 0, "beginning")
        tracks, summary = answer_job(state, job, progress)
        progress(1, 1, "keeping the answers")
        if not jobs.finish(state.database, job, tracks, summary, lambda: still_holds(state, tracks)):
            raise _Ended
        for one in tracks:
            state.metrics.walks.labels(one.answer["outcome"]).inc()
    except _Ended:
        jobs.put_back(state.database, job)
        if not jobs.is_there(state.database, job.id):
            state.kept.drop(job.id)
        return
    except NOT_THEIRS:  # the gallery's, its server's, the disk's: nothing is wrong with the recording
        jobs.put_back(state.database, job)
        raise
    except UserError as error:
        _given_up(state, job, state.for_clients(str(error)))
    except Exception:
        if job.attempts + 1 >= FAULTS:
            _given_up(state, job, "a fault of the service, not of the recording: report it with the id of this job; the log says more")
            tell(f"job {job.id} is given up after {job.attempts + 1} tries")
        jobs.put_back(state.database, job, counted=True)
        raise
    finally:
        state.queue.progress.pop(job.id, None)
        state.queue.given_up.discard(job.id)
    state.failing.pop(NAME, None)
    state.kept.drop_upload(job.id)


def _given_up(state: State, job: Job, why: str) -> None:
    """Nothing of a recording that cannot be answered is kept: no answer would lead to what was seen in it."""
    jobs.fail(state.database, job, why)
    state.kept.drop(job.id)
