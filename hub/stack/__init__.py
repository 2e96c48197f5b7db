"""The stack language: documents, steps, the interpreter. Pure: what it does, its ports do."""
