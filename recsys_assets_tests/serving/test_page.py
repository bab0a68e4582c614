"""The page in a real browser: known, unknown and new users, similar films, a service down."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from recsys_assets.serving.pointer import Pointer, point_to
from recsys_assets.serving.settings import ServiceSettings
from recsys_assets_tests.serving.conftest import Platform
from recsys_assets_tests.serving.issuer import AUDIENCE, ISSUER, issuing
from recsys_assets_tests.serving.running import Running, running

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
PICTURES = os.environ.get("RECSYS_TEST_PICTURES")
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1000, "height": 900}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=30_000)  # the machine may be busy with other tests
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def service(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = tmp_path_factory.mktemp("page") / "bundles"
    shutil.copytree(platform.home.bundles, root)
    point_to(root, Pointer(champion=platform.old, canary=platform.new, canary_share=0.5))
    with running(bundles=root, feedback=root / "feedback", workers=1) as service:
        service.wait()
        yield service


@pytest.fixture
def page(browser: Browser, service: Running) -> Iterator[Page]:
    page = browser.new_page(viewport=DESK)  # type: ignore[arg-type]
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    page.goto(service.url)
    yield page
    expected = ("Failed to load resource",)
    assert not [fault for fault in faults if not fault.startswith(expected)]
    page.close()


def picture(page: Page, name: str) -> None:
    """What a person would see, on a desk and on a phone; only where a folder is named for it."""
    usual = page.viewport_size
    for place, size in (("desk", DESK), ("phone", PHONE)) if PICTURES else ():
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.screenshot(path=str(Path(PICTURES or "") / f"{name}_{place}.png"), full_page=True)
    if PICTURES and usual:
        page.set_viewport_size(usual)


def films(page: Page, inside: str) -> list[str]:
    return page.locator(f"{inside} .film").all_inner_texts()


def test_a_known_user_is_shown_their_list(page: Page, service: Running) -> None:
    expect(page.get_by_role("heading", name="For user 1")).to_be_visible()
    answer = service.client.get("/users/1/recommendations").json()["recommendations"]
    assert films(page, "#lists") == [row["title"] for row in answer]
    expect(page.locator("#lists .why").first).to_have_text(answer[0]["reason"])
    expect(page.locator("#lists .facts").first).to_contain_text(str(answer[0]["year"] or "·"))
    page.get_by_label("Genre").select_option("War")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#lists .facts").first).to_contain_text("War")
    picture(page, "known_user")
    page.get_by_label("From year").fill("2999")
    page.get_by_role("button", name="Show").click()
    # The catalogue may hold such films: only the stored list was looked through.
    expect(page.locator("#lists")).to_contain_text("No film of this list passes the filters.")


def test_an_unknown_user_is_told_that_the_list_is_everybodys(page: Page) -> None:
    page.get_by_label("User id").fill("424242")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".fallback")).to_contain_text("popular with everybody")
    assert len(films(page, "#lists")) == 10
    picture(page, "unknown_user")
    page.get_by_label("Genre").select_option("War")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".fallback")).to_contain_text("this is what is popular in the genre War.")


def test_two_versions_stand_side_by_side(page: Page, platform: Platform) -> None:
    page.get_by_label("Compare champion and canary").check()
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="User 1, canary")).to_be_visible()
    expect(page.locator("#lists .list")).to_have_count(2)
    expect(page.locator("#lists .list").nth(0)).to_contain_text(platform.old)
    expect(page.locator("#lists .list").nth(1)).to_contain_text(platform.new)
    picture(page, "two_versions")


def test_a_share_of_less_than_a_percent_is_shown(browser: Browser, service: Running) -> None:
    page = browser.new_page()
    about = service.client.get("/version").json() | {"canary_share": 0.005}
    page.route("**/version", lambda route: route.fulfill(json=about))
    page.goto(service.url)
    expect(page.locator("#about")).to_contain_text("; 0.5 % of the users see")
    page.close()


def test_what_is_asked_for_while_the_page_still_loads_is_shown(
    browser: Browser, service: Running
) -> None:
    held: dict[str, Route] = {}
    page = browser.new_page()
    page.route("**/version", lambda route: held.update(version=route))
    page.route(f"{service.url}/recommendations", lambda route: held.update(new=route))
    page.goto(service.url)
    with page.expect_request(f"{service.url}/recommendations"):
        page.get_by_role("button", name="Somebody new").click()
    held["version"].continue_()
    expect(page.locator("#lists .film").first).to_be_attached()
    held["new"].continue_()
    expect(page.locator("#new-list .fallback")).to_be_visible()
    expect(page.locator("#status")).to_have_text("Done.")
    page.close()


def test_somebody_new_rates_five_films_and_sees_the_list_change(page: Page) -> None:
    page.get_by_role("button", name="Somebody new").click()
    expect(page.locator("#new-list .fallback")).to_be_visible()
    seen = [films(page, "#new-list")]
    for number in range(5):
        page.locator("#films select").nth(number * 2).select_option("5" if number % 2 else "1")
        expect(page.locator("#rated")).to_contain_text(f"{number + 1} film")
        expect(page.locator("#status")).to_have_text("Done.")
        seen.append(films(page, "#new-list"))
    assert len({tuple(titles) for titles in seen}) == 6
    expect(page.locator("#new-list .why").first).to_contain_text("because you rated Story")
    page.get_by_label("Find films by title").fill("story 41")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("#films li")).to_have_count(1)
    expect(page.locator("#rated")).to_contain_text("Story 0")
    picture(page, "new_user")


def test_similar_films_are_one_press_away_by_keyboard_alone(page: Page) -> None:
    expect(page.get_by_role("heading", name="For user 1")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    for _ in range(20):
        page.keyboard.press("Tab")
        if "Similar films" in (page.locator(":focus").get_attribute("aria-label") or ""):
            break
    page.keyboard.press("Enter")
    expect(page.locator("#similar-title")).to_contain_text("Similar to Story")
    expect(page.locator("#similar")).to_be_focused()
    assert len(films(page, "#similar")) == 8
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")  # whoever left the list comes back to read on in it
    expect(page.locator("#similar")).to_be_focused()
    picture(page, "similar")


def test_similar_films_that_come_late_do_not_break_into_another_view(page: Page) -> None:
    held: list[Route] = []
    page.route("**/similar?*", lambda route: held.append(route))
    with page.expect_request("**/similar?*"):
        page.locator("#lists button").first.click()
    page.get_by_role("button", name="Somebody new").click()
    page.get_by_label("Find films by title").focus()
    with page.expect_response("**/similar?*"):
        held[0].continue_()
    expect(page.locator("#status")).to_have_text("Done.")
    expect(page.locator("#similar")).to_be_hidden()
    expect(page.get_by_label("Find films by title")).to_be_focused()


def test_a_service_that_is_down_is_named_in_plain_words(
    browser: Browser, settings: ServiceSettings
) -> None:
    with running(**settings.model_dump(exclude={"port"})) as service:
        service.wait()
        page = browser.new_page()
        page.goto(service.url)
        expect(page.get_by_role("heading", name="For user 1")).to_be_visible()
        service.stop()
        expect(page.get_by_label("Compare champion and canary")).to_be_hidden()  # there is none
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
        picture(page, "service_down")
        page.close()


def test_a_guarded_service_asks_for_a_token(browser: Browser, settings: ServiceSettings) -> None:
    with issuing() as issuer:
        auth = {"issuers": [ISSUER], "audiences": [AUDIENCE], "jwks_url": issuer.url}
        with running(**settings.model_dump(exclude={"port"}) | {"auth": auth}) as service:
            service.wait()
            page = browser.new_page()
            page.goto(service.url)
            of_no_use = {
                issuer.token(roles=["other"]): "none of the roles",
                "ey…": "JSON web token",
            }
            for token, why in of_no_use.items():
                page.get_by_label("Bearer token").fill(token)
                page.get_by_role("button", name="Use it").click()
                expect(page.get_by_role("alert")).to_contain_text(why)
                page.reload()
                expect(page.get_by_role("alert")).to_contain_text(why)
            page.get_by_label("Bearer token").fill(issuer.token())
            page.get_by_role("button", name="Use it").click()
            expect(page.get_by_role("heading", name="For user 1")).to_be_visible()
            expect(page.locator("#sign-in")).to_be_hidden()
            page.close()


def test_a_phone_needs_no_sideways_scrolling(page: Page) -> None:
    page.set_viewport_size(PHONE)
    page.get_by_label("Compare champion and canary").check()
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#lists .list")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for box in page.locator("button:visible").all():
        size = box.bounding_box()
        assert size is not None and size["height"] >= 44
    picture(page, "phone")


def test_every_control_has_a_name_and_text_stands_out(page: Page) -> None:
    page.get_by_role("button", name="Somebody new").click()
    expect(page.locator("#films select").first).to_be_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        faint = page.evaluate(CONTRAST)
        assert not faint, (scheme, faint)
    nameless = page.evaluate(
        "[...document.querySelectorAll('input, select, button')].filter(e =>"
        " !(e.labels && e.labels.length) && !e.getAttribute('aria-label') && !e.textContent.trim()"
        ").map(e => e.outerHTML)"
    )
    assert not nameless
    # Who speaks to the page says what they see on a button.
    page.get_by_role("button", name="A known user").click()
    for button in page.locator("button:visible").all():
        seen = button.inner_text()
        assert seen in (button.get_attribute("aria-label") or seen)
    assert page.locator("html").get_attribute("lang") == "en"


CONTRAST = """() => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('body *')].filter((e) => e.checkVisibility()
      && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
    .map((e) => {
      const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort();
      return [(b + 0.05) / (a + 0.05), e.textContent.trim().slice(0, 40)];
    }).filter(([ratio]) => ratio < 4.5);
}"""
