"""Random damage of files, for tests of what reads them."""


def damaged(data, others, draw):
    """One to four changes of `data`: flips, other bytes, cuts, inserts, pieces of other files."""
    data = bytearray(data)
    # Half of the changes fall into the first 2 KiB, where pickles and headers are.
    place = lambda: draw.randrange(min(len(data), draw.choice((2048, 1 << 30))) or 1)  # noqa: E731
    for _ in range(draw.randint(1, 4)):
        at, kind = place(), draw.randrange(6)
        if not data:
            break
        if kind == 0:
            data[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            data[at] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)))
        elif kind == 2:
            del data[at : at + draw.choice((1, 4, 100, 1 << 30))]
        elif kind == 3:
            data[at:at] = draw.randbytes(draw.randint(1, 9))
        elif kind == 4:
            other = draw.choice(others)
            start = draw.randrange(len(other))
            data[at : at + draw.randrange(64)] = other[start : start + draw.randrange(64)]
        else:
            data[at:at] = data[at : at + draw.randrange(200)] * draw.randint(1, 50)
    return bytes(data)
