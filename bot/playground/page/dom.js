// Builds the page out of nodes and text. Nothing here or elsewhere sets HTML: the server's policy forbids it too.

const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "selected", "tabIndex", "htmlFor", "required", "open"]);

/** A node: `el("button", {class: "go", onclick: f, "aria-label": "Go"}, "Go", otherNode)`. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (PROPERTIES.has(name)) node[name] = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/** A link to the web, in a tab of its own; anything but http, https and mailto is shown as words. */
export function link(address, ...children) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return el("span", {}, ...children);
  }
  if (!["http:", "https:", "mailto:"].includes(url.protocol)) return el("span", {}, ...children);
  return el("a", { href: url.href, target: "_blank", rel: "noopener noreferrer" }, ...children);
}
