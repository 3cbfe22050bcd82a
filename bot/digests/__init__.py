"""Digests: which periods are due (`schedule`), what they say (`build`, `sections`), for which copy (`render`)."""
