"""The part of Android's public signatures that the app uses, and Java stubs of it.

    python tests/android/signatures.py current.txt

extracts that part from `api/current.txt` of Android 10 (API 29; in Debian's source
package android-platform-frameworks-base 1:10.0.0+r36) and writes `android-29.txt`
beside this file. Run it again when the app uses a new name. The lines are copied
unchanged, so that what Android lacks, or has in another form, does not compile against
the stubs.

The classes that the app imports are kept, and all classes that their signatures name.
Of a class, the constructors, the abstract methods, and the members whose names occur in
the app are kept. A missing member can make a compilation fail, but not pass.
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
EXCERPT = HERE / "android-29.txt"
APP = HERE.parents[1] / "android_demo" / "app" / "src" / "main" / "kotlin"

HEADER = """\
// The signatures of Android 10 (API 29) that the sample app leads to, taken from
// api/current.txt of the Android Open Source Project by signatures.py beside this file.
// Copyright (C) The Android Open Source Project; Apache License, Version 2.0.
"""
# With its brackets, which may contain annotations.
ANNOTATION = re.compile(
    r'@(?!interface)([\w.]+)(?:\((?:[^()"]|"[^"]*"|\([^()]*\))*\))? ?'
)
QUALIFIED = re.compile(r"\b(?:android|org|javax)(?:\.\w+)+")
STRING_OR_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*")|/\*.*?\*/|//[^\n]*', re.DOTALL)
THROW = '{ throw new RuntimeException("Stub!"); }'
# Lets every constructor call one of its superclass without knowing its arguments.
STUB = """\
package android;
public final class Stub {
    public static <T> T value() { throw new RuntimeException("Stub!"); }
}
"""
NULLNESS = """\
package android.annotation;
import java.lang.annotation.*;
@Retention(RetentionPolicy.CLASS)
@Target({ElementType.METHOD, ElementType.PARAMETER, ElementType.FIELD})
public @interface %s {}
"""


class Type:
    """A class or interface of a signature file.

    Attributes:
        package: its package.
        header: its first line, without the brace.
        kind: class, interface, enum or @interface.
        name: its name in the package, such as `View.OnClickListener`.
        members: its lines.
    """

    def __init__(self, package: str, header: str):
        self.package = package
        self.header = header
        match = re.search(r"(class|@?interface|enum) ([\w.]+)", header)
        assert match, header
        self.kind, self.name = match.groups()
        self.members: list[str] = []

    @property
    def full_name(self) -> str:
        """Its name with its package."""
        return f"{self.package}.{self.name}"

    @property
    def supertypes(self) -> list[str]:
        """Its superclass and interfaces, as written."""
        names = without_annotations(self.header).split(self.name, 1)[1]
        names = re.sub(r"^<.*?>(?= extends| implements|$)", "", names)
        return re.findall(
            r"[\w.]+(?:<[^ ]*>)?", re.sub(r"\b(extends|implements)\b", "", names)
        )

    def is_abstract(self, member: str) -> bool:
        """Whether a member is a method without a body."""
        if not member.startswith("method"):
            return False
        if self.kind == "interface":
            return not re.search(r" (default|static) ", member)
        return " abstract " in member


def parse(text: str) -> dict[str, Type]:
    """The types of a signature file (AOSP's format 2.0) by full name."""
    types: dict[str, Type] = {}
    package = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("package "):
            package = line.split()[1]
        elif line.endswith("{"):
            current = Type(package, line[:-1].strip())
            types[current.full_name] = current
        elif line.startswith(("ctor", "method", "field", "enum_constant")):
            current.members.append(line)
    return types


def without_annotations(line: str) -> str:
    """A line without annotations and comments."""
    return ANNOTATION.sub("", line.split(" // ")[0])


def name_of(member: str) -> str:
    """The name of a method, field or constructor."""
    plain = without_annotations(member).split(" = ")[0].rstrip(";")
    match = re.search(r"(\w+)\(|(\w+)$", plain)
    assert match, member
    return match.group(1) or match.group(2)


def excerpt(types: dict[str, Type], source: str) -> str:
    """The part of the signatures that Kotlin sources need.

    Args:
        types: all types of Android.
        source: the sources of the app.
    """
    code = STRING_OR_COMMENT.sub(r"\1", source)
    words = {*re.findall(r"\w+", code), "compareTo"}  # of Comparable, which is Java's
    # Kotlin's properties are getters and setters: `text`, `isEnabled`.
    properties = words | {w[2:] for w in words if re.match("is[A-Z]", w)}
    words |= {
        p + w[0].upper() + w[1:] for w in properties for p in ("get", "set", "is")
    }
    imported = set(re.findall(r"^import (android\.[\w.]+)", code, re.MULTILINE))
    kept: dict[str, list[str]] = {}
    todo = sorted(imported)
    while todo:
        name = todo.pop()
        if (
            name not in types
            or name in kept
            or name.startswith(("javax.", "org.w3c", "org.xml."))
        ):
            continue
        promised = {name_of(m) for m in abstract_methods(types, types[name]).values()}
        members = [
            m
            for m in types[name].members
            if m.startswith("ctor") or name_of(m) in words | promised
        ]
        kept[name] = members
        todo += QUALIFIED.findall(
            "\n".join(map(without_annotations, [types[name].header, *members]))
        )
        todo.append(name.rpartition(".")[0])  # the class around it, if it is nested
        todo += [
            n
            for n in types
            if n.rpartition(".")[0] == name and n.rpartition(".")[2] in words
        ]
    lines = [HEADER]
    for package in sorted({types[name].package for name in kept}):
        lines += [f"package {package} {{"]
        for name in sorted(n for n in kept if types[n].package == package):
            lines += [
                f"  {types[name].header} {{",
                *(f"    {m}" for m in kept[name]),
                "  }",
            ]
        lines += ["}"]
    return "\n".join(lines) + "\n"


def write_java(types: dict[str, Type], folder: pathlib.Path) -> None:
    """Write Java sources with these signatures, whose methods do nothing."""
    sources = {"android/Stub.java": STUB}
    for name in ("NonNull", "Nullable"):
        sources[f"android/annotation/{name}.java"] = NULLNESS % name
    for full_name, type_ in types.items():
        if "." not in type_.name:
            text = f"package {type_.package};\n" + java(types, type_)
            sources[full_name.replace(".", "/") + ".java"] = text
    for file, text in sources.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def java(types: dict[str, Type], type_: Type) -> str:
    """A type and its nested types as Java."""
    simple = type_.name.rpartition(".")[2]
    lines = [java_header(type_, simple)]
    members = type_.members
    if type_.kind == "enum":
        constants = [name_of(m) for m in members if m.startswith("enum_constant")]
        lines.append(", ".join(constants) + ";")
        members = [
            m for m in members if name_of(m) not in (*constants, "valueOf", "values")
        ]
    if type_.kind == "class":
        parent = type_.supertypes[0] if " extends " in type_.header else ""
        to_parent = "super(stub);" if re.sub("<.*", "", parent) in types else ""
        lines.append(f"protected {simple}(android.Stub stub) {{ {to_parent} }}")
        members = members + missing(types, type_)
    lines += [java_member(m, type_.is_abstract(m)) for m in members]
    inner = [
        t for t in types.values() if t.full_name.rpartition(".")[0] == type_.full_name
    ]
    lines += [java(types, t) for t in inner]
    return "\n".join([*lines, "}"]) + "\n"


def java_header(type_: Type, simple: str) -> str:
    """The first line of a type as Java; lists are separated by commas."""
    header = without_annotations(type_.header).replace(
        f" {type_.name}", f" {simple}", 1
    )
    if type_.kind == "enum":
        header = re.sub(r"\b(final|abstract) ", "", header)
    head, word, interfaces = header.partition(
        " extends " if type_.kind == "interface" else " implements "
    )
    return f"{head}{word}{', '.join(interfaces.split())} {{"


def java_member(member: str, is_abstract: bool) -> str:
    """A constructor, method or field as Java."""
    member = member.split(" // ")[0].rstrip(";")
    member = ANNOTATION.sub(
        lambda m: (
            f"@android.annotation.{m[1]} " if m[1] in ("NonNull", "Nullable") else ""
        ),
        member,
    )
    what, declaration = member.split(" ", 1)
    if what == "field":
        return java_field(declaration)
    head, rest = declaration.split("(", 1)
    arguments, throws = rest.rsplit(")", 1)
    named = (f"{a} p{i}" for i, a in enumerate(split(arguments)))
    if what == "ctor":
        head, simple = re.sub(r"[\w.]+\.", "", head), "this((android.Stub) null);"
        if "<T>" in arguments:  # the file omits type parameters of constructors
            head = re.sub(r"(\w+)$", r"<T> \1", head)
        return f"{head}({', '.join(named)}){throws} {{ {simple} }}"
    head = re.sub(r"\b(native|synchronized) ", "", head)
    body = ";" if is_abstract else THROW
    return f"{head}({', '.join(named)}){throws} {body}"


def java_field(declaration: str) -> str:
    """A field as Java; constants have their value."""
    left, _, value = declaration.partition(" = ")
    if not value or value.endswith("NaN") or " / " in value:
        return f"{left} = android.Stub.value();"
    type_ = left.split()[-2]
    return f"{left} = ({type_}) {value};"


def missing(types: dict[str, Type], type_: Type) -> list[str]:
    """The methods that supertypes of a class declare and no list contains.

    A signature file omits methods that repeat an inherited signature.
    """
    if " abstract " in f" {type_.header}":
        return []
    have = {
        signature(m)
        for t in [type_, *ancestors(types, type_)]
        for m in t.members
        if m.startswith("method") and not t.is_abstract(m)
    }
    promised = abstract_methods(types, type_).items()
    return [re.sub(r" abstract\b", "", m) for key, m in promised if key not in have]


def abstract_methods(types: dict[str, Type], type_: Type) -> dict[str, str]:
    """The abstract methods of a type and its supertypes, by signature."""
    family = [type_, *ancestors(types, type_)]
    return {signature(m): m for t in family for m in t.members if t.is_abstract(m)}


def ancestors(types: dict[str, Type], type_: Type) -> list[Type]:
    """The known supertypes of a type."""
    names = (re.sub("<.*", "", name) for name in type_.supertypes)
    direct = [types[name] for name in names if name in types]
    return [a for t in direct for a in (t, *ancestors(types, t))]


def signature(method: str) -> str:
    """The name and arguments of a method."""
    return re.sub(r"^.*? (\w+\(.*\)).*$", r"\1", without_annotations(method))


def split(arguments: str) -> list[str]:
    """Arguments, separated at commas outside of angle brackets."""
    parts, depth = [""], 0
    for c in arguments:
        depth += (c == "<") - (c == ">")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts if part.strip()]


if __name__ == "__main__":
    source = "\n".join(path.read_text() for path in sorted(APP.rglob("*.kt")))
    current = pathlib.Path(sys.argv[1]).read_text()
    EXCERPT.write_text(excerpt(parse(current), source))
    print(EXCERPT)
