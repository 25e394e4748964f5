"""Durable state: the database with its tables and migrations, and the vault that seals its rows."""
