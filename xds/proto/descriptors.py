"""Write the descriptors of every _pb2 module of xds-protos as one FileDescriptorSet.

Usage: python descriptors.py OUT.binpb
"""

import importlib
import pathlib
import sys

import xds
from google.protobuf import descriptor_pb2

ROOTS = ("envoy", "xds", "udpa")


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
    descriptor.CopyToProto(out.file.add())


def main(target):
    site = pathlib.Path(list(xds.__path__)[0]).parent
    out = descriptor_pb2.FileDescriptorSet()
    seen = set()
    for name in modules(site):
        add(importlib.import_module(name).DESCRIPTOR, seen, out)
    pathlib.Path(target).write_bytes(out.SerializeToString(deterministic=True))
    print(f"{len(out.file)} files")


main(sys.argv[1])
