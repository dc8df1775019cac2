#!/usr/bin/env bash
# Fills the templates of packages: fill.sh VERSION URL SUMS OUT
# URL is where the archives of this version lie, SUMS the output of sha256sum over them.
set -euo pipefail

[ $# = 4 ] || { sed -n '2,3p' "$0"; exit 2; }
version=$1 url=${2%/} sums=$3 out=$4
templates=$(cd "$(dirname "$0")" && pwd)/templates
repository=${url%/releases/*}

sum() { # TARGET ENDING
    local line
    line=$(grep -E "^[0-9a-f]{64}  [*]?portwho-$version-$1\\.$2\$" "$sums") ||
        { echo "fill.sh: $sums has no checksum for $1" >&2; exit 1; }
    echo "${line%% *}"
}

fill() { # TEMPLATE FILE
    mkdir -p "$(dirname "$2")"
    sed -e "s|@VERSION@|$version|g" -e "s|@URL@|$url|g" -e "s|@REPOSITORY@|$repository|g" \
        -e "s|@SHA_MACOS_ARM@|$macos_arm|g" -e "s|@SHA_MACOS_X86@|$macos_x86|g" \
        -e "s|@SHA_LINUX_ARM@|$linux_arm|g" -e "s|@SHA_LINUX_X86@|$linux_x86|g" \
        -e "s|@SHA_WINDOWS@|$windows|g" "$templates/$1" >"$2"
}

macos_arm=$(sum aarch64-apple-darwin tar.gz)
macos_x86=$(sum x86_64-apple-darwin tar.gz)
linux_arm=$(sum aarch64-unknown-linux-musl tar.gz)
linux_x86=$(sum x86_64-unknown-linux-musl tar.gz)
windows=$(sum x86_64-pc-windows-msvc zip)

fill portwho.rb "$out/homebrew/portwho.rb"
fill scoop.json "$out/scoop/portwho.json"
for kind in version installer locale.en-US; do
    suffix=.$kind
    [ "$kind" != version ] || suffix=
    fill "winget.$kind.yaml" "$out/winget/portwho.portwho$suffix.yaml"
done
