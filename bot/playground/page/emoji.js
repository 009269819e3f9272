// The shortcodes that a support desk uses; others stay as they were typed.

const NAMES = {
  "+1": "👍", thumbsup: "👍", "-1": "👎", thumbsdown: "👎", smile: "😄", smiley: "😃", grinning: "😀", slightly_smiling_face: "🙂",
  wink: "😉", joy: "😂", thinking_face: "🤔", neutral_face: "😐", disappointed: "😞", cry: "😢", sob: "😭", rage: "😡", sweat_smile: "😅",
  heart: "❤️", tada: "🎉", sparkles: "✨", star: "⭐", fire: "🔥", rocket: "🚀", wave: "👋", pray: "🙏", clap: "👏", ok_hand: "👌",
  raised_hands: "🙌", muscle: "💪", eyes: "👀", point_right: "👉", point_left: "👈", point_up: "☝️", point_down: "👇", white_check_mark: "✅",
  heavy_check_mark: "✔️", ballot_box_with_check: "☑️", x: "❌", no_entry: "⛔", no_entry_sign: "🚫", warning: "⚠️", exclamation: "❗",
  question: "❓", bulb: "💡", bell: "🔔", no_bell: "🔕", zzz: "💤", hourglass: "⌛", hourglass_flowing_sand: "⏳", alarm_clock: "⏰",
  clock1: "🕐", stopwatch: "⏱️", calendar: "📆", date: "📅", bar_chart: "📊", chart_with_upwards_trend: "📈",
  chart_with_downwards_trend: "📉", memo: "📝", pencil: "📝", pencil2: "✏️", clipboard: "📋", page_facing_up: "📄", books: "📚", book: "📖",
  bookmark: "🔖", mag: "🔍", link: "🔗", paperclip: "📎", pushpin: "📌", round_pushpin: "📍", wrench: "🔧", hammer_and_wrench: "🛠️",
  gear: "⚙️", package: "📦", truck: "🚚", phone: "☎️", telephone_receiver: "📞", email: "📧", envelope: "✉️", inbox_tray: "📥",
  outbox_tray: "📤", speech_balloon: "💬", robot_face: "🤖", ticket: "🎫", label: "🏷️", lock: "🔒", unlock: "🔓", key: "🔑", trash: "🗑️",
  wastebasket: "🗑️", arrow_right: "➡️", arrow_left: "⬅️", arrow_up: "⬆️", arrow_down: "⬇️", leftwards_arrow_with_hook: "↩️", repeat: "🔁",
  arrows_counterclockwise: "🔄", red_circle: "🔴", large_yellow_circle: "🟡", large_green_circle: "🟢", large_blue_circle: "🔵",
  large_orange_circle: "🟠", white_circle: "⚪", black_circle: "⚫", snowflake: "❄️", sunny: "☀️", moneybag: "💰", credit_card: "💳",
  busts_in_silhouette: "👥", bust_in_silhouette: "👤", house: "🏠", globe_with_meridians: "🌐", cn: "🇨🇳", gb: "🇬🇧", us: "🇺🇸",
};

export const emoji = (name) => NAMES[name] ?? `:${name}:`;
