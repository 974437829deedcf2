"""Durable state. Import the modules, not the package: it stays empty so that an instance loads no SQLAlchemy."""
