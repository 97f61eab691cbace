#!/usr/bin/env python3
"""Writes what the package consists of as SPDX 2.3: sbom.py ROOT VERSION MAP DEPENDS OUTPUT

ROOT is the installed tree, MAP the map that the linker made of the program, DEPENDS the field of the package. What is linked in
comes from the map; its licences come from the copyright file, where a part without a paragraph is an error. The same input
gives the same bytes: times are SOURCE_DATE_EPOCH, and the document is named by what is in it.
"""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
# Which project of the toolchain each of its archives is of.
TOOLCHAIN = {
    "swift": "swift",
    "libswift": "swift",
    "lib_RegexParser": "swift-experimental-string-processing",
    "libswift_RegexParser": "swift-experimental-string-processing",
    "libswift_StringProcessing": "swift-experimental-string-processing",
    "libswiftRegexBuilder": "swift-experimental-string-processing",
    "lib_Foundation": "swift-foundation",
    "libFoundationEssentials": "swift-foundation",
    "lib_FoundationCollections": "swift-collections",
    "libdispatch": "swift-corelibs-libdispatch",
    "libswiftDispatch": "swift-corelibs-libdispatch",
    "libBlocksRuntime": "swift-corelibs-libdispatch",
}
# Of the C library and the compiler, which permit this without a notice: the start of a program and the few functions that are not
# in a shared library.
UNLISTED = re.compile(r"libc_nonshared|libgcc|libgcc_eh|libpthread_nonshared|libstdc\+\+_nonshared")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE.parent).stdout


def toolchain_projects(link_map):
    """Names of the projects whose archives the linker took something from, by the longest prefix in TOOLCHAIN."""
    archives = set(re.findall(r"([^/\s()]+)\.a\(", pathlib.Path(link_map).read_text(errors="replace")))
    if not archives:
        sys.exit(f"{link_map}: names no archive")
    projects = {"swift"}
    for archive in archives:
        if UNLISTED.fullmatch(archive):
            continue
        prefix = max((known for known in TOOLCHAIN if archive.startswith(known)), key=len, default=None)
        if prefix is None:
            sys.exit(f"{archive}.a is linked in: say in {__file__} which project it is of, and in copyright under which licence")
        projects.add(TOOLCHAIN[prefix])
    return projects


def swift_packages():
    """Name, version and address of each package that hotcold is built with."""
    root = json.loads(run("swift", "package", "show-dependencies", "--format", "json"))
    pending, found = list(root["dependencies"]), {}
    while pending:
        package = pending.pop()
        found[package["identity"]] = (package["version"], package["url"].removesuffix(".git"))
        pending += package["dependencies"]
    return found


def licences(copyright):
    """Of each part that the copyright file names: the SPDX expression of all its paragraphs, and the copyrights."""
    parts = {}
    for paragraph in copyright.read_text().split("\n\n"):
        fields = dict(re.findall(r"^(\S+): *((?:.*\n?)(?: .*\n?)*)", paragraph, re.MULTILINE))
        if "Files" not in fields:
            continue
        name = fields["License"].split("\n")[0]
        name = re.sub(r" with (\w+) exception", r" WITH \1-exception", name)
        name = {"all-rights-reserved": "LicenseRef-all-rights-reserved"}.get(name, name)
        owners = [line.strip() for line in fields["Copyright"].split("\n") if line.strip()]
        for files in fields["Files"].split():
            expressions, holders = parts.setdefault(files.split("/")[0], ([], []))
            expressions += [name] if name not in expressions else []
            holders += [owner for owner in owners if owner not in holders]
    return {part: (" AND ".join(names), "\n".join(holders)) for part, (names, holders) in parts.items()}


def package(name, version, address, licence, owners, purl):
    described = {
        "SPDXID": "SPDXRef-Package-" + name.replace("+", "-"),
        "name": name,
        "downloadLocation": address or "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": licence,
        "licenseDeclared": licence,
        "copyrightText": owners,
        "primaryPackagePurpose": "LIBRARY",
    }
    if version:
        described["versionInfo"] = version
    if purl:
        reference = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}
        described["externalRefs"] = [reference]
    return described


def described_file(path, root, licence):
    contents = path.read_bytes()
    name = "./" + str(path.relative_to(root))
    return {
        "SPDXID": "SPDXRef-File-" + hashlib.sha256(name.encode()).hexdigest()[:16],
        "fileName": name,
        "checksums": [
            {"algorithm": "SHA1", "checksumValue": hashlib.sha1(contents).hexdigest()},
            {"algorithm": "SHA256", "checksumValue": hashlib.sha256(contents).hexdigest()},
        ],
        "licenseConcluded": licence if name == "./usr/bin/hotcold" else "NOASSERTION",
        "copyrightText": "NOASSERTION",
    }


def main():
    root, version, link_map, depends, output = sys.argv[1:]
    copyright = pathlib.Path(root, "usr/share/doc/hotcold/copyright")
    known = licences(copyright)
    toolchain = re.search(r"\((swift-\S+-RELEASE)\)", run("swift", "--version"))
    release = toolchain.group(1) if toolchain else None
    linked = []
    for name, (number, address) in sorted(swift_packages().items()):
        purl = f"pkg:swift/{address.removeprefix('https://')}@{number}"
        linked.append((name, number, f"git+{address}@{number}", purl))
    for name in sorted(toolchain_projects(link_map)):
        # Which version of it a toolchain contains is not told for those of other owners.
        tag = release if name != "swift-collections" else None
        address = f"git+https://github.com/swiftlang/{name}@{tag}" if tag else None
        linked.append((name, tag, address, f"pkg:swift/github.com/swiftlang/{name}@{tag}" if tag else None))
    missing = [name for name, *_ in linked if name not in known]
    if missing:
        sys.exit(f"linked in, and not in {copyright}: {', '.join(missing)}")
    unused = set(known) - {"*"} - {name for name, *_ in linked}
    if unused:
        sys.exit(f"in {copyright}, and not linked in: {', '.join(sorted(unused))}")

    own, owners = known["*"]
    whole = " AND ".join(dict.fromkeys(" AND ".join(known[name][0] for name in ["*"] + [l[0] for l in linked]).split(" AND ")))
    files = [path for folder in ("etc", "usr") for path in pathlib.Path(root, folder).rglob("*") if path.is_file()]
    files = [described_file(path, root, whole) for path in sorted(files)]
    sums = sorted(described["checksums"][0]["checksumValue"] for described in files)
    code = hashlib.sha1("".join(sums).encode()).hexdigest()
    hotcold = package("hotcold", version, None, whole, owners, f"pkg:deb/hotcold@{version}")
    hotcold |= {
        "filesAnalyzed": True,
        "licenseDeclared": own,
        "licenseInfoFromFiles": ["NOASSERTION"],
        "packageVerificationCode": {
            "packageVerificationCodeValue": code,
            "packageVerificationCodeExcludedFiles": ["./" + str(pathlib.Path(output).relative_to(root))],
        },
        "primaryPackagePurpose": "APPLICATION",
        "supplier": "Organization: hotcold maintainers (maintainers@hotcold.invalid)",
    }
    packages, relations = [hotcold], [("SPDXRef-DOCUMENT", "DESCRIBES", hotcold)]
    for name, number, address, purl in linked:
        packages.append(package(name, number, address, *known[name], purl))
        relations.append((hotcold["SPDXID"], "STATIC_LINK", packages[-1]))
    for name, bound in re.findall(r"([\w+.-]+)(?: \(([^)]*)\))?", depends):
        packages.append(package(name, bound, None, "NOASSERTION", "NOASSERTION", f"pkg:deb/debian/{name.replace('+', '%2B')}"))
        relations.append((hotcold["SPDXID"], "DYNAMIC_LINK", packages[-1]))
    relations += [(hotcold["SPDXID"], "CONTAINS", described) for described in files]
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"hotcold-{version}",
        "documentNamespace": f"https://hotcold.invalid/spdx/hotcold-{version}-{code}",
        "creationInfo": {
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))),
            "creators": ["Organization: hotcold maintainers (maintainers@hotcold.invalid)", "Tool: Packaging/sbom.py"],
        },
        "hasExtractedLicensingInfos": [
            {
                "licenseId": "LicenseRef-all-rights-reserved",
                "name": "All rights reserved",
                "extractedText": "All rights reserved by the founders until they decide otherwise.",
            }
        ],
        "packages": packages,
        "files": files,
        "relationships": [
            {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other["SPDXID"]}
            for one, kind, other in relations
        ],
    }
    pathlib.Path(output).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


main()
