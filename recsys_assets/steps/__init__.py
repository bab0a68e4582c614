"""What runs on Spark: one function per table or model."""
