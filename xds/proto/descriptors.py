"""Write the descriptors of every _pb2 module of xds-protos as one FileDescriptorSet.

Usage: python descriptors.py OUT.binpb
"""

import importlib
import pathlib
import sys

import xds
from google.protobuf import descriptor_pb2

ROOTS = ("envoy", "xds", "udpa")

# buf's own field in a file of an image: buf_extension (8042) { is_import (1): true }. A well-known type
# that is an import isn't generated; the generated code takes it from @bufbuild/protobuf/wkt.
IS_IMPORT = bytes([0xD2, 0xF6, 0x03, 0x02, 0x08, 0x01])


def modules(site):
    """The _pb2 modules below the roots, in a stable order."""
    for root in ROOTS:
        for path in sorted((site / root).rglob("*_pb2.py")):
            yield ".".join(path.relative_to(site).with_suffix("").parts)


def add(descriptor, seen, out):
    """Append a file after the files it depends on."""
    if descriptor.name in seen:
        return
    seen.add(descriptor.name)
    for dependency in descriptor.dependencies:
        add(dependency, seen, out)
    file = out.file.add()
    descriptor.CopyToProto(file)
    if descriptor.name.startswith("google/protobuf/"):
        file.MergeFromString(IS_IMPORT)


def main(target):
    site = pathlib.Path(list(xds.__path__)[0]).parent
    out = descriptor_pb2.FileDescriptorSet()
    seen = set()
    for name in modules(site):
        add(importlib.import_module(name).DESCRIPTOR, seen, out)
    pathlib.Path(target).write_bytes(out.SerializeToString(deterministic=True))
    print(f"{len(out.file)} files")


main(sys.argv[1])
