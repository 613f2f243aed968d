// Compiles the style sheets and drops the rules of NHS.UK frontend that no page of ours uses. Run with: npm run build
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { compile } from "sass";

// A selector that matches one of these is dropped. When a page needs one, delete its line here and build again.
const UNUSED = [
  /--reverse/, /nhsuk-card/, /nhsuk-caption/, /nhsuk-expander/, /nhsuk-button--(brand|login|icon|secondary-solid)/, /nhsuk-icon/,
  /nhsuk-body-l|nhsuk-lede|nhsuk-u-(?!visually-hidden)/, /nhsuk-table|nhsuk-list--(tick|cross|border)|nhsuk-action-link/,
  /(input|select|textarea|input-wrapper)--large/, /-ms-|nhsuk-input__(wrapper|prefix|suffix)|input-wrapper__(prefix|suffix)/,
  /type=search|nhsuk-search/, /(radios|checkboxes)--small/, /nhsuk-panel--interruption|nhsuk-panel__title/, /nhsuk-link--/,
  /nhsuk-notification-banner__link/, /nhsuk-grid-column-(one-quarter|three-quarters|.*-from-)/, /nhsuk-main-wrapper|nhsuk-width-container/,
  /nhsuk-label-wrapper:has|\.nhsuk-label:not\(\.nhsuk-label--m\).*nhsuk-caption/, /-moz-focus-inner/, /nhsuk-section-break/,
];

/** Splits compressed CSS into [prelude, body or null] at the top level. */
function* rules(css) {
  let start = 0, depth = 0, open = 0, quote = "";
  for (let i = 0; i < css.length; i++) {
    const c = css[i];
    if (quote) { if (c === quote) quote = ""; continue; }
    if (c === '"' || c === "'") quote = c;
    else if (c === "{" && depth++ === 0) open = i;
    else if (c === "}" && --depth === 0) { yield [css.slice(start, open), css.slice(open + 1, i)]; start = i + 1; }
    else if (c === ";" && depth === 0) start = i + 1;
  }
}

const splitSelectors = (text) => text.split(/,(?![^(]*\))/);

function trim(css) {
  let out = "";
  for (const [prelude, body] of rules(css)) {
    if (/^@(media|supports)/.test(prelude)) {
      const inner = trim(body);
      if (inner) out += `${prelude}{${inner}}`;
    } else if (prelude.startsWith("@")) out += `${prelude}{${body}}`;
    else {
      const kept = splitSelectors(prelude).filter((selector) => !UNUSED.some((pattern) => pattern.test(selector)));
      if (kept.length && body) out += `${kept.join(",")}{${body}}`;
    }
  }
  return out.replaceAll(",(-ms-high-contrast: active)", "").replaceAll(", (-ms-high-contrast: active)", "");
}

/** Joins neighbouring media queries with the same condition. */
const join = (css) => {
  let out = "", last = null, inner = "";
  const flush = () => { if (last) out += `${last}{${inner}}`; last = null; inner = ""; };
  for (const [prelude, body] of rules(css)) {
    if (/^@media/.test(prelude)) { if (prelude !== last) flush(); last = prelude; inner += body; }
    else { flush(); out += `${prelude}{${body}}`; }
  }
  flush();
  return out;
};

for (const name of ["portal", "desk", "tv", "inbox"]) {
  const { css } = compile(`${name}.scss`, { style: "compressed", charset: false, loadPaths: ["node_modules"], quietDeps: true });
  const small = join(trim(css));
  writeFileSync(`../${name}.css`, `${small}\n`);
  console.log(`${name}.css ${small.length} bytes, ${gzipSync(readFileSync(`../${name}.css`), { level: 9 }).length} gzipped`);
}
