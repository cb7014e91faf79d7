"""Fetches the original source of one of Debian's packages: fetch_source.py PACKAGE FILE. The newest version that the suites have."""

import hashlib
import lzma
import re
import sys
from urllib.error import HTTPError
from urllib.request import urlopen

ARCHIVE = "http://deb.debian.org/debian/"  # what is fetched is checked by the sums in the index
SUITES = ("sid", "forky", "trixie", "bookworm")


def candidates(package):
    """The files of all versions, as (version, path, SHA-256)."""
    for suite in SUITES:
        with urlopen(ARCHIVE + "dists/%s/main/source/Sources.xz" % suite) as answer:
            index = lzma.decompress(answer.read()).decode()
        for entry in index.split("\n\n"):
            if not entry.startswith("Package: %s\n" % package):
                continue
            folder = re.search(r"^Directory: (.+)$", entry, re.MULTILINE).group(1)
            for digest, name, version in re.findall(r"^ ([0-9a-f]{64}) \d+ (%s_(.+)\.orig\.tar\.xz)$" % re.escape(package), entry, re.MULTILINE):
                yield [int(number) for number in re.findall(r"\d+", version)], folder + "/" + name, digest


def main():
    package, target = sys.argv[1:]
    found = sorted(candidates(package), reverse=True)
    for _, path, digest in found:
        try:
            with urlopen(ARCHIVE + path) as answer:
                data = answer.read()
        except HTTPError as error:
            print("pyserve: %s: %s" % (path, error), file=sys.stderr)  # a mirror may lack what an index names
            continue
        if hashlib.sha256(data).hexdigest() != digest:
            sys.exit("pyserve: %s is not what the index says: fetch it again" % path)
        with open(target, "wb") as file:
            file.write(data)
        return
    sys.exit("pyserve: Debian has no source of %s" % package)


main()
