#!/bin/sh
# Makes the font that pages load out of Figtree's variable font as @fontsource-variable/figtree 5.3.0 ships it (OFL, no reserved name):
# the weights that the style sheets use and the letters of western Europe. Needs `pip install fonttools brotli`; the result is committed.
# A changed font gets a new file name: browsers keep the old one for a year.
set -eu
whole=$1
named=$(dirname "$0")/../fonts/figtree-5.3.0-portal.woff2
weights=$(mktemp)
trap 'rm -f "$weights"' EXIT
fonttools varLib.instancer "$whole" wght=400:800 --output "$weights" --quiet
pyftsubset "$weights" --output-file="$named" --flavor=woff2 --no-hinting --layout-features=kern,tnum,locl \
  --unicodes=U+0020-007E,U+00A0-00FF,U+0131,U+0152-0153,U+02DC,U+2013-2014,U+2018-201A,U+201C-201E,U+2022,U+2026,U+2039-203A,U+20AC,U+2122,U+2191,U+2193,U+2212
