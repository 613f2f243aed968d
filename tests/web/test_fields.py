"""What is wrong in a form is said in the words of this house, beside a box in which what was typed still stands."""

import inspect
import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import flask_wtf
import pytest
import wtforms
from babel.messages.extract import extract_from_dir
from flask import Flask
from flask_babel import force_locale
from werkzeug.datastructures import MultiDict
from wtforms import Field, Form
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from clinic_portal.core.typed import is_blank, many_lines, one_line
from clinic_portal.front_desk.forms import OwnTimeForm
from clinic_portal.web import fields
from clinic_portal.web.fields import DayField, RadioField, SelectField, TimeField

#: What nobody should send. None: the box is not even there.
RUBBISH = [
    *(None, "", " ", "\u200b", "rubbish", "None", "-1", "0", "7", "1.5", "99999999", "9" * 5000, "x" * 301),
    *("31/2/2027", "24/12/26", "9999-12-31", "0001-01-01", "1999-12-31", "2026-12-24T10:00"),
    *("25:00", "24:00", "9:5", "7 pm", "\u0661\u0662:\u0660\u0660", "<b>", "100%", "%(value)s"),
]  # fmt: skip


def kinds_of_forms(of: type[Form] = Form) -> Iterator[type[Form]]:
    """Every form of the product."""
    for kind in of.__subclasses__():
        if kind.__module__.startswith("clinic_portal."):
            yield kind
        yield from kinds_of_forms(kind)


def stock_texts() -> list[str]:
    """What the form libraries say by themselves, out of their own source."""
    found: list[str] = []
    for library in (wtforms, flask_wtf):
        for _, _, texts, _, _ in extract_from_dir(
            Path(library.__file__).parent,
            method_map=[("**.py", "python")],
            keywords={"gettext": None, "ngettext": (1, 2)},
        ):
            found += [texts] if isinstance(texts, str) else texts
    return found


def as_pattern(text: str) -> str:
    """A text with its gaps open: "Number must be at least %(min)s."."""
    return ".*".join(re.escape(part) for part in re.split(r"%(?:\(\w+\))?[sd]", text))


STOCK = re.compile("|".join(as_pattern(text) for text in stock_texts()), re.DOTALL)


def filled(app: Flask, kind: type[Form], typed: str | None) -> tuple[Form, list[str]]:
    """The form as the product makes it, with the same in each of its boxes, and what it says of that."""
    with app.test_request_context("/", method="POST"):
        names = [name for field in made(kind, MultiDict()) for name in names_of(field)]
    answers = MultiDict({} if typed is None else dict.fromkeys(names, typed))
    with app.test_request_context("/", method="POST", data=answers), force_locale("en"):
        form = made(kind, answers)
        form.validate()
        # They get their words where they are asked for: here, in English.
        said = [str(text) for field in form for text in field.errors] + [str(text) for text in form.form_errors]
    return form, said


def made(kind: type[Form], answers: MultiDict[str, str]) -> Form:
    """A form with the choices that its page gives it."""
    if kind is OwnTimeForm:
        return OwnTimeForm(1, answers, [SelectChoice("a", "A")])
    known = {"today": date(2026, 11, 23), "language": "en"}
    form = kind(**{name: known[name] for name in inspect.signature(kind.__init__).parameters if name in known})
    for field in form:
        if isinstance(field, wtforms.SelectField) and not field.choices:
            field.choices = [SelectChoice(1 if field.coerce is int else "a", "A")]
    return form


def names_of(field: Field) -> Sequence[str]:
    """The names under which a field is sent: a birth date has three boxes."""
    return [f"{field.name}-{part}" for part in getattr(field, "parts", ())] or [field.name]


def is_box(field: Field) -> bool:
    """Whether one types into it, and sees what was typed."""
    kinds = (wtforms.StringField, wtforms.TextAreaField, wtforms.IntegerField)
    return isinstance(field, kinds) and not isinstance(field, (wtforms.PasswordField, wtforms.HiddenField))


def test_every_form_is_found(app: Flask) -> None:
    names = {kind.__name__ for kind in kinds_of_forms()}
    assert names >= {"AnywayForm", "OwnTimeForm", "SeriesForm", "RegisterForm", "ReminderPlanForm", "AbsenceForm"}
    written = set()
    for path in Path(app.root_path).rglob("forms*.py"):
        written |= set(re.findall(r"^class (\w+)\(\w*Form\):", path.read_text(), re.MULTILINE))
    assert written <= names
    assert len(written) > 30


def test_no_form_speaks_in_the_words_of_its_library(app: Flask) -> None:
    said = {
        (kind.__name__, typed and typed[:20], text)
        for kind in set(kinds_of_forms())
        for typed in RUBBISH
        for text in filled(app, kind, typed)[1]
    }
    assert len(said) > 100
    assert [one for one in said if STOCK.fullmatch(one[2])] == []


def test_every_box_keeps_what_was_typed(app: Flask) -> None:
    seen = set()
    for kind in set(kinds_of_forms()):
        for typed in (one for one in RUBBISH if not is_blank(one)):
            form, _ = filled(app, kind, typed)
            for field in filter(is_box, form):
                kept = many_lines(typed) if isinstance(field, wtforms.TextAreaField) else one_line(typed)
                assert field._value() == kept, (kind, field.name)
                seen.add((kind, field.name))
    assert len(seen) > 40


def test_the_words_of_the_library_would_be_noticed(app: Flask) -> None:
    class Stock(flask_wtf.FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
        """Fields with no words of ours."""

        day = wtforms.DateField()
        time = wtforms.TimeField()
        number = wtforms.IntegerField()
        choice = wtforms.SelectField()
        choices = wtforms.SelectMultipleField(choices=[SelectChoice("a", "A")])
        count = wtforms.SelectField(coerce=int)
        needed = wtforms.StringField(validators=[InputRequired()])
        short = wtforms.StringField(validators=[wtforms.validators.Length(max=3)])

    for typed, at_least in (("rubbish", 7), (None, 2), ("", 5)):
        noticed = [text for text in filled(app, Stock, typed)[1] if STOCK.fullmatch(text)]
        assert len(noticed) >= at_least, (typed, noticed)


class Sample(fields.Form):
    """One field of each kind."""

    day = DayField("Day", missing="Which day?", render_kw={"min": "2026-11-23"})
    perhaps = DayField("Day", missing=None)
    time = TimeField("Time", missing="When?")
    ends = TimeField("Ends", missing=None, last=1440)
    number = SelectField("Number", coerce=int, choices=[SelectChoice(1, "one")])
    radio = RadioField("Radio", "Say which", choices=[SelectChoice("a", "A")])
    optional = RadioField("Radio", "None of these", choices=[SelectChoice("a", "A")], may_be_empty=True)


@pytest.fixture
def sample(app: Flask) -> Iterator[type[Sample]]:
    """A form of each kind of field, while a page is asked for in English."""
    with app.test_request_context("/"), force_locale("en"):
        yield Sample


def sent(kind: type[Sample], **typed: str) -> Sample:
    form = kind(MultiDict(typed))
    form.validate()
    return form


@pytest.mark.parametrize(
    ("typed", "day", "words"),
    [
        ("2026-12-24", date(2026, 12, 24), []), ("24/12/2026", date(2026, 12, 24), []),
        (" 24.12.2026 ", date(2026, 12, 24), []), ("2000-01-01", date(2000, 1, 1), []),
        ("2100-12-31", date(2100, 12, 31), []), ("", None, ["Which day?"]), (" \u200b", None, ["Which day?"]),
        ("tomorrow", None, ["Write the day like 24/12/2026"]), ("31/2/2027", None, ["Write the day like 24/12/2026"]),
        ("24/12/26", None, ["Check the year of this day"]), ("9999-12-31", None, ["Check the year of this day"]),
        ("0001-01-01", None, ["Check the year of this day"]), ("1999-12-31", None, ["Check the year of this day"]),
    ],
)  # fmt: skip
def test_a_day(sample: type[Sample], typed: str, day: date | None, words: list[str]) -> None:
    form = sent(sample, day=typed, perhaps=typed)
    assert form.day.value == day
    assert form.day.errors == words
    assert form.perhaps.errors == ([] if words == ["Which day?"] else words)
    assert form.day.data == typed


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("", "date"), ("2026-12-24", "date"), ("24/12/2026", "text"), ("2026-02-30", "text"), ("tomorrow", "text"),
        ("2026-W01-1", "text"), ("99999-01-01", "text"),
    ],
)  # fmt: skip
def test_a_date_box_hides_nothing_that_was_typed(sample: type[Sample], typed: str, shown: str) -> None:
    box = str(sent(sample, day=typed).day())
    assert f'type="{shown}"' in box
    assert f'value="{typed}"' in box
    assert ("min=" in box) == (shown == "date")


@pytest.mark.parametrize(
    ("typed", "minute", "words"),
    [
        ("14:00", 840, []), ("14.00", 840, []), ("14h00", 840, []), ("9", 540, []), (" 0930 ", 570, []), ("23:59", 1439, []),
        ("", None, ["When?"]), ("24:00", None, ["Enter a time of day, for example 14:00"]),
        ("7 pm", None, ["Enter a time of day, for example 14:00"]),
    ],
)  # fmt: skip
def test_a_time_of_day(sample: type[Sample], typed: str, minute: int | None, words: list[str]) -> None:
    form = sent(sample, time=typed)
    assert form.time.value == minute
    assert form.time.errors == words
    assert form.time.data == typed
    assert 'type="text"' in str(form.time())


def test_some_times_may_be_the_end_of_the_day(sample: type[Sample]) -> None:
    assert sent(sample, ends="24:00").ends.value == 1440
    assert sent(sample, ends="24:01").ends.errors == ["Enter a time of day, for example 14:00"]


@pytest.mark.parametrize("typed", ["x", "2", ""])
def test_what_is_none_of_the_choices(sample: type[Sample], typed: str) -> None:
    form = sent(sample, number=typed, radio=typed, optional=typed)
    assert form.number.errors == ["Choose from the list"]
    assert form.radio.errors == ["Say which"]
    assert form.optional.errors == (["None of these"] if typed else [])
    assert (sent(sample).radio.errors, sent(sample).optional.errors) == (["Say which"], [])
