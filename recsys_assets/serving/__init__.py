"""The scoring and lookup service, its bundle, its page and its authentication.

tables + models -> export -> bundle (a folder) -> service -> answers
"""
