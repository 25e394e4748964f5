"""Answers as text for people, and as the shapes that ``--json`` prints."""
