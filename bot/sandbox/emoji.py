"""Slack's emoji names, the common ones. An unknown name stays `:name:`, as it does in Slack."""


def _pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


EMOJI: dict[str, str] = _pairs("""
+1 👍 thumbsup 👍 -1 👎 thumbsdown 👎 100 💯 alarm_clock ⏰ ambulance 🚑 arrow_down ⬇️
arrow_forward ▶️ arrow_left ⬅️ arrow_right ➡️ arrow_up ⬆️ arrow_upper_right ↗️
arrow_lower_right ↘️ arrows_counterclockwise 🔄 art 🎨 baby 👶 ballot_box_with_check ☑️
bangbang ‼️ bar_chart 📊 beers 🍻 bell 🔔 bellhop_bell 🛎️ blue_heart 💙 boom 💥 bookmark 🔖
books 📚 brain 🧠 broken_heart 💔 bug 🐛 building_construction 🏗️ bulb 💡 calendar 📆
card_index 📇 chart_with_downwards_trend 📉 chart_with_upwards_trend 📈 checkered_flag 🏁
clap 👏 clipboard 📋 clock1 🕐 clock3 🕒 clock9 🕘 closed_lock_with_key 🔐 coffee ☕ computer 💻
construction 🚧 cry 😢 dart 🎯 date 📅 desktop_computer 🖥️ eight 8️⃣ electric_plug 🔌 email 📧
exclamation ❗ eyes 👀 face_with_monocle 🧐 fast_forward ⏩ file_cabinet 🗄️ fire 🔥
fire_engine 🚒 first_place_medal 🥇 five 5️⃣ floppy_disk 💾 four 4️⃣ gear ⚙️ gem 💎 ghost 👻
globe_with_meridians 🌐 green_apple 🍏 green_heart 💚 grey_question ❔ grimacing 😬 hammer 🔨
hammer_and_wrench 🛠️ handshake 🤝 heart ❤️ heavy_check_mark ✔️ heavy_exclamation_mark ❗
heavy_minus_sign ➖ heavy_multiplication_x ✖️ heavy_plus_sign ➕ hourglass ⌛
hourglass_flowing_sand ⏳ house 🏠 inbox_tray 📥 information_source ℹ️ innocent 😇 joy 😂
key 🔑 keyboard ⌨️ label 🏷️ large_blue_circle 🔵 large_blue_square 🟦 large_brown_circle 🟤
large_green_circle 🟢 large_green_square 🟩 large_orange_circle 🟠 large_orange_square 🟧
large_purple_circle 🟣 large_red_square 🟥 large_yellow_circle 🟡 large_yellow_square 🟨
ledger 📒 leftwards_arrow_with_hook ↩️ link 🔗 lock 🔒 loud_sound 🔊 loudspeaker 📢 mag 🔍
mailbox 📫 medal 🏅 mega 📣 memo 📝 microscope 🔬 moneybag 💰 mute 🔇 muscle 💪 new 🆕
newspaper 📰 nine 9️⃣ no_bell 🔕 no_entry ⛔ no_entry_sign 🚫 ok ✅ ok_hand 👌 one 1️⃣
open_file_folder 📂 outbox_tray 📤 package 📦 page_facing_up 📄 pager 📟 paperclip 📎
partying_face 🥳 pencil ✏️ pencil2 ✏️ person_shrugging 🤷 point_right 👉 pray 🙏 pushpin 📌
question ❓ rabbit 🐰 rainbow 🌈 raised_hand ✋ raised_hands 🙌 recycle ♻️ red_circle 🔴
repeat 🔁 rewind ⏪ robot_face 🤖 rocket 🚀 rotating_light 🚨 ruler 📏 scales ⚖️ scream 😱
scroll 📜 see_no_evil 🙈 seven 7️⃣ sheep 🐑 shield 🛡️ ship 🚢 shipit 🚢 shrug 🤷 six 6️⃣
skull 💀 sleeping 😴 slightly_smiling_face 🙂 smile 😄 smiley 😃 smirk 😏 snail 🐌 sob 😭 sos 🆘
sparkles ✨ speaker 🔈 speech_balloon 💬 star ⭐ stop_button ⏹️ stopwatch ⏱️ sun_with_face 🌞
sunny ☀️ sweat_smile 😅 tada 🎉 test_tube 🧪 telephone_receiver 📞 thermometer 🌡️
thinking_face 🤔 thread 🧵 three 3️⃣ ticket 🎫 timer_clock ⏲️ toolbox 🧰 traffic_light 🚥
triangular_flag_on_post 🚩 triangular_ruler 📐 trophy 🏆 truck 🚚 turtle 🐢 two 2️⃣
umbrella ☔ unlock 🔓 upside_down_face 🙃 vertical_traffic_light 🚦 warning ⚠️
wastebasket 🗑️ watch ⌚ wave 👋 wavy_dash 〰️ white_check_mark ✅ white_circle ⚪
white_large_square ⬜ wink 😉 wrench 🔧 x ❌ yellow_heart 💛 zap ⚡ zero 0️⃣ zzz 💤
black_circle ⚫ double_vertical_bar ⏸️ pause_button ⏸️ play_or_pause_button ⏯️
track_next ⏭️ small_red_triangle 🔺 small_red_triangle_down 🔻 small_blue_diamond 🔹
""")
