// Copies the scripts that pages load from node_modules to static/vendor, with their version in the name.
import { readFileSync, writeFileSync } from "node:fs";

const scripts = { "htmx.org": ["htmx", "dist/htmx.min.js"], "socket.io-client": ["socket.io", "dist/socket.io.min.js"] };
for (const [name, [short, path]] of Object.entries(scripts)) {
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
  const text = readFileSync(`node_modules/${name}/${path}`, "utf8").replace(/\n\/\/# sourceMappingURL=.*\n?$/, "\n");
  writeFileSync(`../vendor/${short}-${version}.min.js`, text);
}
