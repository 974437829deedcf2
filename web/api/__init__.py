"""The modern API under /api/v1: thin handlers, one module per resource."""
