"""A search in a lake elsewhere goes on on another machine."""

import uuid
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from recsys_assets.steps.sweeps.journal import Journal


def trials_after_one_more(journal: Journal) -> int:
    storage = JournalStorage(JournalFileBackend(str(journal.local)))
    study = optuna.create_study(storage=storage, study_name="x", load_if_exists=True)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    journal.keep()
    return len(study.trials)


def test_a_journal_on_this_machine_is_the_file_itself(tmp_path: Path) -> None:
    journal = Journal.of(str(tmp_path / "lake"), "als_model")
    assert trials_after_one_more(journal) == 1
    assert (tmp_path / "lake" / "_sweeps" / "als_model.log").stat().st_size > 0
    assert trials_after_one_more(Journal.of(str(tmp_path / "lake"), "als_model")) == 2


def test_a_journal_elsewhere_is_fetched_and_put_back() -> None:
    root = f"memory://lake-{uuid.uuid4()}"
    first, second = Journal.of(root, "als_model"), Journal.of(root, "click_model")
    assert trials_after_one_more(first) == 1
    again = Journal.of(root, "als_model")
    assert again.local != first.local and trials_after_one_more(again) == 2
    assert not second.kept.exists()
