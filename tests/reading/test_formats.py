import pytest
import yaml

from lightning_plates.errors import ConfigError
from lightning_plates.reading.rules.config_file import config_folder, list_configs
from lightning_plates.reading.rules.formats import load_formats, load_printed_words


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
    with pytest.raises(ConfigError, match=message):
        load_formats(str(file))


def test_a_missing_file_is_named():
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such file"):
        load_formats("nowhere.yaml")
