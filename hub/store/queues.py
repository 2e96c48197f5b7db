"""The queues of rows that workers drain, by the names that doorbells use."""

RUNS = "runs"
DELIVERIES = "deliveries"
