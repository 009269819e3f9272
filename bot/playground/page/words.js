// The page's own words, in the language of whoever is being played; they come from the locales.

let words = {};
let lang = "en";

export function learn(given) {
  words = given;
}

export function speak(chosen) {
  lang = chosen;
  document.documentElement.lang = chosen === "zh" ? "zh-CN" : "en";
}

export function speaking() {
  return lang;
}

/** The words for `key`, its `{placeholders}` filled. */
export function t(key, values = {}) {
  const text = (words[lang] || {})[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
