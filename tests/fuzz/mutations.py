"""Damage to files, drawn from a random generator: the same seed gives the same bytes."""

from __future__ import annotations

import io
import json
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any
from xml.etree import ElementTree

import yaml


@dataclass(frozen=True, slots=True)
class Raw:
    """A JSON literal that is written as it stands, whatever a number or string may be."""

    text: str


ODD_WORDS = (
    "", " ", "²", "٣", "１２", "½", "-0", "+1", "1e999", "-1e308", "1e-320", "nan", "inf", "-inf",
    "0x10", "1_000", "1,5", "9" * 30, "9" * 5000, "true", "null", "~", "\0", "\x1b[31m", "a\nb",
    "a\rb", "\x85", "\u2028", "\u202e", "é", "e\u0301", "😀", "../../../evil.jpg", "/etc/passwd",
    "C:\\evil.jpg", "%2e%2e/evil", "~/evil", ".", "..", "a" * 300, "a" * 70000, "__class__",
    "0001-01-01", "9999-12-31", "2026-02-30", "!!python/name:os.system", "{}", "[]", "${HOME}",
    "os.system", "lightning_plates.errors.InputError",
)  # fmt: skip
"""Words that stand for a name, a number or a date and are none that a program expects."""

ODD_NUMBERS = (
    0, -1, 1, 2, 7, 255, 65536, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64, -(2**63), 10**18,
    10**400, 0.5, -0.0, 1.5, 1e308, 1e-320, math.nan, math.inf, -math.inf,
)  # fmt: skip

ODD_LITERALS = (
    Raw("9" * 5000), Raw("1e999"), Raw("-1e999"), Raw("NaN"), Raw("Infinity"), Raw('"\\ud800"'),
    Raw("1E400"), Raw("[" * 3000 + "]" * 3000), Raw('{"a":' * 3000 + "1" + "}" * 3000),
    Raw("[" * 100_000), Raw("-"), Raw("01"), Raw("'a'"), Raw(""), Raw("undefined"),
)  # fmt: skip

INTERESTING_BYTES = (b"\0", b"\xff", b"\x7f", b"\x80", b"\n", b"\r\n", b"'", b'"', b",", b"<", b"{")


def one_of(rng: Random, *choices: Callable[[], Any]) -> Any:
    """The result of one of several functions."""
    return rng.choice(choices)()


def odd_value(rng: Random) -> Any:
    """A value of any type that JSON or YAML may hold, and a few that they may not."""
    containers = ([], {}, [[]], [1], [1, 2, 3, 4, 5], {"a": 1}, {"": None}, {"__class__": "x"},
                  [None], [[1, 2], [3, 4]], {"id": {}}, ["a"] * 40)  # fmt: skip
    return one_of(
        rng,
        lambda: rng.choice((None, True, False)),
        lambda: rng.choice(ODD_NUMBERS),
        lambda: rng.choice(ODD_NUMBERS),
        lambda: rng.choice(ODD_WORDS),
        lambda: rng.choice(ODD_WORDS),
        lambda: rng.choice(containers),
        lambda: rng.choice(ODD_LITERALS),
    )


def damage_bytes(rng: Random, data: bytes, donor: bytes = b"") -> bytes:
    """Flip, cut, repeat, fill or splice; ``donor`` is another sound file of the kind."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        data = _damage_once(rng, data, donor or data)
    return data


def _damage_once(rng: Random, data: bytes, donor: bytes) -> bytes:
    if not data:
        return rng.randbytes(rng.randrange(64))
    start = rng.randrange(len(data))
    end = min(len(data), start + rng.choice((1, 1, 2, 4, 16, 256, len(data))))
    cut = rng.randrange(len(donor)) if donor else 0
    return one_of(
        rng,
        lambda: data[:start] + bytes([data[start] ^ (1 << rng.randrange(8))]) + data[start + 1 :],
        lambda: data[:start] + rng.choice(INTERESTING_BYTES) + data[start + 1 :],
        lambda: data[:start] + rng.randbytes(end - start) + data[end:],
        lambda: data[:start] + _odd_integer(rng) + data[start + 4 :],
        lambda: data[:start],
        lambda: data[start:],
        lambda: data[:start] + data[end:],
        lambda: data[:end] + data[start:end] + data[end:],
        lambda: data[:start] + bytes(end - start) + data[end:],
        lambda: data[:start] + donor[cut:],
        lambda: data + rng.randbytes(rng.randrange(1, 64)),
    )


def _odd_integer(rng: Random) -> bytes:
    value = rng.choice((0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF))
    return struct.pack(rng.choice("<>") + "I", value)


def damage_text(rng: Random, text: str) -> str:
    """Replace, repeat, drop and swap words and lines."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        text = one_of(
            rng,
            lambda text=text: replace_word(rng, text),
            lambda text=text: replace_word(rng, text),
            lambda text=text: replace_word(rng, text),
            lambda text=text: _change_lines(rng, text),
            lambda text=text: _insert(rng, text),
        )
    return text


def replace_word(rng: Random, text: str) -> str:
    """Put an odd word where a number or name stands."""
    words = list(re.finditer(r"[-+]?\d+(?:\.\d+)?|[^\W\d]\w*", text))
    if not words:
        return text + rng.choice(ODD_WORDS)
    word = rng.choice(words)
    return text[: word.start()] + str(rng.choice(ODD_WORDS)) + text[word.end() :]


def _insert(rng: Random, text: str) -> str:
    place = rng.randrange(len(text) + 1)
    signs = (
        *ODD_WORDS,
        '"',
        "'",
        ",",
        ";",
        "\t",
        ":",
        "#",
        "- ",
        "&a ",
        "*a",
        "<",
        "&x;",
        "\ufeff",
    )
    return text[:place] + rng.choice(signs) + text[place:]


def _change_lines(rng: Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))

    def swap() -> list[str]:
        changed = lines.copy()
        changed[one], changed[other] = changed[other], changed[one]
        return changed

    changed = one_of(
        rng,
        swap,
        lambda: lines[:one] + lines[one + 1 :],
        lambda: [*lines, lines[one]],
        lambda: lines * rng.choice((2, 50)),
        lambda: [line.replace(",", rng.choice((";", "\t", ", "))) for line in lines],
        lambda: [line.replace("\n", rng.choice(("\r\n", "\r", "\n\n"))) for line in lines],
        lambda: lines[:one],
    )
    return "".join(changed)


def encode(rng: Random, text: str) -> bytes:
    """Mostly UTF-8; else in another encoding, or with bytes that are none."""
    encoding = rng.choice(
        ("utf-8",) * 12 + ("utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp037")
    )
    data = text.encode(encoding, "surrogatepass" if encoding == "utf-8" else "replace")
    return damage_bytes(rng, data) if rng.random() < 0.1 else data


def damage_tree(rng: Random, tree: Any) -> Any:
    """A copy of parsed JSON or YAML with odd values, missing, renamed and repeated entries."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        places = list(_places(tree))
        tree = _damage_place(rng, tree, rng.choice(places))
    return tree


def _places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _places(value, (*path, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _places(value, (*path, index))


def _damage_place(rng: Random, tree: Any, path: tuple[Any, ...]) -> Any:
    if not path:
        return one_of(rng, lambda: odd_value(rng), lambda: [tree], lambda: {"a": tree})
    head, rest = path[0], path[1:]
    if rest:
        return _with(tree, head, _damage_place(rng, tree[head], rest))
    value = tree[head]
    return one_of(
        rng,
        lambda: _with(tree, head, odd_value(rng)),
        lambda: _with(tree, head, odd_value(rng)),
        lambda: _with(tree, head, odd_value(rng)),
        lambda: _with(tree, head, [value]),
        lambda: _with(tree, head, str(value)),
        lambda: _without(tree, head),
        lambda: _repeat(rng, tree, head),
        lambda: _rename(rng, tree, head),
    )


def _with(tree: Any, head: Any, value: Any) -> Any:
    if isinstance(tree, dict):
        return {key: value if key == head else old for key, old in tree.items()}
    return [value if index == head else old for index, old in enumerate(tree)]


def _without(tree: Any, head: Any) -> Any:
    if isinstance(tree, dict):
        return {key: value for key, value in tree.items() if key != head}
    return [value for index, value in enumerate(tree) if index != head]


def _repeat(rng: Random, tree: Any, head: Any) -> Any:
    """The entry once more: in a list, or under a key that a text may hold twice."""
    if isinstance(tree, dict):
        return {**tree, Raw(json.dumps(str(head))): odd_value(rng)}
    return [*tree, tree[head]]


def _rename(rng: Random, tree: Any, head: Any) -> Any:
    if isinstance(tree, dict):
        name = rng.choice(ODD_WORDS)
        return {name if key == head else key: value for key, value in tree.items()}
    return tree[::-1]


def dump_json(tree: Any) -> str:
    """JSON as careless programs write it: bare NaN, repeated keys, whatever :class:`Raw` holds."""
    if isinstance(tree, Raw):
        return tree.text
    if isinstance(tree, dict):
        entries = (f"{_key(key)}: {dump_json(item)}" for key, item in tree.items())
        return f"{{{', '.join(entries)}}}"
    if isinstance(tree, list | tuple):
        return f"[{', '.join(map(dump_json, tree))}]"
    return json.dumps(tree, default=str)


def without_raw(tree: Any) -> Any:
    """The same tree with the texts of :class:`Raw` as strings."""
    if isinstance(tree, Raw):
        return tree.text[:100]
    if isinstance(tree, dict):
        return {without_raw(key): without_raw(value) for key, value in tree.items()}
    return [without_raw(value) for value in tree] if isinstance(tree, list) else tree


def _key(key: Any) -> str:
    return key.text if isinstance(key, Raw) else json.dumps(str(key))


def damage_json(rng: Random, text: str) -> bytes:
    """Damage JSON in its structure, or now and then as text."""
    if rng.random() < 0.2:
        return encode(rng, damage_text(rng, text))
    return encode(rng, dump_json(damage_tree(rng, json.loads(text))))


_LAUGHS = (f"l{i}: &l{i} [*l{i - 1}, *l{i - 1}]\n" for i in range(1, 30))
YAML_TRICKS = (
    "? [a, b]\n: 1\n", "? {a: 1}\n: 1\n", "a: &a [*a]\n", "<<: [1]\n", "!!set {a, b}\n",
    "a: !!python/object/apply:os.getcwd []\n", "a: !!binary 'x'\n", "a: !!int 'x'\n", "a: !x\n",
    "a: !!timestamp '2026-99-99'\n", "a: !!float '²'\n", "\tb: 1\n", "--- a\n--- b\n",
    "%YAML 9.9\n---\n", "a: 1\na: 2\n", "x: &a [1]\n", "- a\n", "\x01: 1\n", 'a: "\\x00"\n',
    "a: 2026-02-30\n", "a: 1:2:3:4\n", "a: 0o9\n", "a: .nan\n", "a: .inf\n",
    "a: [" + "[" * 2000 + "\n", "l0: &l0 [x]\n" + "".join(_LAUGHS),
)  # fmt: skip


def damage_yaml(rng: Random, text: str) -> bytes:
    """Damage YAML in its structure, as text, or with a construct that only YAML has."""
    way = rng.random()
    if way < 0.25:
        return encode(rng, damage_text(rng, text))
    if way < 0.4:
        lines = text.splitlines(keepends=True)
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(YAML_TRICKS))
        return encode(rng, "".join(lines))
    tree = damage_tree(rng, yaml.load(text, yaml.BaseLoader))
    return encode(rng, dump_json(tree))


_ENTITIES = (
    f'<!ENTITY {name} "{f"&{below};" * 10}">'
    for below, name in zip("abcdefgh", "bcdefghi", strict=True)
)
XML_HEADS = (
    '<?xml version="1.0" encoding="latin-1"?>', '<?xml version="1.0" encoding="utf-16"?>',
    '<?xml version="1.0" encoding="x"?>', '<?xml version="9.9"?>', "<!DOCTYPE a>",
    '<!DOCTYPE a [<!ENTITY x "y">]>', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    f'<!DOCTYPE a [<!ENTITY a "{"x" * 50}">{"".join(_ENTITIES)}]>',
)  # fmt: skip


def damage_xml(rng: Random, text: str) -> bytes:
    """Damage XML in its elements and attributes, as text, or by its prologue."""
    way = rng.random()
    if way < 0.25:
        return encode(rng, damage_text(rng, text))
    if way < 0.4:
        body = text.partition("?>")[2] or text
        return encode(rng, rng.choice(XML_HEADS) + body.replace("plate", "&i;"))
    root = ElementTree.fromstring(text)
    for _ in range(rng.choice((1, 1, 2, 4))):
        _damage_element(rng, root)
    return encode(rng, ElementTree.tostring(root, encoding="unicode"))


def _damage_element(rng: Random, root: ElementTree.Element) -> None:
    element = rng.choice(list(root.iter()))
    way = rng.randrange(6)
    if way == 0 and len(element):
        element.remove(rng.choice(list(element)))
    elif way == 1 and len(element):
        element.append(rng.choice(list(element)))
    elif way == 2:
        element.tag = rng.choice(("x", "box", "image", "object", "name", "xmin", element.tag))
    elif way == 3 and element.attrib:
        del element.attrib[rng.choice(list(element.attrib))]
    elif way == 4 and element.attrib:
        element.attrib[rng.choice(list(element.attrib))] = rng.choice(ODD_WORDS)
    else:
        element.text = rng.choice(ODD_WORDS)


def damage_zip(rng: Random, data: bytes, member: Callable[[str, bytes], bytes]) -> bytes:
    """Write an archive again with damaged, missing, repeated, huge or renamed members.

    Args:
        rng: The generator.
        data: A sound archive.
        member: Damages the content of one member, given its name.
    """
    if rng.random() < 0.2:
        return damage_bytes(rng, data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    chosen = rng.randrange(len(members))
    name, content = members[chosen]
    members[chosen : chosen + 1] = one_of(
        rng,
        lambda: [(name, member(name, content))],
        lambda: [(name, member(name, content))],
        lambda: [(name, member(name, content))],
        lambda: [],
        lambda: [(rng.choice(ODD_WORDS)[:300], content)],
        lambda: [(name, content), (name, damage_bytes(rng, content))],
        lambda: [(name, content[:200] + bytes(300_000_000))],
        lambda: [(name, zlib.compress(content))],
    )
    return _zip(rng, members)


def _zip(rng: Random, members: list[tuple[str, bytes]]) -> bytes:
    import warnings

    buffer = io.BytesIO()
    method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    if sum(len(content) for _, content in members) > 100_000_000:
        method = zipfile.ZIP_DEFLATED
    with (
        warnings.catch_warnings(),
        zipfile.ZipFile(buffer, "w", method, compresslevel=1) as archive,
    ):
        warnings.simplefilter("ignore")  # a repeated name is meant
        for name, content in members:
            # Not by writestr's own clock: the same seed gives the same bytes.
            archive.writestr(zipfile.ZipInfo(name.replace("\0", "") or "x"), content, method)
    return buffer.getvalue()


def damage_array(rng: Random, data: bytes) -> bytes:
    """Damage an ``.npy`` file in its header or its values."""
    if rng.random() < 0.3 or not data.startswith(b"\x93NUMPY"):
        return damage_bytes(rng, data)
    length = struct.unpack("<H", data[8:10])[0]
    header, values = data[10 : 10 + length].decode("latin-1"), data[10 + length :]
    kinds = ("<f8", "|O", "<U9", "<c16", "|b1", "|V0", "<i8", "|S0", "<M8[s]", "x")
    shapes = (
        "(0,)",
        "()",
        "(-1, 3)",
        "(1000000000, 1000, 3)",
        "(2,)",
        "(4, 4)",
        "(4, 4, 3, 1)",
        "x",
    )
    header = one_of(
        rng,
        lambda: re.sub(r"'descr': '[^']*'", f"'descr': '{rng.choice(kinds)}'", header),
        lambda: re.sub(r"\([^)]*\)", rng.choice(shapes), header),
        lambda: header.replace("False", rng.choice(("True", "0", "__import__('os')"))),
        lambda: damage_text(rng, header),
    )
    head = header.encode("latin-1", "replace")
    return data[:8] + struct.pack("<H", min(len(head), 65535)) + head + values
