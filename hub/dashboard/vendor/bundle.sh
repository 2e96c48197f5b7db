#!/bin/sh
# Makes ../static/vendor/codemirror-VERSION.min.js and its licences anew, from package-lock.json.
# Only for whoever changes the versions: the bundle is kept in the repository, and needs Node to
# be made, but not to be used. New versions: change package.json, and call this with --update.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$here/../static/vendor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/package.json" "$here/codemirror.js" "$work"
cd "$work"
if [ "${1:-}" = --update ]; then
  npm install --package-lock-only --ignore-scripts --no-audit --no-fund
  cp package-lock.json "$here"
fi
cp "$here/package-lock.json" .
npm ci --ignore-scripts --no-audit --no-fund
version=$(node -p 'require("./node_modules/codemirror/package.json").version')
rm -f "$out"/codemirror-*
npx esbuild codemirror.js --bundle --minify --format=iife --global-name=CodeMirror \
  --target=es2022 --legal-comments=none --charset=utf8 \
  --outfile="$out/codemirror-$version.min.js"
for folder in node_modules/codemirror node_modules/@codemirror/* node_modules/@lezer/* \
  node_modules/@marijn/* node_modules/crelt node_modules/style-mod node_modules/w3c-keyname; do
  [ -d "$folder" ] || continue
  node -p "const p = require('./$folder/package.json'); p.name + ' ' + p.version"
  echo
  cat "$folder/LICENSE"
  echo
done > "$out/codemirror-LICENSE.txt"
