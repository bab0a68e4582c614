"""What Spark did, as it counted itself: jobs, stages, tasks, bytes, rows."""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Cost:
    """What Spark did."""

    jobs: int
    stages: int
    tasks: int
    shuffled_kilobytes: int
    rows_read: int
    spilled: int = 0
    failed_tasks: int = 0


def last_ids(spark: SparkSession) -> tuple[int, int]:
    """Numbers of the last job and of the last stage."""
    jobs, stages = _jobs_and_stages(spark)
    return max((job.jobId() for job in jobs), default=-1), max(
        (stage.stageId() for stage in stages), default=-1
    )


def cost_since(spark: SparkSession, job: int, stage: int) -> Cost:
    """What Spark did after these."""
    jobs, stages = _jobs_and_stages(spark)
    ran = [
        each for each in stages if each.stageId() > stage and each.status().toString() == "COMPLETE"
    ]
    return Cost(
        jobs=sum(each.jobId() > job for each in jobs),
        stages=len(ran),
        tasks=sum(each.numCompleteTasks() for each in ran),
        shuffled_kilobytes=sum(each.shuffleWriteBytes() for each in ran) // 1024,
        rows_read=sum(each.inputRecords() for each in ran),
        spilled=sum(each.memoryBytesSpilled() + each.diskBytesSpilled() for each in ran),
        failed_tasks=sum(each.numFailedTasks() for each in stages if each.stageId() > stage),
    )


def _jobs_and_stages(spark: SparkSession) -> tuple[list[Any], list[Any]]:
    """What Spark keeps of its last thousand jobs and stages."""
    context = spark.sparkContext
    context._jsc.sc().listenerBus().waitUntilEmpty()
    store = context._jsc.sc().statusStore()
    quantiles = context._gateway.new_array(context._jvm.double, 0)
    stages = store.stageList(None, False, False, quantiles, None)
    return _listed(store.jobsList(None)), _listed(stages)


def _listed(sequence: Any) -> list[Any]:
    iterator = sequence.iterator()
    found = []
    while iterator.hasNext():
        found.append(iterator.next())
    return found
