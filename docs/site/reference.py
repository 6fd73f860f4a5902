"""The reference: a page of MyST Markdown for each module, read from the source with griffe."""

import itertools
import re
import textwrap

import griffe

PACKAGE = "lfp_tf"
# Commands, golden cases and the insides of what other modules offer; `api` is shown as `lfp_tf`.
LEFT_OUT = ("api", "cli", "parity", "files", "progress", "checkpoints.formats")
SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises):\n((?:    .*\n|\n)+)", re.MULTILINE)
ENTRY = re.compile(r"^(\S[^:\n]*):", re.MULTILINE)
# Sections whose lines are `name: what it is`.
ENTRIES = {"Args", "Attributes", "Raises"}
AT_END = re.compile(r"  # (?!fmt:|noqa)(.*)$")
METHOD_LABELS = {"classmethod", "staticmethod"}
HEADINGS = {"Args": "Arguments"}
DOCTEST = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)
LONGEST_VALUE = 70


def write(folder, root):
    """Writes the pages of all public modules.

    Args:
        folder: gets them.
        root: of the checkout.
    """
    folder.mkdir(parents=True)
    package = griffe.load(PACKAGE, search_paths=[root], allow_inspection=False)
    for module in with_modules_below(package):
        (folder / f"{module.path}.md").write_text(page(module), encoding="utf-8")


def with_modules_below(module):
    """A module and all public ones in it."""
    yield module
    for below in modules_of(module):
        yield from with_modules_below(below)


def modules_of(module):
    """The public modules that lie directly in a package, by name."""
    names = {f"{PACKAGE}.{name}" for name in LEFT_OUT}
    below = (value for value in module.members.values() if not value.is_alias and value.is_module)
    return sorted((m for m in below if m.path not in names), key=lambda m: m.name)


def page(module):
    """The page of a module: what it says of itself, its members, the modules in it."""
    parts = [f"# {module.path}", f"```{{py:module}} {module.path}\n```", body(module)]
    parts += map(described, members_of(module))
    below = modules_of(module)
    if below:
        entries = "\n".join(f"{m.name} <{m.path}>" for m in below)
        parts.append(f"## Modules\n\n```{{toctree}}\n:hidden:\n\n{entries}\n```")
        parts.append("\n".join(f"- [`{m.name}`]({m.path}.md): {summary(m)}" for m in below))
    return "\n\n".join(parts) + "\n"


def summary(module):
    """The first sentence of a module; of a room, which has none, the modules in it."""
    if module.docstring:
        return module.docstring.value.split("\n\n")[0].replace("\n", " ")
    return ", ".join(f"`{below.name}`" for below in modules_of(module))


def members_of(module):
    """Public constants, functions and classes; what is imported stands where it is from."""
    if module.path == PACKAGE:
        return [module.members[name].final_target for name in module.exports]
    own = [value for value in module.members.values() if not value.is_alias]
    return [value for value in own if not (value.is_module or value.name.startswith("_"))]


def described(member):
    """A constant, a function, a class or a method as a directive."""
    if member.is_class:
        return described_class(member)
    if member.is_function:
        kind = "method" if member.parent.is_class else "function"
        options = [f":{label}:" for label in sorted(member.labels & METHOD_LABELS)]
        return directive(kind, signature(member), options, body(member))
    if "property" in member.labels:
        return directive("property", member.name, [], body(member))
    value = str(member.value)
    options = [f":value: {value}"] if len(value) <= LONGEST_VALUE else []
    return directive("data", member.name, options, comment(member))


def described_class(member):
    """A class: what it is made with, its fields, its methods."""
    own = [value for value in member.members.values() if not value.is_alias]
    fields = [f"- `{value.name}`: {comment(value)}" for value in own if is_field(value)]
    bases = ", ".join(f"`{base}`" for base in member.bases)
    methods = [described(value) for value in own if is_method(value)]
    text = [bases and f"Bases: {bases}", body(member, fields=fields), *methods]
    return directive("class", signature(member), [], "\n\n".join(filter(None, text)))


def signature(member):
    """A call as Python writes it, with types in full, as two modules may have one name."""
    for parameter in member.parameters:
        parameter.annotation = in_full(parameter.annotation)
    if member.is_function:
        member.returns = in_full(member.returns)
    return member.signature() or member.name


def in_full(annotation):
    """An annotation whose names are those that Sphinx links."""
    if annotation is None or isinstance(annotation, str):
        return annotation
    if isinstance(annotation, griffe.ExprName | griffe.ExprAttribute):
        return annotation.canonical_path
    return "".join(map(in_full, annotation.iterate(flat=False)))


def is_method(member):
    """Whether a method or property is for users: it has a docstring."""
    is_called = member.is_function or "property" in member.labels
    return is_called and not member.name.startswith("_") and bool(member.docstring)


def is_field(member):
    """Whether a comment tells what a class's attribute means; others stand in `Attributes`."""
    if not member.is_attribute or member.name.startswith("_"):
        return False
    is_declared = member.annotation or "class-attribute" in member.labels
    return bool(is_declared and comment(member))


def comment(attribute):
    """The comment at the end of an attribute's line, or on the lines before it."""
    lines = attribute.lines_collection[attribute.filepath]
    after = AT_END.search(lines[attribute.endlineno - 1])
    before = itertools.takewhile(
        lambda line: line.strip().startswith("# "), reversed(lines[: attribute.lineno - 1])
    )
    return after[1] if after else " ".join(line.strip(" #") for line in reversed([*before]))


def body(member, fields=()):
    """A docstring as Markdown: its text, then its sections as a list of fields."""
    text = member.docstring.value + "\n" if member.docstring else ""
    sections = {name: textwrap.dedent(lines).strip() for name, lines in SECTION.findall(text)}
    for name in ENTRIES & sections.keys():
        sections[name] = ENTRY.sub(r"- `\1`:", sections[name])
    if fields:
        sections["Attributes"] = "\n".join([*filter(None, [sections.get("Attributes")]), *fields])
    listed = [
        f":{HEADINGS.get(name, name)}:\n{textwrap.indent(lines, '    ')}"
        for name, lines in sections.items()
    ]
    prose = DOCTEST.sub(r"```pycon\n\g<0>\n```", SECTION.sub("", text).strip())
    return "\n\n".join(filter(None, [prose, "\n".join(listed)]))


def directive(kind, heading, options, text):
    """A directive of Sphinx' Python domain; a class has a longer fence than what is in it."""
    fence = "`" * (5 if kind == "class" else 4)
    head = "\n".join([f"{fence}{{py:{kind}}} {heading}", *options])
    return f"{head}\n\n{text}\n{fence}"
