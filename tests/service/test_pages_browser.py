"""Pages in a browser: each flow by keyboard alone, at a desk and on a phone, without a word from the content security policy."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from gallery_people import embeddings, walks
from service_browsed import MARKUP, Served, hard_to_tell, sequences, served

from gaitbridge.service.pages.rendering import PAGES

CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), "")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
if not CHROMIUM:
    pytest.skip("no chromium here: apt-get install chromium", allow_module_level=True)

FROM_PLOTLY = "sha256-ji27qzEtxXZW"  # the style of its maps, which nothing here needs: the policy holds it back, and says so
GONE = "Nobody's \"Friend\" </script>"
PATIENCE_MS = 60_000  # of a machine that does much else


class Visitor:
    """Somebody with a browser. said: what the browser complained of."""

    def __init__(self, browser: Any, service: Served, **how: Any) -> None:
        self.service, self.said = service, list[str]()
        self.page = browser.new_context(**{"viewport": {"width": 1200, "height": 900}} | how).new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("response", lambda one: self.said.append(f"{one.status} {one.request.method} {one.url}") if one.status >= 400 else None)
        self.page.on("console", lambda message: self.said.append(message.text) if message.type in ("error", "warning") else None)

    def sign_in(self, then: str = "/recordings") -> "Visitor":
        self.go(then)
        self.page.keyboard.insert_text(self.service.key)  # the field has the keyboard
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector("nav")
        return self

    def go(self, path: str) -> Any:
        """Go to a page."""
        self.page.goto(self.service.address + path)
        return self.page

    def press(self, selector: str) -> None:
        """Reach a button by the keyboard alone, and press it."""
        self.tab_to(selector)
        self.page.keyboard.press("Enter")

    def tab_to(self, selector: str, most: int = 60) -> None:
        """Reach something by the keyboard alone."""
        for _ in range(most):
            if self.page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{selector} is not reached by the keyboard; it has {self.page.evaluate('document.activeElement.outerHTML')[:200]}")

    def told(self) -> str:
        """What the page said of the last change."""
        self.page.wait_for_selector("#said > div")
        return str(self.page.inner_text("#said"))

    def close(self) -> None:
        self.page.context.close()
        assert [one for one in self.said if FROM_PLOTLY not in one] == []


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Served]]:
    """A browser and a service."""
    with served(tmp_path_factory.mktemp("browsed")) as service, sync_api.sync_playwright() as playwright:
        service.state.gallery.enrol(embeddings([MARKUP]), walks([MARKUP], tag="m"))
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser, service
        browser.close()


@pytest.fixture
def visitor(running: tuple[Any, Served]) -> Iterator[Visitor]:
    made = Visitor(*running)
    yield made
    made.close()


def test_a_recording_is_sent_watched_and_decided_by_keyboard(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.sign_in().page
    visitor.service.who[:] = ["ben"]
    (tmp_path / "walks.npz").write_bytes(sequences())
    visitor.tab_to("#files")
    page.set_input_files("#files", tmp_path / "walks.npz")  # a dialog of the system, by keyboard as well
    visitor.press("#upload button")
    page.wait_for_url("**/recordings/*")
    page.wait_for_selector("article.walk")  # the progress ended, and the page came anew by itself
    assert sorted(page.locator(".decision").all_inner_texts()) == ["Nobody enrolled", "Not good enough", "ben"]
    picture = page.locator(".moving img").first
    picture.scroll_into_view_if_needed()
    assert picture.evaluate("one => one.decode().then(() => one.naturalWidth / one.naturalHeight)") == 16
    visitor.press("#still")
    assert picture.evaluate("one => getComputedStyle(one).animationPlayState") == "paused"
    visitor.tab_to("article.walk input[value=ben]")
    page.keyboard.press("Enter")
    assert "Enrolled as ben." in visitor.told()
    assert page.evaluate("document.activeElement.tagName") == "ARTICLE"  # where one was
    assert page.locator(".badge:text-is('Enrolled as ben')").count() == 1
    visitor.service.who[:] = ["ben"]
    visitor.go(f"/recordings/{visitor.service.sent(sequences(1, noise=False, first=5))}")
    assert page.locator(".nearest li.chosen .moving img").count() == 1  # beside the walk that was enrolled


def test_somebody_unknown_is_named_and_put_right(visitor: Visitor) -> None:
    visitor.service.who[:] = []
    visitor.service.sent(sequences(1, noise=False, first=10))
    page = visitor.sign_in("/unknown").page
    visitor.tab_to("section.card input")
    page.keyboard.type("Nora")
    page.keyboard.press("Enter")
    assert "Enrolled as Nora." in visitor.told()
    visitor.go("/people?search=NOR")
    visitor.press("td a")
    page.wait_for_selector("h1:text-is('Nora')")
    assert page.locator(".moving img").count() >= 1
    visitor.press("[data-opens=rename]")
    page.keyboard.press("Control+a")
    page.keyboard.type("N/ora")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:text-is('N/ora')")
    visitor.told()
    visitor.press("#said button")  # undo
    page.wait_for_selector("h1:text-is('Nora')")
    visitor.press("[data-opens=merge]")
    page.keyboard.type("cleo")
    page.keyboard.press("Enter")
    page.wait_for_selector("p:has-text('also enrolled as cleo')")
    visitor.press("form[data-call^='POST /v1/undo'] button")
    page.wait_for_selector("p:has-text('template'):not(:has-text('also enrolled as'))")


def test_who_is_forgotten_is_told_what_goes_and_is_gone(visitor: Visitor) -> None:
    service = visitor.service
    service.who[:] = []
    job = service.sent(sequences(1, noise=False, first=15))
    (track,) = service.ask("GET", f"/v1/jobs/{job}")["tracks"]
    name = quote(GONE, safe="")
    service.ask("POST", f"/v1/people/{name}/templates", json.dumps({"job": job, "track": track["id"]}).encode())
    page = visitor.sign_in(f"/people/{name}").page
    visitor.press("[data-opens=forget]")
    assert page.locator("#forget li").all_inner_texts()[:2] == ["1 template", "1 walker of recordings, with pictures and answers"]
    assert page.evaluate("document.activeElement.textContent") == "Keep"  # what does no harm has the keyboard
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert f"{GONE} is forgotten." in visitor.told()
    assert page.locator(f"td a:text-is({json.dumps(GONE)})").count() == 0
    visitor.said.clear()
    assert visitor.go(f"/recordings/{job}").inner_text("h1") == "Not there"
    assert all("404" in one for one in visitor.said)
    visitor.said.clear()


def test_walks_come_live_unless_held(visitor: Visitor) -> None:
    page = visitor.sign_in("/live").page
    page.wait_for_selector("#state:text-is('connected')")
    before = page.locator("#events > li").count()
    visitor.service.who[:] = ["cleo"]
    visitor.service.sent(sequences(1, noise=False, first=20))
    page.wait_for_function("before => document.querySelectorAll('#events > li').length === before + 1", arg=before)
    assert page.locator("#events > li.new strong").inner_text() == "cleo"
    visitor.press("#pause")
    visitor.service.sent(sequences(1, noise=False, first=25))
    page.wait_for_selector("#state:text-is('paused, 1 waiting')")
    assert page.locator("#events > li").count() == before + 1
    page.keyboard.press("Enter")
    page.wait_for_function("before => document.querySelectorAll('#events > li').length === before + 2", arg=before)


def test_a_wrong_key_is_said_beside_it(running: tuple[Any, Served]) -> None:
    visitor = Visitor(*running)
    page = visitor.go("/audit")
    page.keyboard.insert_text("gbk_00000000_" + "x" * 43)
    page.keyboard.press("Enter")
    page.wait_for_selector("#problem:not([hidden])")
    assert "no key" in page.inner_text("#problem")
    assert page.evaluate("document.activeElement.id") == "key"
    visitor.said = [one for one in visitor.said if "401" not in one]  # the browser's own lines about the answer
    page.keyboard.insert_text(visitor.service.key)  # over what is marked
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('Audit')")
    visitor.press("#sign-out button")
    page.wait_for_selector("#key")
    visitor.go("/people").wait_for_selector("#key")
    visitor.close()


def test_a_key_is_made_shown_once_and_revoked(visitor: Visitor) -> None:
    page = visitor.sign_in("/access").page
    visitor.tab_to("#name")
    page.keyboard.type("gate <i>north")
    visitor.press("#new-key button")
    page.wait_for_selector("#made[open]")
    assert page.inner_text("#made-key").startswith("gbk_")
    visitor.press("#made-done")
    page.wait_for_selector("strong:text-is('gate <i>north')")
    assert "gbk_" not in page.content()
    visitor.press("button[data-opens^=revoke]")
    assert page.evaluate("document.activeElement.textContent") == "Keep it"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert "is revoked" in visitor.told()
    assert page.locator("strong:text-is('gate <i>north')").count() == 0


def test_the_trade_off_is_drawn_in_the_colours_of_the_page(visitor: Visitor) -> None:
    hard_to_tell(visitor.service.state)
    page = visitor.sign_in("/thresholds").page
    page.wait_for_selector("#plot .scatterlayer path.js-line")
    assert page.locator("#plot .scatterlayer path.js-line").count() == 4
    light = page.eval_on_selector("#plot .xtick text", "one => getComputedStyle(one).fill")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("before => getComputedStyle(document.querySelector('#plot .xtick text')).fill !== before", arg=light)
    assert page.locator("#plot .main-svg").first.bounding_box()["width"] > 600


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone_and_can_be_read(running: tuple[Any, Served], scheme: str) -> None:
    visitor = Visitor(*running, viewport={"width": 360, "height": 740}, color_scheme=scheme, has_touch=True, reduced_motion="reduce").sign_in()
    for address, name in [*PAGES, (f"/people/{quote(MARKUP, safe='')}", MARKUP)]:
        page = visitor.go(address)
        assert page.inner_text("h1") == name
        assert page.inner_text("nav [aria-current=page]") == dict(PAGES)[f"/{address.split('/')[1]}"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, f"{address} is wider than the phone"
        assert page.evaluate(CONTRAST) == [], address
        assert page.evaluate("document.getAnimations().length") == 0
    visitor.close()


def test_pages_are_read_without_javascript(running: tuple[Any, Served]) -> None:
    visitor = Visitor(*running, java_script_enabled=False)
    page = visitor.go("/thresholds")
    page.fill("#key", visitor.service.key)
    page.click("main button")
    page.wait_for_selector("h1:has-text('Thresholds')")
    assert page.locator("table").count() >= 1
    for address, name in [*PAGES, ("/people/ben", "ben")]:
        page = visitor.go(address)
        assert page.inner_text("h1") == name
        assert page.locator("button:visible:not(form[method=get] button)").count() == 0, f"{address}: a button that does nothing"
    visitor.close()


# Text whose contrast with what is behind it is below 4.5 (WCAG 1.4.3), as far as that is one colour.
CONTRAST = """() => {
  const parts = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = (colour) => parts(colour).slice(0, 3).map((one) => one / 255)
    .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if ((parts(colour)[3] ?? 1) > 0.9) return colour;
    }
    return getComputedStyle(document.body).backgroundColor;
  };
  const poor = [];
  for (const one of document.querySelectorAll("body *")) {
    const text = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!text || one.closest("svg, noscript, .skip, .seen-by-readers, :disabled") || !one.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(one).color), light(behind(one))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) poor.push(`${one.tagName}.${one.className}: ${one.textContent.trim().slice(0, 40)} ${contrast.toFixed(2)}`);
  }
  return poor;
}"""
