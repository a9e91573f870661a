"""Kinds of damage that files meet: on disks, on the way, in odd programs, and by people who mean it.

Each takes a random generator and the bytes of a sound file, and gives those of a damaged one.
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np

from imgsim_tests.torture.sound_files import sound_files

Random = np.random.Generator
Damage = Callable[[Random, bytes], bytes]

STARTS = (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"BM")
MORE_STARTS = (b"RIFF\xff\0\0\0WEBPVP8 ", b"\0\0\0\x18ftypavif\0\0\0\0mif1", b"\0\0\0\x18ftypheic\0\0\0\0mif1")
EXTREMES = (0, 1, 2, 255, 32767, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)
HUGE = (4000, 30_000, 60_000, 65_535, 1_000_000, 2**31 - 1)
NAMES = re.compile(rb"[A-Za-z]{3}[A-Za-z0-9 ]")
EXIF = b"Exif\0\0"


def _place(random: Random, content: bytes) -> int:
    return int(random.integers(0, max(1, len(content))))


def _range(random: Random, content: bytes, most: int = 200) -> slice:
    start = _place(random, content)
    return slice(start, min(len(content), start + int(random.integers(1, most))))


def _with(content: bytes, place: slice | int, new: bytes) -> bytes:
    place = slice(place, place + len(new)) if isinstance(place, int) else place
    return content[: place.start] + new + content[place.stop :]


def _other(random: Random) -> bytes:
    files = list(sound_files().values())
    return files[int(random.integers(len(files)))]


def cut_short(random: Random, content: bytes) -> bytes:
    return content[: _place(random, content)]


def last_bytes_missing(random: Random, content: bytes) -> bytes:
    return content[: -int(random.integers(1, 40))]


def one_bit(random: Random, content: bytes) -> bytes:
    place = _place(random, content)
    return _with(content, place, bytes([content[place] ^ 1 << int(random.integers(8))]))


def many_bits(random: Random, content: bytes) -> bytes:
    values = np.frombuffer(content, np.uint8).copy()
    hit = random.random(len(values)) < 10 ** random.uniform(-3, -1)
    values[hit] ^= (1 << random.integers(0, 8, int(hit.sum()))).astype(np.uint8)
    return values.tobytes()


def bits_of_the_header(random: Random, content: bytes) -> bytes:
    return many_bits(random, content[:64]) + content[64:]


def noise(random: Random, content: bytes) -> bytes:
    place = _range(random, content)
    return _with(content, place, random.bytes(place.stop - place.start))


def zeros(random: Random, content: bytes) -> bytes:
    place = _range(random, content, 1000)
    return _with(content, place, bytes(place.stop - place.start))


def zeros_to_the_end(random: Random, content: bytes) -> bytes:
    return content[: _place(random, content)].ljust(len(content), b"\0")


def ones(random: Random, content: bytes) -> bytes:
    place = _range(random, content)
    return _with(content, place, b"\xff" * (place.stop - place.start))


def header_of_another(random: Random, content: bytes) -> bytes:
    length = int(random.integers(4, 64))
    return _other(random)[:length] + content[length:]


def end_of_another(random: Random, content: bytes) -> bytes:
    return content[: _place(random, content)] + _other(random)[-_place(random, content) :]


def wrong_number(random: Random, content: bytes) -> bytes:
    extreme, wide = int(random.choice(EXTREMES)), random.random() < 0.5
    number = struct.pack(
        ("<" if random.random() < 0.5 else ">") + ("I" if wide else "H"), extreme % 2 ** (32 if wide else 16)
    )
    return _with(content, int(random.integers(4, min(400, len(content)))), number)


def sizes(content: bytes, width: int, height: int) -> bytes:
    """Give a file of another size by its header."""
    if content.startswith(b"\x89PNG"):
        header = b"IHDR" + struct.pack(">II", width, height) + content[24:29]
        return content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:]
    if content.startswith(b"GIF8"):
        return _with(content, 6, struct.pack("<HH", width % 65536, height % 65536))
    if content.startswith(b"BM"):
        return _with(content, 18, struct.pack("<ii", width % 2**31, height % 2**31))
    if content.startswith(b"\xff\xd8"):
        frame = re.search(rb"\xff[\xc0\xc2\xc3]\0.\x08", content, re.DOTALL)
        return _with(content, frame.end(), struct.pack(">HH", height % 65536, width % 65536)) if frame else content
    if content.startswith(b"RIFF"):
        return _with(content, 24, struct.pack("<I", width)[:3] + struct.pack("<I", height)[:3])
    if content[4:8] == b"ftyp":
        place = content.find(b"ispe")
        return _with(content, place + 8, struct.pack(">II", width % 2**32, height % 2**32))
    order = "<" if content.startswith(b"II") else ">"
    for tag, number in ((256, width), (257, height), (278, height)):
        entry = struct.pack(order + "H", tag)
        place = content.find(entry, 8)
        content = _with(content, place + 2, struct.pack(order + "HII", 4, 1, number % 2**32)) if place > 0 else content
    return content


def huge_sides(random: Random, content: bytes) -> bytes:
    return sizes(content, int(random.choice(HUGE)), int(random.choice(HUGE)))


def larger_sides(random: Random, content: bytes) -> bytes:
    return sizes(content, int(random.integers(1, 1000)), int(random.integers(1, 1000)))


def no_sides(random: Random, content: bytes) -> bytes:
    return sizes(content, int(random.integers(0, 2)), 0)


def untouched(random: Random, content: bytes) -> bytes:
    return content


def rubbish_behind(random: Random, content: bytes) -> bytes:
    return content + random.bytes(int(random.integers(1, 5000)))


def rubbish_in_front(random: Random, content: bytes) -> bytes:
    return random.bytes(int(random.integers(1, 100))) + content


def length_of_a_part(random: Random, content: bytes) -> bytes:
    names = [found.start() for found in NAMES.finditer(content)]
    place = int(random.choice(names)) if names else 4
    return _with(content, max(0, place + int(random.choice((-4, 4)))), random.bytes(4))


def order_of_parts(random: Random, content: bytes) -> bytes:
    size = int(random.integers(8, 256))
    parts = [content[start : start + size] for start in range(0, len(content), size)]
    return parts[0] + b"".join(parts[1 + int(one)] for one in random.permutation(len(parts) - 1))


def part_twice(random: Random, content: bytes) -> bytes:
    place = _range(random, content, 1000)
    return content[: place.stop] + content[place] + content[place.stop :]


def part_missing(random: Random, content: bytes) -> bytes:
    return _with(content, _range(random, content, 1000), b"")


def part_put_in(random: Random, content: bytes) -> bytes:
    place = _place(random, content)
    return content[:place] + random.bytes(int(random.integers(1, 100))) + content[place:]


def bytes_swapped(random: Random, content: bytes) -> bytes:
    start = _place(random, content) if random.random() < 0.5 else 0
    even = content[start : start + (len(content) - start) // 2 * 2]
    return content[:start] + np.frombuffer(even, "<u2").byteswap().tobytes() + content[start + len(even) :]


def sent_as_text(random: Random, content: bytes) -> bytes:
    ways: list[Callable[[], bytes]] = [
        lambda: content.replace(b"\n", b"\r\n"),
        lambda: content.replace(b"\r\n", b"\n"),
        lambda: bytes(byte & 127 for byte in content),
        lambda: content.decode("utf-8", "replace").encode(),
        lambda: content.decode("latin-1").encode(),
        lambda: content.replace(b"\0", b" "),
    ]
    return ways[int(random.integers(len(ways)))]()


def few_bytes(random: Random, content: bytes) -> bytes:
    return content[: int(random.integers(0, 16))]


def words(random: Random, content: bytes) -> bytes:
    texts = (b"<!DOCTYPE html><title>404</title>", b"BM and so on", b"GIF89a is a format", b"{}", b"\xef\xbb\xbftext")
    return texts[int(random.integers(len(texts)))] * int(random.integers(1, 50))


def a_start_and_noise(random: Random, content: bytes) -> bytes:
    starts = STARTS + MORE_STARTS
    return starts[int(random.integers(len(starts)))] + random.bytes(int(random.integers(0, 3000)))


def one_in_another(random: Random, content: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("photo.jpg", content)
    other, place = _other(random), _place(random, content)
    ways = (
        archive.getvalue(),
        content[:place] + other + content[place:],
        content + other,
        other + content,
        content * 2,
    )
    return ways[int(random.integers(len(ways)))]


def directories_in_a_circle(random: Random, content: bytes) -> bytes:
    """Let a TIFF's directory, or the one in a photo's EXIF, follow itself or lie in itself."""
    start = 8
    entries = [(256, 4, 1, 48), (34665, 4, 1, start), (330, 4, 1, start), (34853, 4, 1, start)]
    block = b"II*\0" + struct.pack("<IH", start, len(entries))
    block += b"".join(struct.pack("<HHII", *entry) for entry in entries) + struct.pack("<I", start)
    if content.startswith((b"II", b"MM")):
        order = "<" if content.startswith(b"II") else ">"
        first = struct.unpack(order + "I", content[4:8])[0]
        count = struct.unpack(order + "H", content[first : first + 2])[0]
        link = int(random.choice([first, 0, 4, len(content) - 2, 2**32 - 1]))
        return _with(content, first + 2 + 12 * count, struct.pack(order + "I", link))
    if content.startswith(b"\xff\xd8"):
        return content[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 8) + EXIF + block + content[2:]
    place = content.find(EXIF)
    return _with(content, place + 6, block) if place > 0 else content + block


def much_from_little(random: Random, content: bytes) -> bytes:
    """Let few bytes unfold to many: words beside a PNG's pixels, or the pixels of a PNG, far more than it says."""
    many = zlib.compress(bytes(int(random.choice((1 << 16, 1 << 22, 1 << 25)))), 9)
    name = (b"zTXt", b"iTXt", b"iCCP", b"IDAT")[int(random.integers(4))]
    body = {b"zTXt": b"a\0\0", b"iTXt": b"a\0\1\0\0\0", b"iCCP": b"a\0\0", b"IDAT": b""}[name] + many
    chunk = struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    sound = sound_files()["colour.png"]
    return sound[:33] + chunk + (sound[33:] if name != b"IDAT" else sound[-12:])


KINDS: dict[str, Damage] = {
    damage.__name__.replace("_", " "): damage
    for damage in (
        cut_short,
        last_bytes_missing,
        one_bit,
        many_bits,
        bits_of_the_header,
        noise,
        zeros,
        zeros_to_the_end,
        ones,
        header_of_another,
        end_of_another,
        wrong_number,
        huge_sides,
        larger_sides,
        no_sides,
        untouched,
        rubbish_behind,
        rubbish_in_front,
        length_of_a_part,
        order_of_parts,
        part_twice,
        part_missing,
        part_put_in,
        bytes_swapped,
        sent_as_text,
        few_bytes,
        words,
        a_start_and_noise,
        one_in_another,
        directories_in_a_circle,
        much_from_little,
    )
}
