"""Names of common emoji where a family of models calls them otherwise than Unicode does.

Our own tables after the names in use: not complete, and not for our own models, which read Unicode's names.
"""

# CLDR's short names where they differ from the Unicode name in lower case with underscores.
AS_BERTWEET: dict[str, str] = {
    "❤": "red_heart", "♥": "heart_suit", "💙": "blue_heart", "💔": "broken_heart", "💯": "hundred_points",
    "👍": "thumbs_up", "👎": "thumbs_down", "👏": "clapping_hands", "🙏": "folded_hands", "🙌": "raising_hands",
    "💪": "flexed_biceps", "👌": "OK_hand", "✌": "victory_hand", "👊": "oncoming_fist", "✊": "raised_fist",
    "👋": "waving_hand", "👉": "backhand_index_pointing_right", "👈": "backhand_index_pointing_left",
    "👇": "backhand_index_pointing_down", "👆": "backhand_index_pointing_up", "😍": "smiling_face_with_heart-eyes",
    "😘": "face_blowing_a_kiss", "😁": "beaming_face_with_smiling_eyes", "😃": "grinning_face_with_big_eyes",
    "😄": "grinning_face_with_smiling_eyes", "😅": "grinning_face_with_sweat", "😆": "grinning_squinting_face",
    "😋": "face_savoring_food", "😓": "downcast_face_with_sweat", "😜": "winking_face_with_tongue",
    "😝": "squinting_face_with_tongue", "😛": "face_with_tongue", "😠": "angry_face", "😡": "pouting_face",
    "😤": "face_with_steam_from_nose", "😥": "sad_but_relieved_face", "😰": "anxious_face_with_sweat",
    "😱": "face_screaming_in_fear", "🙃": "upside-down_face", "😈": "smiling_face_with_horns",
    "👿": "angry_face_with_horns", "☺": "smiling_face", "☹": "frowning_face", "🤷": "person_shrugging",
    "🤦": "person_facepalming", "🥰": "smiling_face_with_hearts", "🥺": "pleading_face", "🤮": "face_vomiting",
    "🤬": "face_with_symbols_on_mouth", "🤯": "exploding_head", "🤪": "zany_face", "🤩": "star-struck",
    "🙈": "see-no-evil_monkey", "🙉": "hear-no-evil_monkey", "🙊": "speak-no-evil_monkey",
    "✅": "white_heavy_check_mark",
    "💃": "woman_dancing",
    "🙋": "person_raising_hand", "🙅": "person_gesturing_NO", "🎊": "confetti_ball",
    "☀": "sun", "🌞": "sun_with_face", "🌹": "rose", "☕": "hot_beverage", "🍻": "clinking_beer_mugs",
}  # fmt: skip

AS_ROBERTUITO: dict[str, str] = {
    "😂": "cara llorando de risa", "🤣": "cara revolviéndose de la risa", "😭": "cara llorando fuerte",
    "😢": "cara llorando", "😍": "cara sonriendo con ojos de corazón", "🥰": "cara sonriendo con corazones",
    "😘": "cara lanzando un beso", "😊": "cara feliz con ojos sonrientes", "☺": "cara sonriente",
    "😀": "cara sonriendo", "😃": "cara sonriendo con ojos grandes", "😄": "cara sonriendo con ojos sonrientes",
    "😁": "cara radiante con ojos sonrientes", "😅": "cara sonriendo con sudor frío",
    "😆": "cara sonriendo con los ojos cerrados", "😉": "cara guiñando el ojo", "😎": "cara sonriendo con gafas de sol",
    "😏": "cara sonriendo con superioridad", "😐": "cara neutral", "😑": "cara sin expresión",
    "😒": "cara de desaprobación", "😔": "cara desanimada", "😕": "cara de confusión", "😖": "cara de frustración",
    "😞": "cara decepcionada", "😟": "cara preocupada", "😠": "cara enfadada", "😡": "cara cabreada",
    "😤": "cara resoplando", "😣": "cara desesperada", "😥": "cara triste pero aliviada", "😨": "cara asustada",
    "😩": "cara agotada", "😪": "cara de sueño", "😫": "cara cansada", "😬": "cara haciendo una mueca",
    "😮": "cara con la boca abierta", "😰": "cara con ansiedad y sudor", "😱": "cara gritando de miedo",
    "😲": "cara asombrada", "😳": "cara sonrojada", "😴": "cara durmiendo", "😷": "cara con mascarilla médica",
    "🙁": "cara con el ceño ligeramente fruncido", "🙂": "cara sonriendo ligeramente", "🙃": "cara al revés",
    "🙄": "cara con ojos en blanco", "🤔": "cara pensativa", "🤗": "cara con manos abrazando",
    "🤢": "cara de náuseas", "🤮": "cara vomitando", "🤬": "cara con símbolos en la boca", "🤯": "cabeza explotando",
    "🥺": "cara suplicante", "🥳": "cara de fiesta", "😇": "cara sonriendo con aureola",
    "😈": "cara sonriendo con cuernos", "💀": "calavera", "❤": "corazón rojo", "💔": "corazón roto",
    "💕": "dos corazones", "💖": "corazón brillante", "💗": "corazón creciente", "💙": "corazón azul",
    "💚": "corazón verde", "💛": "corazón amarillo", "💜": "corazón morado", "🖤": "corazón negro",
    "👍": "pulgar hacia arriba", "👎": "pulgar hacia abajo", "👏": "manos aplaudiendo",
    "🙏": "manos en oración", "🙌": "manos levantadas celebrando", "💪": "bíceps flexionado",
    "👌": "señal de aprobación con la mano", "✌": "mano con señal de victoria", "👊": "puño cerrado",
    "👉": "dorso de mano con índice a la derecha", "👇": "dorso de mano con índice hacia abajo", "👀": "ojos",
    "🔥": "fuego", "✨": "chispas", "🎉": "cañón de confeti", "🎂": "tarta de cumpleaños", "💯": "cien puntos",
    "🎶": "notas musicales", "🌹": "rosa", "☀": "sol", "⚽": "balón de fútbol", "🏆": "trofeo",
    "🙈": "mono con los ojos tapados", "🤷": "persona encogida de hombros",
    "🤦": "persona con la mano en la frente", "💃": "mujer bailando", "✅": "botón de marca de verificación",
}  # fmt: skip
