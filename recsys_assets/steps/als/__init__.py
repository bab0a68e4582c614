"""ALS: in Spark's workers, by Spark ML, and the search for its settings."""
