"""Digests as they arrive: a real mail server, a sender that is killed, a real browser."""

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from recsys_assets.assets.delivery import digests, digests_of
from recsys_assets.contracts.recommendations import TOP_K, TopK
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.deployment.notices import digest_settings
from recsys_assets.home import Home
from recsys_assets.resources.alerts import MailServer
from recsys_assets.resources.digests import (
    Digest,
    Digests,
    MailingError,
    Movie,
    subscriptions,
)
from recsys_assets.resources.digests.links import is_signed, signature
from recsys_assets.resources.digests.subscriptions import (
    is_address,
    read_list,
    resubscribe,
    set_apart,
    states,
    subscribe,
    subscribed,
    unsubscribe,
)
from recsys_assets.resources.storage import Storage
from recsys_assets_tests.resources.alert_servers import HOST, Mailbox, free_port

KEY = "s1gning-K3y"
SENDER = "movies@example.org"


def address(user: int) -> str:
    return f"user{user}@example.org"


def publish(home: Home, users: int = 3, first_item: int = 1) -> None:
    rows = [
        {"user": user, "rank": rank, "item": first_item + rank, "score": 1.0, "model": "m"}
        | {"reason": "because you rated <b>Heat</b>", "reason_item": 1, "model_version": 1}
        for user in range(1, users + 1)
        for rank in (1, 2)
    ]
    home.lake.write_frame(pl.DataFrame(rows, polars_schema(TopK)), TOP_K)
    movies = [
        {"item": first_item + 1, "title": "Heat & <Dust> (1983)", "year": 1983},
        {"item": first_item + 2, "title": "Postman, The", "year": None},
    ]
    types = {"item": pl.Int32, "title": pl.String, "year": pl.Int32}
    home.lake.write_frame(pl.DataFrame(movies, types), "movie_features")
    subscribe(home.lake, [(user, address(user)) for user in range(1, users + 1)])


def mailer(home: Home, port: int) -> Digests:
    server = MailServer(host=HOST, port=port, security="plain", sender=SENDER, timeout_seconds=3)
    return Digests(
        home=str(home.root),
        server=server,
        public_url="https://movies.example.org/",
        signing_key=KEY,
    )


def deliver(home: Home, sender: Digests, **config: Any) -> dict[str, Any]:
    """Materialize the asset; its metadata."""
    result = dg.materialize(
        [digests],
        resources={"storage": Storage(home=str(home.root)), "mailer": sender},
        run_config={"ops": {"digests": {"config": config}}},
    )
    (made,) = result.asset_materializations_for_node("digests")
    return {name: entry.value for name, entry in made.metadata.items()}


def received(mailbox: Mailbox) -> list[str]:
    return sorted(to for envelope in mailbox.envelopes for to in envelope.rcpt_tos)


class TestSending:
    def test_each_subscriber_gets_titles_years_reasons_and_a_way_out(
        self, home: Home, mailbox: Mailbox
    ) -> None:
        publish(home)
        said = deliver(home, mailer(home, mailbox.port))
        assert (said["sent"], said["had it already"]) == (3, 0)
        assert received(mailbox) == [address(1), address(2), address(3)]
        mail, body = mailbox.mails[0], mailbox.bodies()[0]
        assert mail["Subject"] == "2 movies for you"
        assert "1. Heat & <Dust> (1983)\n   because you rated <b>Heat</b>\n" in body
        assert "2. The Postman\n" in body
        link = f"https://movies.example.org/unsubscribe?user=1&signature={signature(1, KEY)}"
        assert f"Unsubscribe: {link}\n" in body
        assert mail["List-Unsubscribe"] == f"<{link}>"
        html = mail.get_body(("html",))
        assert html is not None
        page = html.get_content()
        assert "Heat &amp; &lt;Dust&gt;" in page
        assert "<b>Heat</b>" not in page

    @pytest.mark.parametrize("years", ["2006–2007", "2006-2007", "2006–", "2006"])
    def test_a_year_that_the_title_tells_stands_once(self, home: Home, years: str) -> None:
        publish(home, users=1)
        series = {"item": 2, "title": f"Death Note ({years})", "year": 2006}
        types = {"item": pl.Int32, "title": pl.String, "year": pl.Int32}
        home.lake.write_frame(pl.DataFrame([series], types), "movie_features")
        (digest,) = digests_of(home.lake, Digests(home=str(home.root)))
        assert "1. Death Note (2006)\n" in digest.text()

    def test_the_same_publication_is_never_sent_twice(self, home: Home, mailbox: Mailbox) -> None:
        publish(home)
        sender = mailer(home, mailbox.port)
        deliver(home, sender)
        said = deliver(home, sender, min_hours=0)
        assert (said["sent"], said["had it already"]) == (0, 3)
        publish(home)  # the same lists once more: another version, the same publication
        deliver(home, sender, min_hours=0)
        assert len(mailbox.mails) == 3

    def test_only_those_whose_own_list_has_changed_get_a_mail(
        self, home: Home, mailbox: Mailbox
    ) -> None:
        publish(home)
        sender = mailer(home, mailbox.port)
        deliver(home, sender)
        lists = home.lake.scan(TOP_K).collect()
        turned = pl.when(user=2).then(3 - pl.col("rank")).otherwise("rank")
        home.lake.write_frame(lists.with_columns(rank=turned.cast(lists.schema["rank"])), TOP_K)
        said = deliver(home, sender, min_hours=0)
        assert (said["sent"], said["had it already"]) == (1, 2)
        assert received(mailbox) == [address(1), address(2), address(2), address(3)]

    def test_a_run_repeated_with_other_lists_waits_for_the_next_day(
        self, home: Home, mailbox: Mailbox
    ) -> None:
        publish(home)
        sender = mailer(home, mailbox.port)
        deliver(home, sender)
        publish(home, first_item=5)
        assert deliver(home, sender)["sent"] == 0
        assert deliver(home, sender, min_hours=0)["sent"] == 3

    def test_a_dry_run_renders_and_sends_nothing(self, home: Home, mailbox: Mailbox) -> None:
        publish(home)
        said = deliver(home, mailer(home, mailbox.port), dry_run=True)
        assert said["sent"] == 0
        assert "Heat &amp; &lt;Dust&gt;" in Path(said["page 1"]).read_text(encoding="utf-8")
        assert mailbox.mails == []
        assert deliver(home, mailer(home, mailbox.port))["sent"] == 3

    def test_without_an_address_for_the_way_out_nothing_is_sent(
        self, home: Home, mailbox: Mailbox
    ) -> None:
        publish(home)
        known = {
            "RECSYS_SMTP_HOST": HOST,
            "RECSYS_SMTP_PORT": str(mailbox.port),
            "RECSYS_SMTP_SECURITY": "plain",
            "RECSYS_DIGEST_SENDER": SENDER,
        }
        sender = Digests(**digest_settings(known, home) | {"signing_key": KEY})
        assert deliver(home, sender)["sent"] == 0
        assert mailbox.mails == []
        known["RECSYS_PUBLIC_URL"] = "https://movies.example.org"
        sender = Digests(**digest_settings(known, home) | {"signing_key": KEY})
        assert deliver(home, sender)["sent"] == 3

    def test_without_a_mail_server_nothing_is_claimed(self, home: Home, mailbox: Mailbox) -> None:
        publish(home)
        assert deliver(home, Digests(home=str(home.root)))["sent"] == 0
        assert deliver(home, mailer(home, mailbox.port))["sent"] == 3

    def test_an_address_that_bounces_is_set_apart_and_the_others_get_theirs(
        self, home: Home, mailbox: Mailbox
    ) -> None:
        publish(home)
        mailbox.refused_recipients = {address(2)}
        said = deliver(home, mailer(home, mailbox.port))
        assert (said["sent"], said["addresses set apart"]) == (2, 1)
        state = states(home.lake).filter(user=2).row(0, named=True)
        assert state["state"] == "bounced"
        assert "550 no such mailbox" in state["reason"]
        publish(home, first_item=5)
        assert (
            deliver(home, mailer(home, mailbox.port), min_hours=0)["subscribers with a list"] == 2
        )

    def test_a_server_that_is_down_keeps_every_mail_for_the_next_run(
        self, home: Home, mailbox: Mailbox
    ) -> None:
        publish(home)
        with pytest.raises(MailingError, match="0 digests sent"):
            deliver(home, mailer(home, free_port()))
        assert deliver(home, mailer(home, mailbox.port))["sent"] == 3

    def test_a_server_that_refuses_for_now_gets_them_later(
        self, home: Home, mailbox: Mailbox
    ) -> None:
        publish(home)
        mailbox.refuse_with = "451 try again later"
        assert deliver(home, mailer(home, mailbox.port))["refused for now"] == 3
        mailbox.refuse_with = None
        assert deliver(home, mailer(home, mailbox.port))["sent"] == 3

    @pytest.mark.parametrize("answer", ["554 5.7.1 Relay access denied", "550 relay not permitted"])
    def test_a_server_that_relays_nothing_for_us_costs_nobody_the_subscription(
        self, home: Home, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, answer: str
    ) -> None:
        """Every address was set apart, which no list undoes, by a run that ended well."""

        async def refused(*_: object) -> str:
            return answer

        publish(home)
        takes = Mailbox.handle_RCPT
        monkeypatch.setattr(Mailbox, "handle_RCPT", refused)
        with pytest.raises(MailingError, match=answer):
            deliver(home, mailer(home, mailbox.port))
        monkeypatch.setattr(Mailbox, "handle_RCPT", takes)
        assert subscribed(home.lake).height == 3
        assert deliver(home, mailer(home, mailbox.port))["sent"] == 3

    def test_a_server_that_refuses_our_sender_for_good_fails_the_run(
        self, home: Home, mailbox: Mailbox
    ) -> None:
        publish(home)
        mailbox.refuse_with = "550 5.7.60 you may not send as this sender"
        with pytest.raises(MailingError, match=r"no digest: 550 5\.7\.60 you may not"):
            deliver(home, mailer(home, mailbox.port))
        mailbox.refuse_with = None
        assert deliver(home, mailer(home, mailbox.port))["sent"] == 3

    @pytest.mark.parametrize("after", [0, 1, 2])
    def test_killed_in_the_middle_nobody_gets_two(
        self, home: Home, mailbox: Mailbox, after: int
    ) -> None:
        publish(home, users=4)
        code = (
            "import sys; from recsys_assets_tests.resources.test_digests import *\n"
            "home = Home(root=Path(sys.argv[1]))\n"
            "deliver(home, mailer(home, int(sys.argv[2])))\n"
        )
        mailbox.delay = 0.5
        command = [sys.executable, "-c", code, str(home.root), str(mailbox.port)]
        with subprocess.Popen(command, env=os.environ, stderr=subprocess.DEVNULL) as process:
            end = time.monotonic() + 60
            while len(mailbox.mails) < after + 1 and time.monotonic() < end:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
        mailbox.delay = 0.0
        time.sleep(0.7)  # what was on its way arrives
        said = deliver(home, mailer(home, mailbox.port))
        got = received(mailbox)
        assert len(got) == len(set(got)), "nobody gets two"
        assert len(got) >= 3, "at most the mail that was under way is missing"
        assert len(got) + said["unknown, not sent again"] >= 4


class TestSubscriptions:
    def test_who_unsubscribed_is_not_added_again_by_a_list(self, home: Home) -> None:
        assert subscribe(home.lake, [(1, address(1)), (2, address(2))]) == 2
        assert unsubscribe(home.lake, 1)
        assert not unsubscribe(home.lake, 1)
        assert subscribe(home.lake, [(1, address(1)), (2, address(2))]) == 0
        assert subscribed(home.lake)["user"].to_list() == [2]
        set_apart(home.lake, [(1, address(1), "came back later")])
        assert subscribe(home.lake, [(1, "other@example.org")]) == 0
        resubscribe(home.lake, 1, "new@example.org")
        assert subscribed(home.lake)["address"].to_list() == ["new@example.org", address(2)]

    def test_a_clock_that_was_set_back_loses_no_unsubscription(
        self, home: Home, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ahead = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
        with monkeypatch.context() as changed:
            changed.setattr(subscriptions, "_now", lambda: ahead)
            subscribe(home.lake, [(1, address(1)), (2, "old@example.org"), (2, address(2))])
        assert unsubscribe(home.lake, 1)
        assert subscribed(home.lake).rows() == [(2, address(2))]

    def test_a_list_with_bad_rows_names_them(self, tmp_path: Path) -> None:
        path = tmp_path / "people.csv"
        rows = ["user,address", "1,a@x.org", "x,b@x.org", '3,"c@x.org\nBcc: t@x.org"', "4", "5,no"]
        path.write_text("\n".join(rows), encoding="utf-8")
        people, refused = read_list(path)
        assert people == [(1, "a@x.org")]
        assert [row.line for row in refused] == [3, 4, 5, 6, 7]

    def test_a_quote_left_open_takes_in_no_other_subscriber(self, tmp_path: Path) -> None:
        path = tmp_path / "people.csv"
        rows = ['"1","a@x.org"', '2,"b@x.org', "3,c@x.org", "9" * 5_000 + ",d@x.org"]
        path.write_text("\r\n".join(rows), encoding="utf-8")
        people, refused = read_list(path)
        assert people == [(1, "a@x.org"), (3, "c@x.org")]
        assert [(row.line, row.text[:9]) for row in refused] == [(2, '2,"b@x.or'), (4, "9" * 9)]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "a",
            "a@",
            "@b",
            "a@b\nBcc: c@d",
            "a@b c",
            "a..b@c.d",
            "a@b@c",
            "<a@b>",
            "a@-b",
            "é@x",
        ],
    )
    def test_what_is_no_address(self, text: str) -> None:
        assert not is_address(text)
        assert is_address("o'neil+tag@mail.example.org")

    def test_a_link_unsubscribes_one_user_only(self) -> None:
        assert is_signed(7, signature(7, KEY), KEY)
        assert not is_signed(8, signature(7, KEY), KEY)
        assert not is_signed(7, signature(7, "other"), KEY)
        assert not is_signed(7, "ü" * 32, KEY)


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 900)])
def test_the_mail_fits_phone_and_desktop(tmp_path: Path, width: int, height: int) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium here: `make test` installs it where it may")
    from playwright.sync_api import sync_playwright

    movies = [
        Movie(title=f"A rather long title of a film, part {n}", year=1990 + n, reason="x" * 90)
        for n in range(10)
    ]
    digest = Digest(
        publication="p", user=1, address="a@x.org", movies=movies, unsubscribe="http://u"
    )
    page_file = tmp_path / "mail.html"
    page_file.write_text(digest.html(), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(page_file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.get_by_text("10. A rather long title").is_visible()
        box = page.locator("h1").bounding_box()
        column = page.locator("h1").locator("xpath=ancestor::table[1]").bounding_box()
        assert box is not None and column is not None
        assert column["width"] == pytest.approx(min(560, width - 24), abs=1)
        assert abs((column["x"] + column["width"] / 2) - width / 2) <= 8, "it is centred"
        size = page.evaluate("parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)")
        assert size >= 20
        page.screenshot(path=str(tmp_path / "mail.png"), full_page=True)
        browser.close()
    assert max(len(line) for line in digest.text().splitlines()) < 120
