"""Recommender systems as versioned data assets."""

import os

# MLflow would tell its makers what is used, and asks when it is imported. What runs here, and on
# whose data, is told to nobody; Dagster's own telemetry is off in dagster.yaml.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
