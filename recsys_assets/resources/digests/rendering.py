"""One digest as people read it: HTML for phones and desktops, and a text that reads well alone.

Titles and reasons come from files: HTML is escaped, control characters are taken out.
"""

from email.message import EmailMessage
from email.utils import format_datetime, localtime

from jinja2 import Environment
from pydantic import BaseModel

from recsys_assets.kernels.titles import spoken
from recsys_assets.resources.alerts.mail import MailServer
from recsys_assets.resources.alerts.message import clean_line

_HTML = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ subject }}</title></head>
<body style="margin:0;background:#f4f4f6;color:#1d1d22;\
font:16px/1.45 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr>
<td align="center" style="padding:24px 12px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" \
style="max-width:560px;background:#ffffff;border-radius:12px">
<tr><td style="padding:24px 24px 8px"><h1 style="margin:0;font-size:22px;color:#1d1d22">\
{{ subject }}</h1></td></tr>
{% for movie in movies %}
<tr><td style="padding:12px 24px;border-top:1px solid #ececf0">
<div style="font-weight:600;color:#1d1d22;overflow-wrap:anywhere">{{ loop.index }}. \
{{ movie.title }}{% if movie.year %} <span style="font-weight:400;color:#5c5c66">\
({{ movie.year }})</span>{% endif %}</div>
<div style="font-size:14px;color:#5c5c66;overflow-wrap:anywhere">{{ movie.reason }}</div>
</td></tr>
{% endfor %}
<tr><td style="padding:16px 24px 24px;border-top:1px solid #ececf0;font-size:13px;\
color:#5c5c66">You get this mail because you subscribed to your recommendations.
<a href="{{ unsubscribe }}" style="color:#3b4cca">Unsubscribe</a></td></tr>
</table></td></tr></table></body></html>
"""
)


class Movie(BaseModel):
    """One line of a digest."""

    title: str
    """Title without the year."""
    year: int | None
    """Year, if it is known."""
    reason: str
    """Why it is recommended."""


class Digest(BaseModel):
    """What one user is sent about the list that is published for them."""

    publication: str
    """What stands for that list: the same movies in the same order, the same text."""
    user: int
    """Who gets it."""
    address: str
    """Where it goes."""
    movies: list[Movie]
    """The recommendations, the best first."""
    unsubscribe: str
    """Link that ends the subscription."""

    @property
    def subject(self) -> str:
        """The subject of the mail."""
        count = len(self.movies)
        return f"{count} movie{'s' if count > 1 else ''} for you"

    def text(self) -> str:
        """The mail as plain text."""
        lines = [self.subject, "=" * len(self.subject), ""]
        for number, movie in enumerate(self._clean(), 1):
            year = f" ({movie.year})" if movie.year else ""
            lines += [f"{number}. {movie.title}{year}", f"   {movie.reason}", ""]
        lines += [
            "You get this mail because you subscribed to your recommendations.",
            f"Unsubscribe: {self.unsubscribe}",
        ]
        return "\n".join(lines) + "\n"

    def html(self) -> str:
        """The mail as a page."""
        return _HTML.render(
            subject=self.subject, movies=self._clean(), unsubscribe=self.unsubscribe
        )

    def mail(self, server: MailServer) -> EmailMessage:
        """The mail itself; its Message-ID follows from publication and user."""
        mail = EmailMessage()
        mail["Subject"] = self.subject
        mail["From"] = server.sender
        mail["To"] = self.address
        mail["Date"] = format_datetime(localtime())
        mail["Message-ID"] = server.message_id(f"digest:{self.publication}:{self.user}")
        mail["List-Unsubscribe"] = f"<{self.unsubscribe}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail["Precedence"] = "bulk"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(self.text())
        mail.add_alternative(self.html(), subtype="html")
        return mail

    def _clean(self) -> list[Movie]:
        return [
            Movie(title=spoken(clean_line(m.title)), year=m.year, reason=clean_line(m.reason))
            for m in self.movies
        ]
