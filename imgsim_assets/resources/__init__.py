"""WHERE and how fast: Dagster resources for the store and for MLflow. They never change a result."""
