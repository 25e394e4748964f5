"""Consent documents: the codes they use, how they are read, worded, built and committed to. Pure."""
