#!/usr/bin/env bash
# Write gen/ and registry.ts anew from the protos of xds-protos and of gRPC's own packages. Run by hand:
# xds/proto/generate.sh
# Needs python3 with venv, node and npx; downloads from the package registries the machine is set up with.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PATH="$here/../../node_modules/.bin:$PATH"

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  xds-protos==1.85.0 protobuf==7.36.2 grpcio==1.85.1
"$work/venv/bin/python" "$here/descriptors.py" "$work/descriptors.binpb"

# Health and reflection: gRPC's packages are taken for their .proto files alone.
(
  cd "$work"
  npm pack --silent grpc-health-check@2.1.0 @grpc/reflection@1.0.4 >packed
  mkdir -p grpc protos/grpc/health
  while read -r archive; do tar -xzf "$archive" -C grpc; done <packed
  cp -r grpc/package/proto/health/v1 protos/grpc/health/
  cp -r grpc/package/build/proto/grpc/reflection protos/grpc/
)

cp "$here/buf.gen.yaml" "$work/"
rm -rf "$here/gen"
(
  cd "$work"
  npx --yes -p @bufbuild/buf@1.75.0 -p @bufbuild/protoc-gen-es@2.17.0 buf generate --output "$here"
)
node "$here/write-registry.ts"
