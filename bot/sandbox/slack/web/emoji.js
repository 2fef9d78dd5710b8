// The emoji names an operations bot and its readers use, as characters.

import { el } from "./dom.js";

const TABLE = `
white_check_mark ✅ heavy_check_mark ✔️ ballot_box_with_check ☑️ x ❌ negative_squared_cross_mark ❎ no_entry ⛔ no_entry_sign 🚫
warning ⚠️ rotating_light 🚨 exclamation ❗ bangbang ‼️ question ❓ grey_question ❔ interrobang ⁉️ octagonal_sign 🛑 construction 🚧
hourglass ⌛ hourglass_flowing_sand ⏳ clock1 🕐 clock3 🕒 alarm_clock ⏰ stopwatch ⏱️ timer_clock ⏲️ watch ⌚ calendar 📅 date 📆
lock 🔒 door 🚪 unlock 🔓 closed_lock_with_key 🔐 key 🔑 old_key 🗝️ shield 🛡️ bell 🔔 no_bell 🔕 mute 🔇 loud_sound 🔊 speaker 🔈 zzz 💤
mag 🔍 mag_right 🔎 pencil2 ✏️ pencil 📝 memo 📝 lower_left_ballpoint_pen 🖊️ clipboard 📋 page_facing_up 📄 page_with_curl 📃 scroll 📜
bookmark_tabs 📑 bar_chart 📊 chart_with_upwards_trend 📈 chart_with_downwards_trend 📉 file_folder 📁 open_file_folder 📂 card_index_dividers 🗂️
package 📦 inbox_tray 📥 outbox_tray 📤 mailbox 📫 email 📧 envelope ✉️ incoming_envelope 📨 link 🔗 paperclip 📎 pushpin 📌 round_pushpin 📍 bookmark 🔖 label 🏷️
arrow_right ➡️ arrow_left ⬅️ arrow_up ⬆️ arrow_down ⬇️ arrow_upper_right ↗️ arrow_right_hook ↪️ leftwards_arrow_with_hook ↩️ arrows_counterclockwise 🔄
arrows_clockwise 🔃 repeat 🔁 rewind ⏪ fast_forward ⏩ back 🔙 arrow_forward ▶️ arrow_backward ◀️ double_vertical_bar ⏸️ pause_button ⏸️ black_square_for_stop ⏹️
large_green_circle 🟢 green_circle 🟢 red_circle 🔴 large_yellow_circle 🟡 large_orange_circle 🟠 large_blue_circle 🔵 blue_circle 🔵 white_circle ⚪ black_circle ⚫
large_purple_circle 🟣 large_brown_circle 🟤 large_green_square 🟩 large_red_square 🟥 large_yellow_square 🟨 large_orange_square 🟧 large_blue_square 🟦
small_red_triangle 🔺 small_red_triangle_down 🔻 small_blue_diamond 🔹 small_orange_diamond 🔸 large_blue_diamond 🔷 large_orange_diamond 🔶 diamonds ♦️
gear ⚙️ wrench 🔧 hammer 🔨 hammer_and_wrench 🛠️ nut_and_bolt 🔩 toolbox 🧰 electric_plug 🔌 battery 🔋 bulb 💡 flashlight 🔦 satellite 🛰️ satellite_antenna 📡
robot_face 🤖 computer 💻 desktop_computer 🖥️ keyboard ⌨️ floppy_disk 💾 cd 💿 cloud ☁️ partly_sunny ⛅ sunny ☀️ rainbow 🌈 snowflake ❄️ zap ⚡ fire 🔥 boom 💥
globe_with_meridians 🌐 earth_asia 🌏 house 🏠 office 🏢 department_store 🏬 bank 🏦 ship 🚢 rocket 🚀 airplane ✈️ ambulance 🚑 fire_engine 🚒 traffic_light 🚥 checkered_flag 🏁 triangular_flag_on_post 🚩
wave 👋 thumbsup 👍 +1 👍 thumbsdown 👎 -1 👎 ok_hand 👌 clap 👏 raised_hands 🙌 raised_hand ✋ pray 🙏 muscle 💪 point_right 👉 point_left 👈 point_up ☝️ point_down 👇 eyes 👀 eye 👁️ handshake 🤝 v ✌️
bust_in_silhouette 👤 busts_in_silhouette 👥 sleuth_or_spy 🕵️ guardsman 💂 cop 👮 technologist 🧑‍💻 speech_balloon 💬 left_speech_bubble 🗨️ thought_balloon 💭 mega 📣 loudspeaker 📢
smile 😄 grinning 😀 slightly_smiling_face 🙂 wink 😉 joy 😂 sweat_smile 😅 thinking_face 🤔 neutral_face 😐 disappointed 😞 cry 😢 scream 😱 sunglasses 😎 nerd_face 🤓 sleeping 😴 face_with_monocle 🧐 relieved 😌 shrug 🤷
tada 🎉 confetti_ball 🎊 sparkles ✨ star ⭐ star2 🌟 dart 🎯 trophy 🏆 medal 🏅 gift 🎁 balloon 🎈 ticket 🎫 game_die 🎲 jigsaw 🧩 puzzle_piece 🧩 coffee ☕ beer 🍺 pizza 🍕 seedling 🌱 evergreen_tree 🌲
bug 🐛 beetle 🐞 ant 🐜 snail 🐌 turtle 🐢 whale 🐳 octopus 🐙 penguin 🐧 snake 🐍 ghost 👻 skull 💀 skull_and_crossbones ☠️ recycle ♻️ wastebasket 🗑️ put_litter_in_its_place 🚮 no_smoking 🚭
heart ❤️ green_heart 💚 yellow_heart 💛 blue_heart 💙 purple_heart 💜 broken_heart 💔 100 💯 new 🆕 free 🆓 up 🆙 cool 🆒 ok 🆗 sos 🆘 id 🆔 information_source ℹ️ abc 🔤 hash #️⃣ asterisk *️⃣
zero 0️⃣ one 1️⃣ two 2️⃣ three 3️⃣ four 4️⃣ five 5️⃣ six 6️⃣ seven 7️⃣ eight 8️⃣ nine 9️⃣ keycap_ten 🔟 heavy_plus_sign ➕ heavy_minus_sign ➖ heavy_multiplication_x ✖️ heavy_division_sign ➗ infinity ♾️
test_tube 🧪 microscope 🔬 telescope 🔭 crystal_ball 🔮 scales ⚖️ anchor ⚓ bricks 🧱 dna 🧬 thread 🧵 broom 🧹 soap 🧼 fire_extinguisher 🧯 umbrella ☔ moneybag 💰 receipt 🧾 books 📚 book 📖 newspaper 📰
`;

const words = TABLE.trim().split(/\s+/);
const EMOJI = new Map();
for (let index = 0; index + 1 < words.length; index += 2) EMOJI.set(words[index], words[index + 1]);

/** The character of an emoji name, or undefined. */
export const emojiOf = (name) => EMOJI.get(name.split("::")[0].toLowerCase());

/** An emoji as an element whose name is read out; an unknown name stays as it was typed. */
export function emojiNode(name) {
  const character = emojiOf(name);
  if (!character) return `:${name}:`;
  return el(
    "span",
    { class: "emoji", role: "img", aria: { label: name.replaceAll("_", " ") }, title: `:${name}:` },
    character,
  );
}

const NAME = /:([a-z0-9_+-]+(?:::skin-tone-\d)?):/gi;

/** Plain text in which only emoji names are special (a plain_text object): nodes to put into an element. */
export function withEmoji(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(NAME)) {
    if (!emojiOf(match[1])) continue;
    nodes.push(text.slice(end, match.index), emojiNode(match[1]));
    end = match.index + match[0].length;
  }
  nodes.push(text.slice(end));
  return nodes.filter((node) => node !== "");
}

/** The same as a string, for labels and options. */
export const emojiText = (text) => text.replace(NAME, (whole, name) => emojiOf(name) ?? whole);
