import pytest
import yaml

from lightning_plates.errors import ConfigError
from lightning_plates.reading.rules.config_file import config_folder, list_configs
from lightning_plates.reading.rules.formats import (
    load_country_titles,
    load_formats,
    load_printed_words,
)

HEAD = "country: x\nsource: y\nformats:\n"


@pytest.mark.parametrize("country", list_configs("plates"))
def test_every_shipped_format_matches_its_own_example(country):
    data = yaml.safe_load((config_folder("plates") / f"{country}.yaml").read_text("utf-8"))
    formats = load_formats(country)
    for entry in data["formats"]:
        own = [plate for plate in formats if plate.name == f"{data['country']}/{entry['name']}"]
        assert any(plate.matches(str(entry["example"])) for plate in own), entry["name"]


def test_costa_rican_private_plates_have_no_vowels(costa_rica):
    private = [plate for plate in costa_rica if plate.name == "costa_rica/private"]
    assert any(plate.matches("BCR456") for plate in private)
    assert not any(plate.matches("BAR456") for plate in private)


@pytest.mark.parametrize("digits", range(1, 7))
def test_up_to_six_digits(costa_rica, digits):
    assert any(plate.matches("812345"[:digits]) for plate in costa_rica)
    assert not any(plate.matches("8" * 7) for plate in costa_rica)


def test_hyphens_are_for_people(costa_rica):
    shown = {p.display(t) for t in ("BCR456", "MOT123456") for p in costa_rica if p.matches(t)}
    assert shown == {"BCR-456", "MOT-123456"}


def test_the_new_motorcycle_plates_end_in_letters(costa_rica):
    found = {plate.name for plate in costa_rica if plate.matches("MOT001AAA")}
    assert found == {"costa_rica/motorcycle_letters"}


def test_any_applies_none():
    assert load_formats("any") == ()


@pytest.mark.parametrize("countries", ["", " , "])
@pytest.mark.parametrize("load", [load_formats, load_printed_words])
def test_no_country_is_not_any_country(load, countries):
    with pytest.raises(ConfigError, match=r"no country named in .*any, .*costa_rica"):
        load(countries)


def test_several_countries_at_once():
    names = {plate.name for plate in load_formats("brazil, spain")}
    assert names == {"brazil/car", "brazil/car_mercosur", "spain/car"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("country: x\nsource: y\nformats:\n  - {name: a, class: b, pattern: A?9}", "line 4.*'[?]'"),
        (HEAD + "  - {name: a, class: b, pattern: ''}", "line 4.*pattern: expected 1 to 0"),
        (HEAD + f"  - {{name: a, class: b, pattern: {'9' * 17}}}", "line 4.*at most 16 symbols"),
        (
            HEAD + f"  - {{name: a, class: b, prefixes: [{'A' * 9}], pattern: {'9' * 8}}}",
            "line 4.*at most 16 characters",
        ),
        (
            HEAD + f"  - {{name: a, class: b, pattern: {'9' * 9}, shortest: 1, "
            f"prefixes: [{', '.join(['AB'] * 200)}]}}",
            "line 4.*more than 1000 formats",
        ),
        (HEAD + "  - {name: a, class: b, pattern: A9, hyphens: [\u00b2]}", "line 4.*whole number"),
        (HEAD + "  - {name: a, class: b, pattern: A9, example: 9A}", "line 4.*'9A' does not fit"),
        (HEAD + "  - {name: a, class: b, pattern: A9, source: [x]}", "line 4.*one value"),
        ("country: x\nsource: {y: z}\nformats: []", "line 2.*expected one value"),
        ("country: x\ntitle: {es: x}\nsource: y\nformats: []", "line 2.*lacks en"),
        ("country: x\nsource: y\nformats: 3", "line 3.*expected a list"),
        ("country: x\nformats: []", "line 1.*lacks source"),
        ("country: x\nsource: y\nsymbols: {C: bc}\nformats: []", "line 3.*expected capitals"),
        ("", "line 1.*empty"),
        (
            "country: x\nsource: y\nformats:\n  - {name: a, class: b, pattern: A9, shortest: 5}",
            "line 4.*1 to 2",
        ),
    ],
)
def test_bad_files_are_refused_with_their_line(tmp_path, text, message):
    file = tmp_path / "plates.yaml"
    file.write_text(text, encoding="utf-8")
    load = load_country_titles if "title" in text else load_formats
    with pytest.raises(ConfigError, match=message):
        load(str(file))


def test_countries_have_titles_in_both_languages(tmp_path):
    assert load_country_titles("brazil,spain") == {
        "es": "Brasil, España", "en": "Brazil, Spain",
    }  # fmt: skip
    assert load_country_titles("any") == {}
    own = tmp_path / "own.yaml"
    own.write_text("country: san_marino\nsource: y\nformats: []")
    assert load_country_titles(str(own)) == {"es": "San Marino", "en": "San Marino"}


def test_a_missing_file_is_named():
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such file"):
        load_formats("nowhere.yaml")
