"""An alert as people read it: HTML for phones and desktops, a text that reads well alone.

The order is that of the questions of somebody who was just woken: what broke, since when, why,
what mends it, was data lost, what do users see meanwhile, where is more.
"""

from jinja2 import Environment

from recsys_assets.resources.alerts.message import Alert

_COLOURS = {"error": "#b3261e", "warning": "#8a5300", "recovered": "#1b6e35", "info": "#3b4cca"}

_HTML = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ alert.subject }}</title></head>
<body style="margin:0;background:#f4f4f6;color:#1d1d22;\
font:16px/1.45 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr>
<td align="center" style="padding:16px 8px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" \
style="max-width:640px;table-layout:fixed;background:#ffffff;border-top:6px solid {{ colour }};\
overflow-wrap:anywhere;text-align:left">
{% macro row(name, value, mono=false) %}
<tr><td style="padding:8px 20px;border-top:1px solid #ececf0">
<div style="font-size:13px;color:#5c5c66">{{ name }}</div>
<div style="white-space:pre-wrap{% if mono %};font:14px/1.4 monospace{% endif %}">{{ value }}</div>
</td></tr>
{% endmacro %}
<tr><td style="padding:16px 20px 12px">
<div style="font-size:13px;font-weight:700;letter-spacing:.06em;text-transform:uppercase;\
color:{{ colour }}">{{ alert.word }}</div>
<h1 style="margin:2px 0 6px;font-size:21px;line-height:1.25">{{ alert.event }}</h1>
<div style="white-space:pre-wrap">{{ alert.what }}</div>
</td></tr>
{{ row("since" if remedy or alert.resolved else "at", alert.since_text) }}
{% if alert.cause %}
{{ row("it was" if alert.resolved else "cause", alert.cause, true) }}
{% endif %}
{% if remedy %}
<tr><td style="padding:8px 20px 12px;border-top:1px solid #ececf0">
<div style="font-size:13px;color:#5c5c66">to mend it</div>
<div>{{ remedy.words }}</div>
<div style="margin-top:6px;padding:8px 12px;background:#f4f4f6;font:14px/1.4 monospace">\
{{ remedy.command }}</div>
</td></tr>
{% endif %}
{% for name, value in alert.facts.items() %}
{{ row(name, value) }}
{% endfor %}
{% if alert.links %}
<tr><td style="padding:12px 20px;border-top:1px solid #ececf0">
{% for name, url in alert.links.items() %}
{% if url.startswith(("https://", "http://")) %}
<a href="{{ url }}" style="display:inline-block;margin:4px 16px 4px 0;padding:6px 0;\
color:#3b4cca;font-weight:600">{{ name }}</a>
{% else %}
<div style="padding:4px 0">{{ name }}: {{ url }}</div>
{% endif %}
{% endfor %}
</td></tr>
{% endif %}
<tr><td style="padding:8px 20px 16px;border-top:1px solid #ececf0;font-size:12px;\
color:#5c5c66">event {{ alert.event_key }}</td></tr>
</table></td></tr></table></body></html>
"""
)


def plain_text(alert: Alert) -> str:
    """An alert for a reader without HTML, a chat channel or a log."""
    remedy = alert.remedy
    when = "Since" if remedy or alert.resolved else "At"
    lines = [alert.headline, "", alert.what, "", f"{when}: {alert.since_text}"]
    if alert.cause:
        lines.append(f"{'It was' if alert.resolved else 'Cause'}: {alert.cause}")
    lines.append("")
    if remedy is not None:
        lines += [f"To mend it: {remedy.words}", f"    {remedy.command}", ""]
    if alert.facts:
        lines += [*(f"- {name}: {value}" for name, value in alert.facts.items()), ""]
    if alert.links:
        lines += [*(f"> {name}: {url}" for name, url in alert.links.items()), ""]
    return "\n".join([*lines, f"Event: {alert.event_key}"]) + "\n"


def html_page(alert: Alert) -> str:
    """An alert as an HTML page; every value is escaped, only http(s) links can be clicked."""
    return _HTML.render(alert=alert, remedy=alert.remedy, colour=_COLOURS[alert.word])
