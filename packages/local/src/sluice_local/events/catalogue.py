"""Words for generated events: wikis, titles, users and comments, in several scripts.

Everything here is made up (addresses are of the documentation ranges of RFC 5737 and RFC 3849), so a
screenshot of a run shows nobody's edits.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Wiki:
    """A project: database name, host, how often it is drawn, and the language of its titles."""

    name: str
    domain: str
    weight: int
    script: str


WIKIS: Final = (
    Wiki("commonswiki", "commons.wikimedia.org", 480, "file"),
    Wiki("wikidatawiki", "www.wikidata.org", 120, "item"),
    Wiki("enwiki", "en.wikipedia.org", 80, "latin"),
    Wiki("zhwiki", "zh.wikipedia.org", 55, "chinese"),
    Wiki("frwiki", "fr.wikipedia.org", 45, "latin"),
    Wiki("dewiki", "de.wikipedia.org", 40, "latin"),
    Wiki("frwiktionary", "fr.wiktionary.org", 25, "latin"),
    Wiki("mediawikiwiki", "www.mediawiki.org", 25, "latin"),
    Wiki("urwiki", "ur.wikipedia.org", 20, "arabic"),
    Wiki("jawiki", "ja.wikipedia.org", 20, "japanese"),
    Wiki("ruwiki", "ru.wikipedia.org", 20, "cyrillic"),
    Wiki("rowiki", "ro.wikipedia.org", 14, "latin"),
    Wiki("azwiki", "az.wikipedia.org", 12, "latin"),
    Wiki("trwiki", "tr.wikipedia.org", 12, "latin"),
    Wiki("arwiki", "ar.wikipedia.org", 12, "arabic"),
    Wiki("bgwiki", "bg.wikipedia.org", 8, "cyrillic"),
    Wiki("itwiki", "it.wikipedia.org", 8, "latin"),
    Wiki("thwiki", "th.wikipedia.org", 8, "thai"),
    Wiki("etwiki", "et.wikipedia.org", 6, "latin"),
    Wiki("incubatorwiki", "incubator.wikimedia.org", 6, "latin"),
    Wiki("nlwiki", "nl.wikipedia.org", 6, "latin"),
    Wiki("fiwiki", "fi.wikipedia.org", 6, "latin"),
    Wiki("hewiki", "he.wikipedia.org", 6, "hebrew"),
    Wiki("eswiki", "es.wikipedia.org", 6, "latin"),
    Wiki("mgwiktionary", "mg.wiktionary.org", 6, "latin"),
)

WORDS: Final = {
    "latin": [
        "Harbour",
        "Étang",
        "Brücke",
        "Québec",
        "station",
        "São",
        "river",
        "museum",
        "Ağrı",
        "façade",
        "valley",
        "Ørsted",
        "church",
        "bibliography",
        "orchid",
        "county",
        "1987",
        "album",
        "list",
        "stadium",
        "São-Tomé",
        "naïve",
        "lighthouse",
        "fjord",
    ],
    "file": [
        "Panorama",
        "lighthouse",
        "geograph",
        "View",
        "street-art",
        "church",
        "map",
        "logo",
        "portrait",
        "bridge",
        "sunset",
        "herbarium",
        "manuscript",
        "aerial",
        "façade",
        "Straße",
        "tram",
        "locomotive",
        "specimen",
        "cropped",
    ],
    "chinese": [
        "電影",
        "新進條目",
        "北京",
        "歷史",
        "列表",
        "大學",
        "車站",
        "河流",
        "博物館",
        "音樂",
    ],
    "japanese": ["東京", "駅", "一覧", "映画", "大学", "川", "歴史", "音楽", "さくら", "ゲーム"],
    "cyrillic": [
        "Москва",
        "река",
        "список",
        "станция",
        "музей",
        "альбом",
        "фильм",
        "история",
        "София",
        "мост",
    ],
    "arabic": ["تاریخ", "شہر", "دریا", "فہرست", "موسیقی", "جامعہ", "فلم", "قلعہ"],
    "hebrew": ["תל־אביב", "ספר", "רשימה", "תחנה", "מוזיאון", "היסטוריה"],
    "thai": ["ประวัติศาสตร์", "แม่น้ำ", "สถานี", "รายชื่อ", "พิพิธภัณฑ์"],
    "item": ["Q"],
}

NAMESPACES: Final = (
    (0, "", 62),
    (14, "Category:", 14),
    (1, "Talk:", 6),
    (2, "User:", 5),
    (3, "User talk:", 5),
    (4, "Project:", 4),
    (10, "Template:", 4),
)

USERS: Final = (
    "Marginalia", "Kaffeetasse", "Île Blanche", "夜の図書館", "Степной ветер", "نيلوفر", "O'Really & Sons",
    "Tab\\Slash", 'The "Quoted" One', "Ñandú42", "Schwarzweiß", "🦉Owl", "עורך אלמוני", "Comma, Inc.",
)  # fmt: skip
BOTS: Final = ("TidyBot", "CategoryWeaver", "LinkMenderBot", "InterwikiBot", "StructuredDataBot")
ADDRESSES: Final = ("192.0.2.17", "198.51.100.203", "2001:DB8:0:0:0:0:0:2A", "203.0.113.9")

REMARKS: Final = (
    "",
    "",
    "typo",
    "+ref",
    "/* History */ reworded, see talk",
    "/* wbeditentity-update:0| */ adding structured data based on metadata",
    "/* wbremoveclaims-remove:1| */ [[Property:P31]]: [[Q2390458]], #temporary_batch_1746257662150",
    "Reverted edits by [[Special:Contributions/192.0.2.17|192.0.2.17]] ([[User talk:192.0.2.17|talk]])",
    "cat-a-lot: moving; 100% sure, 50 % done",
    '“typographic” quotes, «guillemets», it\'s "quoted", back\\slash, comma, semicolon;',
    "Übersetzung von [[:en:Lighthouse]] · 翻訳 · перевод",
    "line\u2028separator and paragraph\u2029separator",
    "next\u0085line, no\u00a0break, zero\u200bwidth, \u202eright to left\u202c",
    "👩‍🚀🇳🇱 emoji, combining é, Z͑ͫa̴l̷g̸o",
    "<b>html</b> &amp; entities <!-- comment --> {{template|a=1}}",
    "=SUM(A1:A9)",
    "NULL",
    "NaN",
    "null",
    "0012",
    "  leading and trailing spaces  ",
    "tab\tinside, newline\ninside, return\r\ninside",
)
