"""What the parameters of all steps have in common."""

from pydantic import BaseModel, ConfigDict


class StepParams(BaseModel):
    """Parameters of a step; what is written below a field stands beside it in the launchpad."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class NoParams(StepParams):
    """Nothing to choose."""
