"""What MLflow reads of the environment when it is first imported: to say nothing, send nothing and wait for little."""

import logging
import os

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # its default keeps a person waiting for minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    # A connection that is kept would go on writing to a database that has been replaced since.
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",
}


def quietly() -> None:
    """Set it, where a person has not; to be called before MLflow is imported."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    logging.getLogger("alembic").setLevel(logging.WARNING)
