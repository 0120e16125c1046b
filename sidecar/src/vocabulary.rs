//! The words that PeerTube numbers: categories, licences, privacies, and languages by their codes.
//!
//! Other servers and programs know them by these numbers, so none is ever changed.

/// What a number or a code stands for in one of the tables.
pub(crate) fn label<K: PartialEq>(table: &[(K, &'static str)], key: &K) -> Option<&'static str> {
    table.iter().find(|(known, _)| known == key).map(|&(_, label)| label)
}

/// What a language's code stands for.
pub(crate) fn language(code: &str) -> Option<&'static str> {
    label(LANGUAGES, &code)
}

/// What a video is about.
pub(crate) const CATEGORIES: &[(i64, &str)] = &[
    (1, "Music"),
    (2, "Films"),
    (3, "Vehicles"),
    (4, "Art"),
    (5, "Sports"),
    (6, "Travels"),
    (7, "Gaming"),
    (8, "People"),
    (9, "Comedy"),
    (10, "Entertainment"),
    (11, "News & Politics"),
    (12, "How To"),
    (13, "Education"),
    (14, "Activism"),
    (15, "Science & Technology"),
    (16, "Animals"),
    (17, "Kids"),
    (18, "Food"),
];

/// What others may do with a video.
pub(crate) const LICENCES: &[(i64, &str)] = &[
    (1, "Attribution"),
    (2, "Attribution - Share Alike"),
    (3, "Attribution - No Derivatives"),
    (4, "Attribution - Non Commercial"),
    (5, "Attribution - Non Commercial - Share Alike"),
    (6, "Attribution - Non Commercial - No Derivatives"),
    (7, "Public Domain Dedication"),
];

/// Who may see a video.
pub(crate) const PRIVACIES: &[(i64, &str)] =
    &[(1, "Public"), (2, "Unlisted"), (3, "Private"), (4, "Internal"), (5, "Password protected")];

/// What is spoken in a video: codes of ISO 639, and a few of PeerTube's own.
pub(crate) const LANGUAGES: &[(&str, &str)] = &[
    ("aa", "Afar"),
    ("ab", "Abkhazian"),
    ("af", "Afrikaans"),
    ("ak", "Akan"),
    ("am", "Amharic"),
    ("ar", "Arabic"),
    ("an", "Aragonese"),
    ("ase", "American Sign Language"),
    ("as", "Assamese"),
    ("asq", "Austrian Sign Language"),
    ("av", "Avaric"),
    ("avk", "Kotava"),
    ("ay", "Aymara"),
    ("az", "Azerbaijani"),
    ("ba", "Bashkir"),
    ("bm", "Bambara"),
    ("be", "Belarusian"),
    ("bn", "Bengali"),
    ("bfi", "British Sign Language"),
    ("bi", "Bislama"),
    ("bo", "Tibetan"),
    ("bs", "Bosnian"),
    ("br", "Breton"),
    ("bg", "Bulgarian"),
    ("bzs", "Brazilian Sign Language"),
    ("ca", "Catalan"),
    ("cs", "Czech"),
    ("ch", "Chamorro"),
    ("ce", "Chechen"),
    ("cv", "Chuvash"),
    ("kw", "Cornish"),
    ("co", "Corsican"),
    ("cr", "Cree"),
    ("cse", "Czech Sign Language"),
    ("csl", "Chinese Sign Language"),
    ("cy", "Welsh"),
    ("da", "Danish"),
    ("de", "German"),
    ("dv", "Dhivehi"),
    ("dsl", "Danish Sign Language"),
    ("dz", "Dzongkha"),
    ("el", "Greek"),
    ("en", "English"),
    ("eo", "Esperanto"),
    ("et", "Estonian"),
    ("eu", "Basque"),
    ("ee", "Ewe"),
    ("fo", "Faroese"),
    ("fa", "Persian"),
    ("fj", "Fijian"),
    ("fi", "Finnish"),
    ("fr", "French"),
    ("fy", "Western Frisian"),
    ("fse", "Finnish Sign Language"),
    ("fsl", "French Sign Language"),
    ("ff", "Fulah"),
    ("gcf", "Guadeloupean Creole French"),
    ("gd", "Scottish Gaelic"),
    ("ga", "Irish"),
    ("gl", "Galician"),
    ("gv", "Manx"),
    ("gn", "Guarani"),
    ("gsg", "German Sign Language"),
    ("gu", "Gujarati"),
    ("ht", "Haitian"),
    ("ha", "Hausa"),
    ("sh", "Serbo-Croatian"),
    ("he", "Hebrew"),
    ("hz", "Herero"),
    ("hi", "Hindi"),
    ("ho", "Hiri Motu"),
    ("hr", "Croatian"),
    ("hu", "Hungarian"),
    ("hy", "Armenian"),
    ("ig", "Igbo"),
    ("ii", "Sichuan Yi"),
    ("iu", "Inuktitut"),
    ("id", "Indonesian"),
    ("ik", "Inupiaq"),
    ("is", "Icelandic"),
    ("it", "Italian"),
    ("jv", "Javanese"),
    ("jbo", "Lojban"),
    ("ja", "Japanese"),
    ("jsl", "Japanese Sign Language"),
    ("kab", "Kabyle"),
    ("kl", "Kalaallisut"),
    ("kn", "Kannada"),
    ("ks", "Kashmiri"),
    ("ka", "Georgian"),
    ("kr", "Kanuri"),
    ("kk", "Kazakh"),
    ("km", "Khmer"),
    ("ki", "Kikuyu"),
    ("rw", "Kinyarwanda"),
    ("ky", "Kirghiz"),
    ("kv", "Komi"),
    ("kg", "Kongo"),
    ("ko", "Korean"),
    ("kj", "Kuanyama"),
    ("ku", "Kurdish"),
    ("lo", "Lao"),
    ("la", "Latin"),
    ("lv", "Latvian"),
    ("li", "Limburgan"),
    ("ln", "Lingala"),
    ("lt", "Lithuanian"),
    ("lb", "Luxembourgish"),
    ("lu", "Luba-Katanga"),
    ("lg", "Ganda"),
    ("mh", "Marshallese"),
    ("ml", "Malayalam"),
    ("mr", "Marathi"),
    ("mk", "Macedonian"),
    ("mg", "Malagasy"),
    ("mt", "Maltese"),
    ("mn", "Mongolian"),
    ("mi", "Maori"),
    ("ms", "Malay (macrolanguage)"),
    ("my", "Burmese"),
    ("na", "Nauru"),
    ("nv", "Navajo"),
    ("nr", "South Ndebele"),
    ("nd", "North Ndebele"),
    ("ng", "Ndonga"),
    ("ne", "Nepali (macrolanguage)"),
    ("nl", "Dutch"),
    ("nn", "Norwegian Nynorsk"),
    ("nb", "Norwegian Bokmål"),
    ("no", "Norwegian"),
    ("ny", "Nyanja"),
    ("oc", "Occitan"),
    ("oj", "Ojibwa"),
    ("or", "Oriya (macrolanguage)"),
    ("om", "Oromo"),
    ("os", "Ossetian"),
    ("pa", "Panjabi"),
    ("pks", "Pakistan Sign Language"),
    ("pl", "Polish"),
    ("pt", "Portuguese (Brazilian)"),
    ("ps", "Pushto"),
    ("qu", "Quechua"),
    ("rm", "Romansh"),
    ("ro", "Romanian"),
    ("rsl", "Russian Sign Language"),
    ("rn", "Rundi"),
    ("ru", "Russian"),
    ("sg", "Sango"),
    ("sdl", "Saudi Arabian Sign Language"),
    ("sfs", "South African Sign Language"),
    ("si", "Sinhala"),
    ("sk", "Slovak"),
    ("sl", "Slovenian"),
    ("se", "Northern Sami"),
    ("sm", "Samoan"),
    ("sn", "Shona"),
    ("sd", "Sindhi"),
    ("so", "Somali"),
    ("st", "Southern Sotho"),
    ("es", "Spanish (Spain)"),
    ("sq", "Albanian"),
    ("sc", "Sardinian"),
    ("sr", "Serbian"),
    ("ss", "Swati"),
    ("su", "Sundanese"),
    ("sw", "Swahili (macrolanguage)"),
    ("sv", "Swedish"),
    ("swl", "Swedish Sign Language"),
    ("ty", "Tahitian"),
    ("ta", "Tamil"),
    ("tt", "Tatar"),
    ("te", "Telugu"),
    ("tg", "Tajik"),
    ("tl", "Tagalog"),
    ("th", "Thai"),
    ("ti", "Tigrinya"),
    ("tlh", "Klingon"),
    ("to", "Tonga (Tonga Islands)"),
    ("tn", "Tswana"),
    ("ts", "Tsonga"),
    ("tk", "Turkmen"),
    ("tr", "Turkish"),
    ("tw", "Twi"),
    ("ug", "Uighur"),
    ("uk", "Ukrainian"),
    ("ur", "Urdu"),
    ("uz", "Uzbek"),
    ("ve", "Venda"),
    ("vi", "Vietnamese"),
    ("wa", "Walloon"),
    ("wo", "Wolof"),
    ("xh", "Xhosa"),
    ("yi", "Yiddish"),
    ("yo", "Yoruba"),
    ("za", "Zhuang"),
    ("zh", "Chinese"),
    ("zu", "Zulu"),
    ("zxx", "No linguistic content"),
    ("tok", "Toki Pona"),
    ("pt-PT", "Portuguese (Portugal)"),
    ("es-419", "Spanish (Latin America)"),
    ("zh-Hans", "Simplified Chinese"),
    ("zh-Hant", "Traditional Chinese"),
    ("ca-valencia", "Valencian"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[track_caller]
    fn check<K: ToString>(ours: &[(K, &str)], recorded: &str) {
        let recorded: Value = serde_json::from_str(recorded).unwrap();
        assert_eq!(ours.len(), recorded.as_object().unwrap().len());
        for (key, label) in ours {
            assert_eq!(recorded[key.to_string()], *label, "{}", key.to_string());
        }
    }

    #[test]
    fn the_words_are_those_of_peertube() {
        check(CATEGORIES, include_str!("../fixtures/api-categories.json"));
        check(LICENCES, include_str!("../fixtures/api-licences.json"));
        check(PRIVACIES, include_str!("../fixtures/api-privacies.json"));
        check(LANGUAGES, include_str!("../fixtures/api-languages.json"));
    }

    #[test]
    fn what_has_no_number_has_no_word() {
        assert_eq!(label(CATEGORIES, &15), Some("Science & Technology"));
        assert_eq!(label(LICENCES, &99), None);
        assert_eq!((language("fr"), language("French")), (Some("French"), None));
    }
}
