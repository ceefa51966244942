"""What Python itself makes of the literals that `mistgate import` reads.

    literals.py SEED COUNT FILE...

Prints one line of JSON for each FILE, and for COUNT texts made of pieces that a seed chooses: its
"source", and the "values" of the names to which it assigns literals at the top level, or null where
Python refuses the text.
"""

import ast
import json
import random
import struct
import sys
import warnings

LETTERS = ["a", "Z", "é", "漢", "😀", " ", "#", "\t", "$", "{", "%", "[", "x1", "0", ":", "="]
ESCAPES = [r"\n", r"\\", r"\'", r"\"", r"\x41", r"\u00e9", r"\d", r"\t", "\\\n", r"\8", r"\r"]
NUMBERS = ["0", "00", "1_000", "1.", ".5", "1e3", "9223372036854775807", "9223372036854775808", "-1",
           "+2", "-.5", "1__0", "007", "3j"]
BETWEEN = ["", "", " ", "  # why ' \" ]\n", "\n", "\\\n", "\t"]
ENDS = ["\n", "\r\n", "\r"]


def values(source):
    """Names and literals, the last of each; None for what is no Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    found = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    found.pop(target.id, None)
                    try:
                        found[target.id] = plain(ast.literal_eval(statement.value))
                    except (ValueError, TypeError):
                        pass
    return found


def plain(value):
    """JSON that tells the types apart."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        value.encode()  # A surrogate is no character.
        return {"text": value}
    if isinstance(value, int):
        if not -(2**63) < value < 2**63:
            raise ValueError
        return {"integer": str(value)}
    if isinstance(value, float):
        return {"float": struct.unpack("Q", struct.pack("d", value))[0]}
    if isinstance(value, (list, tuple)):
        return {"list": [plain(element) for element in value]}
    if isinstance(value, dict):
        return {"dict": [[plain(key), plain(element)] for key, element in value.items()]}
    raise ValueError


def made_up(luck):
    lines = []
    for _ in range(luck.randint(1, 4)):
        lines.append(f"{luck.choice('xyz')}{luck.choice(['=', ' = '])}{literal(luck, 3)}")
        if luck.random() < 0.1:
            lines.append(luck.choice(["import os", "'''doc'''", "if x:\n    y = 1", "x.y = 1", "  "]))
    source = luck.choice(["\n", ";", "\n\n# more\n"]).join(lines) + "\n"
    return source.replace("\n", luck.choice(ENDS))


def literal(luck, depth):
    between = lambda: luck.choice(BETWEEN) if depth < 3 else ""
    kind = luck.randrange(7 if depth else 4)
    if kind == 0:
        return luck.choice(NUMBERS)
    if kind == 1:
        return luck.choice(["None", "True", "False"])
    if kind < 4:
        parts = [text(luck) for _ in range(luck.choice([1, 1, 2, 3]))]
        return (luck.choice(BETWEEN) if depth < 3 else " ").join(parts)
    elements = [between() + literal(luck, depth - 1) for _ in range(luck.randrange(4))]
    if kind == 4:
        return f"[{','.join(elements)}{luck.choice(['', ',']) if elements else ''}]"
    if kind == 5:
        return f"({','.join(elements)}{luck.choice(['', ',']) if elements else ''})"
    pairs = [f"{text(luck)}{luck.choice([':', ': '])}{element}" for element in elements]
    return f"{{{','.join(pairs)}}}"


def text(luck):
    quotes = luck.choice(["'", '"', "'''", '"""'])
    prefix = luck.choice(["", "", "", "r", "R", "u", "U"])
    pieces = luck.choices(LETTERS + ESCAPES + ["'", '"'], k=luck.randrange(6))
    if len(quotes) == 3:
        pieces += luck.choice([[], ["\n"]])
    return prefix + quotes + "".join(pieces) + quotes


def main(seed, count, *files):
    warnings.simplefilter("ignore")
    luck = random.Random(int(seed))
    sources = [open(file, newline="").read() for file in files]
    sources += [made_up(luck) for _ in range(int(count))]
    for source in sources:
        try:
            found = values(source)
        except UnicodeEncodeError:
            continue
        print(json.dumps({"source": source, "values": found}))


main(*sys.argv[1:])
