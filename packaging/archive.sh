#!/usr/bin/env bash
# Packs the program for one target: archive.sh VERSION TARGET BINARY OUT
# The archive holds the binary, completions, man pages, licences, README and changelog.
set -euo pipefail

[ $# = 4 ] || { sed -n '2,3p' "$0"; exit 2; }
version=$1 target=$2 binary=$3
mkdir -p "$4"
out=$(cd "$4" && pwd)
cd "$(dirname "$0")/.."

name=portwho-$version-$target
folder=$out/$name
rm -rf "$folder"
mkdir "$folder"
cp "$binary" README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT "$folder"
cp -R completions man "$folder"

case $target in
*windows*)
    archive=$name.zip
    rm -f "$out/$archive"
    (cd "$out" && 7z a -bso0 -tzip "$archive" "$name")
    ;;
*)
    archive=$name.tar.gz
    tar -C "$out" -czf "$out/$archive" "$name"
    ;;
esac
rm -rf "$folder"
echo "$archive"
