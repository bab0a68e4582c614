"""A search in a lake elsewhere goes on on another machine."""

import uuid
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from recsys_assets.steps.sweeps.journal import Journal, open_journal


def trials_after_one_more(journal: Journal) -> int:
    storage = JournalStorage(JournalFileBackend(str(journal.local)))
    study = optuna.create_study(storage=storage, study_name="x", load_if_exists=True)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    journal.keep()
    return len(study.trials)


def test_a_journal_on_this_machine_is_the_file_itself(tmp_path: Path) -> None:
    root = str(tmp_path / "lake")
    with open_journal(root, "als_model") as journal:
        assert trials_after_one_more(journal) == 1
    assert (tmp_path / "lake" / "_sweeps" / "als_model.log").stat().st_size > 0
    with open_journal(root, "als_model") as journal:
        assert trials_after_one_more(journal) == 2


def test_a_journal_elsewhere_is_fetched_and_put_back_and_leaves_nothing_here() -> None:
    root = f"memory://lake-{uuid.uuid4()}"
    with open_journal(root, "als_model") as first, open_journal(root, "click_model") as second:
        assert trials_after_one_more(first) == 1
        with open_journal(root, "als_model") as again:
            assert again.local != first.local and trials_after_one_more(again) == 2
        assert first.local.exists() and not again.local.parent.exists()
        assert not second.kept.exists()
