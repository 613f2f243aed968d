"""A test client whose `page()` checks what every page must be."""

import re
from collections import Counter
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
from flask.testing import FlaskClient
from werkzeug.test import TestResponse


class Page:
    """A parsed page with short ways to ask about it."""

    def __init__(self, response: TestResponse) -> None:
        self.response = response
        self.html = response.get_data(as_text=True)
        parser = html5lib.HTMLParser(namespaceHTMLElements=False)
        self.root: Element = parser.parse(self.html)
        self.parse_errors = [code for _, code, _ in parser.errors]

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def text(self) -> str:
        """All visible text, white space folded."""
        body = self.root.find("body")
        assert body is not None
        return fold(" ".join(visible_text(body)))

    @property
    def h1(self) -> str:
        headings = self.all("h1")
        assert len(headings) == 1, f"{len(headings)} h1 elements"
        return fold("".join(headings[0].itertext()))

    @property
    def title(self) -> str:
        return fold("".join(self.one("title").itertext()))

    def all(self, tag: str, **attributes: str) -> list[Element]:
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            element
            for element in self.root.iter(tag)
            if all(element.get(name) == value for name, value in wanted.items())
        ]

    def one(self, tag: str, **attributes: str) -> Element:
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} <{tag} {attributes}>"
        return found[0]

    def links(self) -> list[str]:
        return [element.get("href", "") for element in self.all("a")]

    def fields(self, form_index: int = -1) -> dict[str, str]:
        """The names and values that a browser would send of one form (the last one by default: pages start with small ones)."""
        forms = [form for form in self.all("form") if "/language" not in form.get("action", "")]
        form = forms[form_index]
        values: dict[str, str] = {}
        for element in form.iter():
            name = element.get("name")
            if not name:
                continue
            kind = element.get("type", "text")
            if element.tag == "input" and (kind not in {"radio", "checkbox"} or "checked" in element.attrib):
                values[name] = element.get("value", "on" if kind == "checkbox" else "")
            elif element.tag == "textarea":
                values[name] = "".join(element.itertext())
            elif element.tag == "select":
                chosen = [option for option in element.iter("option") if "selected" in option.attrib]
                values[name] = chosen[0].get("value", "") if chosen else ""
        return values


def fold(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def visible_text(element: Element) -> list[str]:
    if element.tag in {"script", "style", "template"}:
        return [element.tail or ""]
    parts = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str):
            parts.extend(visible_text(child))
        else:
            parts.append(child.tail or "")
    parts.append(element.tail or "")
    return parts


class PortalClient(FlaskClient):
    """A browser without JavaScript."""

    def page(self, path: str, *, status: int = 200, method: str = "GET", **options: Any) -> Page:
        """Fetch a page (redirects followed) and check it: HTML5, ids, h1, title, labels, nonce, no-store."""
        options.setdefault("follow_redirects", True)
        response = self.open(path, method=method, **options)
        assert response.status_code == status, (
            f"{response.status_code}, not {status}: {response.get_data(as_text=True)[:600]}"
        )
        page = Page(response)
        check_page(page)
        return page

    def fragment(self, path: str, *, status: int = 200, method: str = "GET", **options: Any) -> Page:
        """Fetch as HTMX does."""
        headers = dict(options.pop("headers", {})) | {"HX-Request": "true"}
        response = self.open(path, method=method, headers=headers, **options)
        assert response.status_code == status, f"{response.status_code}, not {status}"
        assert "<html" not in response.get_data(as_text=True)
        return Page(response)


def check_page(page: Page) -> None:
    """What is true of every page of the portal."""
    assert not page.parse_errors, page.parse_errors
    ids = Counter(element.get("id") for element in page.root.iter() if element.get("id"))
    assert not [name for name, count in ids.items() if count > 1], ids.most_common(3)
    assert page.title.removeprefix("Error: ").removeprefix("Erro: ").startswith(page.h1), (page.title, page.h1)
    assert page.root.get("lang") in {"en", "pt-PT"}
    assert page.response.headers["Cache-Control"] == "no-store"
    policy = page.response.headers["Content-Security-Policy"]
    for element in [*page.all("script"), *page.all("style")]:
        assert f"'nonce-{element.get('nonce')}'" in policy, "inline code without the nonce"
    for element in page.root.iter():
        assert not [name for name in element.attrib if str(name).startswith("on")], "inline event handler"
        assert not element.get("style"), f"inline style on <{element.tag}>"
    labelled = {label.get("for") for label in page.all("label")}
    for field in [*page.all("input"), *page.all("select"), *page.all("textarea")]:
        if field.get("type") in {"hidden", "submit"}:
            continue
        assert field.get("id") in labelled or field.get("aria-label") or field.get("aria-labelledby"), field.attrib
    for form in page.all("form"):
        if [box for box in form.iter("input") if box.get("type") == "date"]:
            # Of a day that is none a date box sends nothing: an empty one would be taken for it.
            assert "novalidate" not in form.attrib, form.attrib
            assert not [box for box in form.iter() if "required" in box.attrib], form.attrib
        if form.get("method", "get").lower() == "post":
            assert [field for field in form.iter("input") if field.get("name") == "csrf_token"], form.attrib


def press(client: PortalClient, page: Page, path: str, status: int = 200, **form: str) -> Page:
    """Press a button of a page: its form has the token, what was looked at, and what is filled in."""
    sent = {name: value for name, value in page.fields().items() if name in {"csrf_token", "seen"}}
    return client.page(path, method="POST", status=status, data={**sent, **form})
