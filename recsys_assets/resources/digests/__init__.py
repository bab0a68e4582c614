"""Digests: the mail with a user's recommendations, each list at most once."""

from recsys_assets.resources.digests.ledger import MailLedger
from recsys_assets.resources.digests.mailer import Digests, MailingError, MailingReport
from recsys_assets.resources.digests.rendering import Digest, Movie

__all__ = ["Digest", "Digests", "MailLedger", "MailingError", "MailingReport", "Movie"]
