"""What a worker does beside jobs: it empties the bin of what lay there long enough, and takes up runs without a job."""

from __future__ import annotations

import logging

from cellapp.errors import StoreError
from cellapp.jobs import queue
from cellapp.jobs.rest_of_run import take_up_strays
from cellapp.jobs.training_folder import sweep_trainings
from cellapp.store.bin import empty_bin, sweep_parts
from cellapp.store.purge import purge_files, purge_heads, purge_images, purge_pending, purge_segmenters, purge_vectors
from cellapp.store.runs import purge_deleted

CLEAN_UP_EVERY_S = 24 * 3600.0
"""A worker that stays for days cleans up between two jobs so often."""

_log = logging.getLogger("cellapp.jobs.worker.clean_up")  # its lines are in the worker's log
_KEEP_S = 30 * 24 * 3600.0


def clean_up() -> None:
    """Delete what was in the bin, or unused, for long enough, and look after runs without a job."""
    from cellapp.segmentation.slide_parameters import purge_slide_parameters  # scipy and scikit-image come with it

    try:
        n_files = purge_files()  # first: it refuses where files and database do not fit, and then nothing is deleted
        n_runs, n_jobs, _ = purge_deleted(), queue.purge_jobs(_KEEP_S), purge_pending()
        n_images, n_slides = purge_images(), purge_slide_parameters(_KEEP_S)
        _log.info("deleted %d runs and %d images from the bin", n_runs, n_images)
        _log.info("forgot %d old jobs and %d slides, put %d files into the bin", n_jobs, n_slides, n_files)
        _log.info("put vectors of %d images into the bin, deleted %d heads from it", purge_vectors(), purge_heads())
        _log.info("deleted %d segmenters from the bin", purge_segmenters())
        _log.info("emptied the bin of %d things, swept %d half written ones", empty_bin(), sweep_parts())
        _log.info("took up %d runs that had lost their job", take_up_strays())
        _log.info("deleted what %d trainings that ended had left", sweep_trainings())
    except (StoreError, OSError) as error:  # a worker that cannot clean up can work
        _log.error("cleaning up stopped: %s", error)
