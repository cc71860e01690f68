import errno
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lightning_plates.data.annotations import boxes_csv, read_annotations, yolo
from lightning_plates.data.annotations.record import AnnotationSet, BoxRecord, PhotoRecord
from lightning_plates.data.annotations.registry import label_formats, writable_formats
from lightning_plates.data.split import read_split

ORIENTATION = 0x0112


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_every_photo_format_becomes_rgb_jpeg(tmp_path, data):
    folder = tmp_path / "in"
    folder.mkdir()
    pixels = np.zeros((64, 96, 3), dtype=np.uint8)
    pixels[20:40, 30:60] = 250
    rgb = Image.fromarray(pixels)
    deep = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    images = {
        "a.jpg": rgb, "b.png": rgb, "c.gif": rgb, "d.webp": rgb, "e.png": deep,
        "f.jpg": rgb.convert("CMYK"), "g.png": rgb.convert("L"), "h.tif": rgb,
        "i.png": rgb.convert("P"),
    }  # fmt: skip
    for name, image in images.items():
        image.save(folder / name)
    box = BoxRecord(30, 20, 60, 40)
    records = tuple(PhotoRecord(name, 96, 64, (box,)) for name in images)
    boxes_csv.write(AnnotationSet(folder, records), folder)

    status, output, error = data("import", folder, "-o", tmp_path / "out", "--rename", "placa_cr")

    assert (status, error) == (0, "")
    assert "9 photos, 9 boxes; 0 photos with several boxes" in output
    names = sorted(path.name for path in (tmp_path / "out").glob("*.jpeg"))
    assert names == [f"placa_cr000{n}.jpeg" for n in range(1, 10)]
    for photo in read_annotations(tmp_path / "out").photos:
        with Image.open(tmp_path / "out" / photo.file) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (96, 64))
            seen = np.asarray(image)
        assert photo.boxes == (box,)
        assert seen[24:36, 34:56].mean() > 235
        assert seen[:14].mean() < 20


@pytest.mark.parametrize(
    ("orientation", "labels_of"),
    # Of 1 to 4 the size does not tell what the labels refer to: they count as upright.
    [(n, "upright") for n in range(1, 9)] + [(n, "stored") for n in range(5, 9)],
)
def test_boxes_fit_the_upright_photo(tmp_path, data, orientation, labels_of):
    """The patch is looked for in the written photo: no knowledge of EXIF is repeated here."""
    stored = np.zeros((64, 96, 3), dtype=np.uint8)
    stored[8:24, 16:40] = 255
    folder = tmp_path / "in"
    folder.mkdir()
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(stored).save(folder / "a.jpg", exif=exif, quality=95)
    upright = upright_patch(folder / "a.jpg")
    size = (96, 64) if labels_of == "stored" or orientation < 5 else (64, 96)
    box = (16, 8, 40, 24) if labels_of == "stored" else upright
    records = (PhotoRecord("a.jpg", *size, (BoxRecord(*map(float, box)),)),)
    boxes_csv.write(AnnotationSet(folder, records), folder)

    assert data("import", folder, "-o", tmp_path / "out")[0] == 0

    (photo,) = read_annotations(tmp_path / "out").photos
    assert photo.boxes[0].xyxy == upright_patch(tmp_path / "out" / "a.jpg") == upright
    with Image.open(tmp_path / "out" / "a.jpg") as image:
        assert image.size == (photo.width, photo.height)
        assert ORIENTATION not in image.getexif()


def upright_patch(path):
    """Box of the bright patch in a photo as Pillow shows it upright."""
    from PIL import ImageOps

    with Image.open(path) as image:
        bright = np.asarray(ImageOps.exif_transpose(image).convert("L")) > 127
    rows, columns = np.nonzero(bright)
    return (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


@pytest.mark.parametrize("name", writable_formats())
def test_any_format_can_be_asked_for(labelled, tmp_path, data, name):
    assert data("import", labelled, "-o", tmp_path / "out", "--to", name)[0] == 0
    photos = read_annotations(tmp_path / "out").photos
    assert {photo.file for photo in photos} == {f"p{n}.jpg" for n in range(9)}
    assert all(photo.boxes[0].xyxy == pytest.approx((30, 20, 60, 40), abs=1e-6) for photo in photos)


def test_skipped_photos_are_listed_and_the_others_kept(spoilt, tmp_path, data):
    status, output, error = data("import", spoilt, "-o", tmp_path / "out")
    assert status == 3
    assert "4 photos, 4 boxes" in output
    lines = error.splitlines()
    assert len(lines) == 5
    assert all(line.startswith("skipped: ") for line in lines)
    for name, reason in [
        ("p1.png", "damaged photo"), ("p2.png", "the file is empty"),
        ("p3.png", "not a photo in a format that can be read"),
        ("p4.png", "no such photo"), ("p5.png", "inverted box (60, 20, 30, 40)"),
    ]:  # fmt: skip
        assert any(name in line and reason in line for line in lines)
    assert "p1.png,,damaged photo" in (tmp_path / "out" / "import.csv").read_text()
    assert data("check", tmp_path / "out")[0] == 0


def test_photos_of_other_size_scale_or_are_skipped(tmp_path, data, make_photo_set):
    annotations = make_photo_set(tmp_path / "in", {"half.png": (), "other.png": ()})
    (tmp_path / "in" / "boxes.csv").write_text(
        "file,width,height,x1,y1,x2,y2,text\n"
        "half.png,192,128,60,40,120,80,\n"
        "other.png,100,100,1,2,30,40,\n"
    )
    assert annotations.photos[0].width == 96
    status, _, error = data("import", tmp_path / "in", "-o", tmp_path / "out")
    assert status == 3
    place = tmp_path / "in" / "boxes.csv:3"
    assert error == f"skipped: {place}: other.png: labelled as 100 x 100, but is 96 x 64\n"
    (photo,) = read_annotations(tmp_path / "out").photos
    assert photo.boxes[0].xyxy == (30, 20, 60, 40)


def test_large_photos_can_be_scaled_down(labelled, tmp_path, data):
    assert data("import", labelled, "-o", tmp_path / "out", "--max-side", "48")[0] == 0
    photo = read_annotations(tmp_path / "out").photos[0]
    assert (photo.width, photo.height) == (48, 32)
    assert photo.boxes[0].xyxy == (15, 10, 30, 20)


def test_boxes_that_show_more_or_less_than_the_plate_are_resized(tmp_path, data, make_photo_set):
    boxes = (BoxRecord(20, 10, 60, 30), BoxRecord(76, 44, 96, 64))  # of 96 x 64 pixels
    annotations = make_photo_set(tmp_path / "in", {"a.png": boxes})
    boxes_csv.write(annotations, annotations.root)
    words = ("import", annotations.root, "-o", tmp_path / "out", "--box-scale", "0.9", "1.2")
    assert data(*words)[0] == 0
    (photo,) = read_annotations(tmp_path / "out").photos
    assert photo.boxes[0].xyxy == pytest.approx((22, 8, 58, 32))
    assert photo.boxes[1].xyxy == pytest.approx((77, 42, 95, 64))  # cut at the photo's edge


def test_equal_names_do_not_overwrite_each_other(tmp_path, data, make_photo_set):
    box = (BoxRecord(1, 2, 30, 20),)
    annotations = make_photo_set(tmp_path / "in", {"a.png": box, "a.jpg": box, "b.png": box})
    boxes_csv.write(annotations, annotations.root)
    assert data("import", annotations.root, "-o", tmp_path / "out")[0] == 0
    files = [photo.file for photo in read_annotations(tmp_path / "out").photos]
    assert files == ["a_png.jpg", "a_jpg.jpg", "b.jpg"]


def test_names_that_the_new_ones_would_take_stay_apart(tmp_path, data, make_photo_set):
    names = ("a.png", "a.jpg", "a_jpg.png", "A_PNG.jpg")
    boxes = {name: (BoxRecord(n, 2, 30, 20),) for n, name in enumerate(names)}
    annotations = make_photo_set(tmp_path / "in", boxes)
    boxes_csv.write(annotations, annotations.root)
    assert data("import", annotations.root, "-o", tmp_path / "out")[0] == 0
    photos = read_annotations(tmp_path / "out").photos
    assert len({photo.file.lower() for photo in photos}) == 4
    assert [photo.boxes[0].x1 for photo in photos] == [0, 1, 2, 3]


@pytest.mark.skipif(sys.platform != "linux", reason="needs file names that are not UTF-8")
@pytest.mark.parametrize("rename", [(), ("--rename", "x")])
@pytest.mark.parametrize("name", writable_formats())
def test_names_that_are_not_utf_8_become_it(tmp_path, data, name, rename):
    folder = tmp_path / "in"
    folder.mkdir()
    for n in range(2):
        place = os.fsencode(folder) + b"/caf\xe9_%d" % n
        picture = Image.fromarray(np.full((64, 96, 3), 100 + n, dtype=np.uint8))
        picture.save(os.fsdecode(place + b".jpg"))
        Path(os.fsdecode(place + b".txt")).write_text("0 0.5 0.5 0.25 0.25\n")

    words = ("import", folder, "-o", tmp_path / "out", "--to", name, *rename)
    status, output, error = data(*words)

    assert (status, error) == (0, "")
    assert "2 photos, 2 boxes" in output
    photos = read_annotations(tmp_path / "out").photos
    wanted = [f"x000{n}.jpeg" for n in (1, 2)] if rename else [f"café_{n}.jpg" for n in (0, 1)]
    assert [photo.file for photo in photos] == wanted
    assert "caf\\udce9_0.jpg," in (tmp_path / "out" / "import.csv").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="needs file names that are not UTF-8")
def test_two_names_that_become_one_stay_apart(tmp_path, data):
    folder = tmp_path / "in"
    folder.mkdir()
    for number, stem in enumerate((b"caf\xe9", "café".encode())):
        place = os.fsencode(folder) + b"/" + stem
        picture = Image.fromarray(np.full((64, 96, 3), 100 + number, dtype=np.uint8))
        picture.save(os.fsdecode(place + b".jpg"))
        Path(os.fsdecode(place + b".txt")).write_text("0 0.5 0.5 0.25 0.25\n")
    assert data("import", folder, "-o", tmp_path / "out")[0] == 0
    assert len({photo.file for photo in read_annotations(tmp_path / "out").photos}) == 2
    assert len(list((tmp_path / "out").glob("*.jpg"))) == 2


def test_what_exists_is_not_overwritten(labelled, tmp_path, data):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("precious")
    status, _, error = data("import", labelled, "-o", out)
    assert (status, error) == (
        2, f"error: {out}: exists already; choose another folder or remove it\n",
    )  # fmt: skip
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("failing", ["p5.jpg", "import.csv"])
def test_a_full_disk_leaves_nothing_behind(labelled, tmp_path, data, monkeypatch, failing):
    def full(method):
        original = getattr(Path, method)

        def write(path, *args, **kwargs):
            if path.name == failing:
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            return original(path, *args, **kwargs)

        return write

    for method in ("write_bytes", "write_text"):
        monkeypatch.setattr(Path, method, full(method))
    status, _, error = data("import", labelled, "-o", tmp_path / "out", "--workers", "1")
    assert status == 2
    assert error.count("\n") == 1
    assert "No space left on device; free some space and run the command again" in error
    assert not (tmp_path / "out").exists()
    assert hidden(tmp_path) == []


def test_a_set_without_any_usable_photo(tmp_path, data, make_photo_set):
    make_photo_set(tmp_path / "in", {"a.png": ()})
    (tmp_path / "in" / "boxes.csv").write_text(
        "file,width,height,x1,y1,x2,y2,text\na.png,96,64,9,9,1,1,\n"
    )
    status, _, error = data("import", tmp_path / "in", "-o", tmp_path / "out")
    assert status == 2
    assert "no photo could be imported (first of 1 problems: " in error
    assert not (tmp_path / "out").exists()


def test_ctrl_c_leaves_nothing_behind(labelled, tmp_path, data, monkeypatch):
    def interrupted(path, *args, **kwargs):
        if path.name == "p5.jpg":
            raise KeyboardInterrupt
        return original(path, *args, **kwargs)

    original = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", interrupted)
    status, _, error = data("import", labelled, "-o", tmp_path / "out")
    assert (status, error) == (130, "error: interrupted; nothing was written\n")
    assert not (tmp_path / "out").exists()
    assert hidden(tmp_path) == []


def test_classes_that_are_no_plates_are_told_and_can_be_left_out(tmp_path, data, make_photo_set):
    boxes = (BoxRecord(0, 0, 90, 60, "car"), BoxRecord(10, 20, 40, 30, "licence"))
    boxes_csv.write(make_photo_set(tmp_path / "in", {"a.jpg": boxes}), tmp_path / "in")

    status, output, error = data("import", tmp_path / "in", "-o", tmp_path / "all")
    assert (status, "2 boxes" in output) == (0, True)
    assert "all taken for plates: 'car' (1), 'licence' (1); --classes NAME" in error

    chosen = ("--classes", "licence")
    status, _, error = data("import", tmp_path / "in", "-o", tmp_path / "one", *chosen)
    assert (status, error) == (0, "")
    assert read_annotations(tmp_path / "one").photos[0].boxes == boxes[1:]


def test_renamed_photos_stay_with_their_copies(tmp_path, data, make_photo_set):
    box = (BoxRecord(10, 20, 40, 30),)
    names = [f"cam_7.rf.{letter * 32}.jpg" for letter in "ab"] + ["drive1_t_5.jpg"]
    boxes_csv.write(make_photo_set(tmp_path / "in", dict.fromkeys(names, box)), tmp_path / "in")
    assert data("import", tmp_path / "in", "-o", tmp_path / "out", "--rename", "placa")[0] == 0
    groups = [photo.group for photo in read_annotations(tmp_path / "out").photos]
    assert groups == ["cam_7", "cam_7", "drive1_t_5"]


def write_rows(folder, *rows):
    header = "file,width,height,x1,y1,x2,y2,text"
    (folder / "boxes.csv").write_text("\n".join([header, *rows]) + "\n")


def test_every_import_ends_with_its_totals(tmp_path, data, make_photo_set):
    names = ("a.png", "b.png", "c.png", "d.png", "e.png", "f.png")
    make_photo_set(tmp_path / "in", dict.fromkeys(names, ()))
    (tmp_path / "in" / "d.png").write_bytes(b"")
    write_rows(
        tmp_path / "in", "a.png,96,64,1,2,97.5,20,", "a.png,96,64,1,30,20,40,", "b.png,96,64,,,,,",
        "c.png,96,64,90,2,120,20,", "d.png,96,64,1,2,30,20,", "gone.png,96,64,1,2,30,20,",
        "a.png,96,64,1,30,20,40,", "e.png,96,64,60,2,30,20,", "e.png,96,64,1,2,30,20,",
    )  # fmt: skip
    status, output, _ = data("import", tmp_path / "in", "-o", tmp_path / "out")
    assert status == 3
    assert output.splitlines() == [
        f"{tmp_path / 'out'}: 2 photos, 2 boxes; 1 photos with several boxes, 1 without",
        "boxes clipped at the edge of their photo: 1",
        "left out: 4 (box outside its photo 1, no such photo 1, inverted box 1, "
        "photo that cannot be read 1)",
        "repeated rows dropped: 1",
        "not imported: 1 photos that no label names",
    ]
    sound = tmp_path / "sound"
    assert data("import", tmp_path / "out", "-o", sound)[1].splitlines()[1:] == [
        "boxes clipped at the edge of their photo: 0",
        "left out: 0",
    ]


@pytest.mark.parametrize(
    ("clip", "status"),
    [((), 2), (("--clip", "30"), 0), (("--clip", "30%"), 0), (("--clip", "9%"), 2)],
)
def test_how_far_boxes_may_reach_over_the_edge_is_an_option(
    tmp_path, data, make_photo_set, clip, status
):
    make_photo_set(tmp_path / "in", {"a.png": ()})
    write_rows(tmp_path / "in", "a.png,96,64,50,2,115,20,")
    assert data("import", tmp_path / "in", "-o", tmp_path / "out", *clip)[0] == status


@pytest.mark.parametrize("clip", ["-1", "x", "1px", "nan", "%"])
def test_tolerances_that_are_none(labelled, tmp_path, data, clip):
    status, _, error = data("import", labelled, "-o", tmp_path / "out", "--clip", clip)
    assert status == 2
    assert error.startswith("error: argument --clip: ")
    assert error.count("\n") == 1


def test_help_names_every_format(data, capsys):
    with pytest.raises(SystemExit):
        data("import", "--help")
    shown = " ".join(capsys.readouterr().out.split()).replace("- ", "-")
    for one in label_formats().values():
        assert one.TITLE in shown, one.TITLE
    assert "data.yaml" in shown


@pytest.fixture
def divided(tmp_path, make_photo_set):
    """An export in folders of sides, three copies of one photo on two of them."""
    box = (BoxRecord(10, 20, 40, 30),)
    copy = "train/images/x.rf." + "{}" * 32 + ".jpg"
    names = [copy.replace("{}", letter) for letter in "ab"]
    names += ["valid/images/c.jpg", "test/images/d.jpg", "valid/images/x.rf." + "c" * 32 + ".jpg"]
    annotations = make_photo_set(tmp_path / "in", dict.fromkeys(names, box))
    yolo.write(annotations, tmp_path / "labels")
    for file in (tmp_path / "labels").rglob("*.txt"):
        place = file.relative_to(tmp_path / "labels").as_posix().replace("images", "labels")
        target = tmp_path / "in" / place
        target.parent.mkdir(parents=True, exist_ok=True)
        file.rename(target)
    return tmp_path / "in"


@pytest.mark.parametrize("rename", [(), ("--rename", "placa")])
def test_a_set_that_comes_divided_stays_so(divided, tmp_path, data, rename):
    status, output, error = data("import", divided, "-o", tmp_path / "out", *rename)
    assert (status, error) == (0, "note: comes divided: train 2, val 2, test 1\n")
    split = read_split(tmp_path / "out")
    assert f"{tmp_path / 'out' / 'split.csv'}: split own, as the set came: train 2" in output
    assert [len(split.files(side)) for side in ("train", "val", "test")] == [2, 2, 1]
    assert split.shared_sources == ("x",)  # a leak of the export's own, which is told

    assert data("split", tmp_path / "out")[0] == 0
    assert read_split(tmp_path / "out") == split
    assert read_split(tmp_path / "out").protocol == "own"
    again = data("import", tmp_path / "out", "-o", tmp_path / "again")
    sides = [entry.side for entry in read_split(tmp_path / "again").entries]
    assert sides == [entry.side for entry in split.entries]
    assert "split own" in again[1]


def test_a_split_of_ones_own_is_kept_and_another_can_be_drawn(divided, data):
    status, output, _ = data("split", divided)
    assert status == 0
    assert "kept as the set came; --protocol grouped draws another split" in output
    assert read_split(divided).protocol == "own"
    assert data("split", divided, "--group-by", "x") == (
        2, "", f"error: {divided}: comes divided; draw another split with --protocol grouped\n",
    )  # fmt: skip
    assert data("split", divided, "--protocol", "grouped", "--seed", "1")[0] == 0
    assert read_split(divided).protocol == "grouped"
    assert read_split(divided).shared_sources == ()


def test_a_split_that_was_drawn_is_kept_on_import(labelled, tmp_path, data):
    data("split", labelled, "--seed", "5")
    data("import", labelled, "-o", tmp_path / "out", "--rename", "placa")
    before, after = read_split(labelled), read_split(tmp_path / "out")
    assert (after.protocol, after.seed) == ("grouped", 5)
    for side in ("train", "val", "test"):
        assert len(after.files(side)) == len(before.files(side))


def test_a_split_of_other_photos_is_not_kept(labelled, tmp_path, data):
    data("split", labelled)
    text = (labelled / "split.csv").read_text()
    (labelled / "split.csv").write_text(text.replace("p0.png", "gone.png"))
    data("import", labelled, "-o", tmp_path / "out")
    assert not (tmp_path / "out" / "split.csv").exists()
