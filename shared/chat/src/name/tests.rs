use std::collections::HashSet;

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;

fn list(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_name_is_cleaned() {
    for (proposed, expected) in [
        ("Ann", "Ann"),
        ("  Ann \t\n Lee  ", "Ann Lee"),
        ("日本語 名前", "日本語 名前"),
        ("José", "José"),
        ("Jose\u{301}", "José"),
        ("A\u{0}n\u{7}n\u{85}x\u{1b}[31m", "Ann x[31m"),
        // Bidirectional controls and marks.
        ("\u{202e}nimda\u{202c}", "nimda"),
        ("a\u{2066}b\u{2069}c\u{200f}d\u{61c}e", "abcde"),
        // Of no width, and fillers.
        ("a\u{200b}d\u{200d}m\u{2060}i\u{feff}n\u{ad}\u{180e}\u{34f}", "admin"),
        ("\u{115f}a\u{1160}b\u{3164}c\u{ffa0}\u{2800}", "abc"),
        // Tags, variation selectors, private use, what is no character.
        ("a\u{e0001}\u{e0041}\u{e007f}b\u{fe0f}\u{e0100}c\u{e000}\u{f0000}\u{fdd0}\u{ffff}", "abc"),
        ("❤\u{fe0f} me", "❤\u{fe0f} me"),
        // Spaces of all kinds are spaces.
        ("a\u{a0}\u{2003}\u{3000}\u{2028}b", "a b"),
        // Marks: on a character, and few.
        ("\u{301}\u{302}a", "a"),
        ("a \u{301}b", "a b"),
        ("q\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}w\u{310}", "q\u{301}\u{302}\u{303}w\u{310}"),
        ("กิ่ง", "กิ่ง"),
        ("<b>&", "<b>&"),
    ] {
        assert_eq!(clean(proposed).as_deref(), Ok(expected), "{proposed:?}");
    }
}

/// Emoji of several characters, each with a name of its own.
const WHOLE: [&str; 14] = [
    // Families, with and without colours of skin.
    "👨\u{200d}👩\u{200d}👧\u{200d}👦",
    "👩🏽\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👨🏻",
    "🧑🏿\u{200d}🤝\u{200d}🧑🏻",
    // Professions and hair.
    "👩\u{200d}🚀",
    "👨🏾\u{200d}🦱",
    "🕵🏼\u{200d}♀\u{fe0f}",
    "🐻\u{200d}❄\u{fe0f}",
    // Flags: of letters, of joined pictures, of tags.
    "🇩🇪",
    "🏳\u{fe0f}\u{200d}🌈",
    "🏴\u{200d}☠\u{fe0f}",
    "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    // Keycaps and presentation.
    "7\u{fe0f}\u{20e3}",
    "❤\u{fe0f}",
    "☂\u{fe0e}",
];

#[test]
fn emoji_of_several_characters_stay_whole() {
    for emoji in WHOLE {
        for name in
            [emoji.to_owned(), format!("Ada {emoji}"), format!("{emoji}x"), format!("a{emoji}{emoji}b")]
        {
            if name.chars().count() <= MAX_CHARS {
                assert_eq!(clean(&name), Ok(name.clone()), "{name:?}");
            }
            assert!(is_shown(&name), "{name:?}");
        }
        // A reserved name cannot be taken by leaving out a joiner.
        let bare: String = emoji.chars().filter(|c| !is_invisible(*c)).collect();
        assert!(is_reserved(&bare, &[emoji.to_owned()]), "{emoji}");
    }
}

#[test]
fn a_cut_leaves_emoji_whole() {
    let family = WHOLE[0];
    for before in 20..=30 {
        let name = clean(&format!("{}{family}", "a".repeat(before))).unwrap();
        let rest = &name[before..];
        assert!(rest.is_empty() || rest == family, "{name:?}");
        assert_eq!(rest == family, before + family.chars().count() <= MAX_CHARS);
    }
}

#[test]
fn what_hides_among_emoji_goes() {
    for (hostile, expected) in [
        ("👩\u{200d}", "👩"),
        ("\u{200d}👩", "👩"),
        ("👩\u{200d}\u{200d}🚀", "👩🚀"),
        ("👩\u{200b}\u{200d}\u{202e}🚀", "👩\u{200d}🚀"),
        ("👩\u{200d}a", "👩a"),
        ("a\u{200d}👩", "a👩"),
        ("ad\u{fe0f}min", "admin"),
        ("1\u{fe0f}2", "12"),
        ("❤\u{fe0f}\u{fe0f}\u{fe0e}\u{fe0f}", "❤\u{fe0f}"),
        ("🇩\u{200d}🇪", "🇩🇪"),
        // Text that is hidden in tags: without an end, too long, on something else.
        ("🏴\u{e0067}\u{e0062}\u{e0065}", "🏴"),
        ("🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e0061}\u{e0061}\u{e007f}", "🏴"),
        ("👩\u{e0067}\u{e0062}\u{e0073}\u{e007f}", "👩"),
        ("🏴\u{e0041}\u{e0042}\u{e0043}\u{e007f}", "🏴"),
        ("e\u{200d}\u{301}", "é"),
    ] {
        assert_eq!(clean(hostile).as_deref(), Ok(expected), "{hostile:?}");
        assert!(!is_shown(hostile), "{hostile:?}");
    }
    for nothing in ["\u{200d}\u{200d}", "\u{fe0f}\u{200d}\u{fe0f}", " \u{200d} ", "\u{e0067}\u{e007f}"] {
        assert_eq!(clean(nothing), Err(NameProblem::Empty), "{nothing:?}");
        assert!(!is_shown(nothing), "{nothing:?}");
    }
    for turned in ["a\u{202e}b", "\u{2066}a\u{2069}", "a\u{200f}", "a\0", ""] {
        assert!(!is_shown(turned), "{turned:?}");
    }
    assert!(is_shown("Zoë's Stream") && is_shown("日本語 名前") && is_shown("أحمد"));
}

#[test]
fn what_shows_nothing_is_no_name() {
    for proposed in
        ["", " ", "\u{200b}", "\u{202e}\u{2800}\u{3164}", "\u{301}\u{302}", "\n\0", "\u{e0041}", "\u{fe0f}"]
    {
        assert_eq!(clean(proposed), Err(NameProblem::Empty), "{proposed:?}");
    }
}

#[test]
fn a_name_is_cut_at_thirty_characters() {
    assert_eq!(clean(&"ä".repeat(31)), Ok("ä".repeat(30)));
    assert_eq!(clean(&format!("{} b", "a".repeat(29))), Ok("a".repeat(29)));
    assert_eq!(clean(&format!("{} b", "a".repeat(28))), Ok(format!("{} b", "a".repeat(28))));
}

#[test]
fn a_forbidden_word_is_found_within_a_name() {
    let forbidden = list(&["Admin", "farcast", "", "  ", "\u{200b}", "***", "bad word"]);
    for name in [
        "admin",
        "ADMIN",
        "theadmin2",
        "a d m i n",
        "a-d_m.i n",
        "a\u{200b}dmin",
        "ａｄｍｉｎ",
        "аdmіn",
        "𝐚𝐝𝐦𝐢𝐧",
        "a\u{337}d\u{337}m\u{337}i\u{337}n",
        "ADMİN",
        "x***x",
        "BadWord",
        "bad  word",
        "Farcast!",
    ] {
        assert!(is_forbidden(name, &forbidden), "{name}");
    }
    for name in ["adm", "own", "ad", "ann", "", "*", "far cast a way".split_at(3).0, "bad", "админ"] {
        assert!(!is_forbidden(name, &forbidden), "{name}");
    }
    assert!(!is_forbidden("ann", &[]));
}

#[test]
fn a_reserved_name_is_that_which_looks_like_it() {
    let reserved = list(&["Ann Lee", "Борис"]);
    for name in [
        "Ann Lee",
        "ann lee",
        "ANN  LEE",
        "AnnLee",
        "Ａｎｎ\u{3000}Ｌｅｅ",
        "Ann\u{a0}Lee\u{200b}",
        "борис",
        "Бopиc",
    ] {
        assert!(is_reserved(name, &reserved), "{name}");
    }
    for name in ["Ann", "Ann Lee 2", "Ann-Lee", "", "Борисъ"] {
        assert!(!is_reserved(name, &reserved), "{name}");
    }
}

#[test]
fn names_that_are_taken_for_each_other_have_one_skeleton() {
    for (taken, others) in [
        ("Moderator", &["M0derator", "rnoderator", "Ｍoderatοr", "ꓟODERATOR", "𝕄oderator", "Μoderator"][..]),
        ("Ally", &["AIly", "A1ly", "ALLY", "A|ly", "AІІy", "aӏӏу", "Αlly"]),
        ("admin", &["ADMlN", "adm1n", "аdmіn", "ɑdmin", "adrnin", "ａｄｍｉｎ", "AdmⅠn"]),
        ("Пётр", &["пётр", "Пётp"]),
        ("scope", &["ѕсоре", "𝓼𝓬𝓸𝓹𝓮", "ꜱcope"]),
    ] {
        for other in others {
            assert_eq!(skeleton(other), skeleton(taken), "{other}");
        }
    }
    for (one, other) in [("Ann", "Anna"), ("Zoe", "Zoë"), ("日本", "日木"), ("Bob", "Rob"), ("Pam", "Sam")]
    {
        assert_ne!(skeleton(one), skeleton(other));
    }
    assert_eq!(skeleton(""), "");
}

#[test]
fn a_forbidden_word_is_not_had_by_what_looks_like_it() {
    let forbidden = list(&["admin", "porn", "ill"]);
    for name in ["Adm1n", "The ADMlN", "аdrnіn", "ad\u{200d}m1n!", "x pom"] {
        assert!(is_forbidden(name, &forbidden), "{name}");
    }
    // Within words letters count as they are: too many would look like one.
    for name in ["Pomegranate", "Lilian", "adm", "Alli"] {
        assert!(!is_forbidden(name, &forbidden), "{name}");
    }
}

#[test]
fn words_make_good_names() {
    for words in [ADJECTIVES, NOUNS] {
        assert!(words.len() >= 64);
        assert_eq!(words.iter().collect::<HashSet<_>>().len(), words.len(), "no word is there twice");
        assert!(words.iter().all(|word| word.len() <= 8 && word.bytes().all(|b| b.is_ascii_lowercase())));
    }
    let mut rng = StdRng::seed_from_u64(1);
    let names: HashSet<_> = (0..1_000).map(|_| random(&mut rng)).collect();
    assert!(names.iter().all(|name| is_random(name)));
    assert!(!["brave", "-", "admin-admin", ""].iter().any(|name| is_random(name)));
    assert!(names.len() > 800, "{} of 1,000 differ", names.len());
    assert!(names.iter().all(|name| clean(name).as_ref() == Ok(name)));
}

#[test]
fn a_name_is_chosen_from_ten_suggestions_and_not_from_nine() {
    let ten: Vec<_> = (0..10).map(|n| format!(" Guest {n} ")).collect();
    let mut rng = StdRng::seed_from_u64(2);
    let names: HashSet<_> = (0..200).map(|_| choose(&ten, &mut rng)).collect();
    assert_eq!(names, (0..10).map(|n| format!("Guest {n}")).collect());
    assert!((0..50).all(|_| !choose(&ten[..9], &mut rng).starts_with("Guest")));
    assert!(choose(&vec!["\u{200b}".to_owned(); 10], &mut rng).contains('-'), "a suggestion that is no name");
}

proptest! {
    #[test]
    fn a_clean_name_is_short_seen_and_stays(proposed in any::<String>()) {
        if let Ok(name) = clean(&proposed) {
            prop_assert!((1..=MAX_CHARS).contains(&name.chars().count()));
            prop_assert!(is_shown(&name), "{:?}", name);
            prop_assert!(name.chars().all(|c| !is_invisible(c) || emoji::may_join(c)), "{:?}", name);
            prop_assert_eq!(name.trim(), &name);
            prop_assert_eq!(clean(&name), Ok(name.clone()));
            prop_assert!(is_reserved(&name, std::slice::from_ref(&name)));
            prop_assert!(look(&name).is_empty() || is_forbidden(&name, std::slice::from_ref(&name)));
        }
    }

    #[test]
    fn pieces_of_emoji_in_any_order_give_a_clean_name(
        pieces in proptest::collection::vec(
            proptest::sample::select(vec![
                '👩', '🚀', '❤', '🏴', '🏽', '🇩', 'a', '7', ' ', '\u{200d}', '\u{fe0f}', '\u{fe0e}', '\u{20e3}', '\u{301}',
                '\u{202e}', '\u{200b}', '\u{e0067}', '\u{e0062}', '\u{e007f}',
            ]),
            0..60,
        ),
    ) {
        if let Ok(name) = clean(&pieces.into_iter().collect::<String>()) {
            prop_assert!(is_shown(&name), "{:?}", name);
            prop_assert!((1..=MAX_CHARS).contains(&name.chars().count()));
            prop_assert_eq!(clean(&name), Ok(name.clone()));
            let joins_at_its_ends = name.ends_with('\u{200d}') || name.starts_with(emoji::may_join);
            prop_assert!(!joins_at_its_ends);
        }
    }

    #[test]
    fn marks_do_not_grow(base in "[a-z]", marks in "[\u{300}-\u{36f}]{0,60}") {
        let name = clean(&format!("{base}{marks}")).unwrap();
        prop_assert!(name.chars().count() <= MAX_MARKS + 1, "{:?}", name);
    }
}
