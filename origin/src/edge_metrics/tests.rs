//! Tests of the page, whose judge is a reader of its own.

use std::collections::{BTreeMap, BTreeSet};

use farcast_telemetry::make::Make as _;
use farcast_telemetry::metrics::Registry;
use proptest::prelude::*;

use super::page::Page;
use super::*;

fn page(edges: &[(&str, Option<&str>)]) -> String {
    let mut page = Page::default();
    for (edge, text) in edges {
        page.add(edge, *text);
    }
    page.render()
}

type Series = (String, BTreeMap<String, String>);

/// Reads a page as strictly as the format's definition: panics where a reader would give up.
fn read(page: &str) -> BTreeMap<Series, String> {
    let (mut samples, mut typed, mut current) = (BTreeMap::new(), BTreeSet::new(), String::new());
    assert!(page.ends_with('\n'));
    for line in page.split_terminator('\n') {
        let words: Vec<_> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "HELP", family, text] => {
                assert!(!typed.contains(family), "{line}");
                unescape(text, "\\n");
            }
            ["#", "TYPE", family, kind] => {
                assert!(typed.insert(family.to_owned()), "twice: {line}");
                assert!(["counter", "gauge", "histogram", "summary", "untyped"].contains(&kind), "{line}");
                family.clone_into(&mut current);
            }
            _ => {
                let (series, value) = sample(line);
                assert!(value.parse::<f64>().is_ok(), "{line}");
                assert!(series.0.starts_with(&current), "{line} is among {current}");
                assert!(samples.insert(series, value).is_none(), "twice: {line}");
            }
        }
    }
    samples
}

/// A text without escapes, of which there are these behind backslashes.
fn unescape(text: &str, escapes: &str) -> String {
    let mut chars = text.chars();
    let mut plain = String::new();
    while let Some(char) = chars.next() {
        let escaped = if char == '\\' { chars.next() } else { None };
        assert!(char != '\\' || escaped.is_some_and(|escaped| escapes.contains(escaped)), "{text}");
        plain.push(escaped.map_or(char, |escaped| if escaped == 'n' { '\n' } else { escaped }));
    }
    plain
}

fn sample(line: &str) -> (Series, String) {
    let (name, mut rest) = line.split_once('{').expect("each sample has the label of its edge");
    let mut labels = BTreeMap::new();
    loop {
        let (label, quoted) = rest.split_once("=\"").unwrap();
        assert!(label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !label.is_empty(), "{line}");
        let is_end = |at: &usize| {
            quoted[..*at].bytes().rev().take_while(|byte| *byte == b'\\').count().is_multiple_of(2)
        };
        let end = quoted.match_indices('"').map(|(at, _)| at).find(is_end).unwrap();
        assert!(labels.insert(label.to_owned(), unescape(&quoted[..end], "\\n\"")).is_none(), "{line}");
        rest = &quoted[end + 1..];
        if let Some(value) = rest.strip_prefix("} ") {
            return ((name.to_owned(), labels), value.to_owned());
        }
        rest = rest.strip_prefix(',').unwrap();
    }
}

fn value<'a>(samples: &'a BTreeMap<Series, String>, name: &str, labels: &[(&str, &str)]) -> Option<&'a str> {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    samples.get(&(name.to_owned(), labels)).map(String::as_str)
}

fn real() -> String {
    let registry = Registry::new("farcast-edge", "1.2.3").unwrap();
    let counters = registry.inner().counters("farcast_test_total", "A \\ and\na line.", &["reason"]).unwrap();
    counters.with_label_values(&["a \"quote\" \\ \u{e4}"]).inc_by(3);
    let seconds = registry.of_stream("live").unwrap();
    let seconds = seconds.histogram("farcast_test_seconds", "How long.", &[0.1, 2.0]).unwrap();
    seconds.observe(0.5);
    registry.render().unwrap()
}

#[test]
fn what_edges_write_is_there_once_with_the_samples_of_all() {
    let text = real();
    let said = text.lines().filter(|line| !line.starts_with('#')).count();
    let page = page(&[("ber", Some(&text)), ("f\"ra\\\n", Some(&text)), ("gone", None)]);
    let samples = read(&page);
    for edge in ["ber", "f\"ra\\\n"] {
        let of = |name, labels: &[_]| value(&samples, name, &[&[("edge", edge)], labels].concat());
        assert_eq!(of("farcast_edge_metrics_up", &[]), Some("1"));
        assert_eq!(of("farcast_edge_metrics_refused_lines", &[]), Some("0"), "{page}");
        assert_eq!(of("farcast_test_total", &[("reason", "a \"quote\" \\ \u{e4}")]), Some("3"), "{page}");
        assert_eq!(
            of("farcast_test_seconds_bucket", &[("stream", "live"), ("le", "2")]),
            Some("1"),
            "{page}"
        );
        assert_eq!(of("farcast_test_seconds_count", &[("stream", "live")]), Some("1"));
    }
    assert_eq!(value(&samples, "farcast_edge_metrics_up", &[("edge", "gone")]), Some("0"));
    assert_eq!(samples.len(), 2 * said + 3 * 2);
    assert!(page.contains("# TYPE farcast_test_seconds histogram\n"), "{page}");
    assert!(page.contains("# HELP farcast_test_total A \\\\ and\\na line.\n"), "{page}");
}

#[test]
fn a_hostile_edge_breaks_nothing_and_speaks_for_nobody_else() {
    let honest = "# HELP farcast_a A.\n# TYPE farcast_a gauge\nfarcast_a{k=\"v\"} 1\n\
        # TYPE farcast_h histogram\nfarcast_h_bucket{le=\"+Inf\"} 2\nfarcast_h_sum 1\nfarcast_h_count 2\n";
    let wrong = [
        "farcast_z 1 1700000000000",
        "farcast_z{edge=\"honest\"} 1",
        "farcast_z{k=\"x\",k=\"y\"} 1",
        "farcast_z{__name__=\"up\"} 1",
        "farcast_z{k=\"\\q\"} 1",
        "farcast_z{k=\"x} 1",
        "farcast_z{k=\"x\"y=\"z\"} 1",
        "farcast_z{,} 1",
        "farcast_z{k='x'} 1",
        "farcast_z{k=\"x\"}1",
        "farcast_z{k=\"\u{1b}[2J\"} 1",
        "farcast_z one",
        "farcast_z 1\r",
        "farcast_z",
        "farcast_z{k=\"right\",l=\"y\"} 2",
        "farcast_z{l=\"y\",k=\"right\"} 1",
        "farcast_b 1",
        "farcast_h_bucket{le=\"wide\"} 1",
        "farcast_h_bucket 1",
        "farcast_h 1",
        "up 1",
        "# TYPE up gauge",
        "# TYPE farcast_edge_metrics_up gauge",
        "# TYPE farcast_z counter",
        "# TYPE farcast_c heap",
        "# TYPE farcast_h_count gauge",
        "# HELP farcast_d a \\d",
        "} 1",
        "{} 1",
    ];
    let begin = "# TYPE farcast_a histogram\n# TYPE farcast_h histogram\n# TYPE farcast_z gauge\n\
        farcast_z{k=\"right\",l=\"y\"} 1";
    let hostile = format!("{begin}\n{}\n", wrong.join("\n"));
    for order in [["honest", "zombie"], ["honest", "attacker"]] {
        let texts = |name: &str| if name == "honest" { honest } else { &*hostile };
        let mut sorted = order;
        sorted.sort_unstable();
        let page = page(&sorted.map(|name| (name, Some(texts(name)))));
        let samples = read(&page);
        let of = |name, labels: &[_]| value(&samples, name, &[&[("edge", "honest")], labels].concat());
        assert_eq!(of("farcast_a", &[("k", "v")]), Some("1"), "{page}");
        assert_eq!(of("farcast_h_bucket", &[("le", "+Inf")]), Some("2"), "{page}");
        assert_eq!(samples.len(), 4 + 1 + 2 * 2, "{page}");
        assert!(page.contains("# TYPE farcast_a untyped\n"), "{page}");
        let refused = value(&samples, "farcast_edge_metrics_refused_lines", &[("edge", order[1])]);
        assert_eq!(refused, Some(&*wrong.len().to_string()), "{page}");
    }
}

#[test]
fn an_edge_that_says_much_is_cut_short() {
    let much: String = (0..30_000).map(|number| format!("farcast_a{{n=\"{number}\"}} 1\n")).collect();
    let page = page(&[("much", Some(&format!("# TYPE farcast_a gauge\n{much}{}", "x".repeat(5000))))]);
    let samples = read(&page);
    assert_eq!(samples.len(), 20_000 + 2);
    assert_eq!(value(&samples, "farcast_edge_metrics_refused_lines", &[("edge", "much")]), Some("10001"));
    let families: String =
        (0..3000).map(|n| format!("# HELP farcast_a{n} A\n# TYPE farcast_a{n} gauge\n")).collect();
    let page = self::page(&[("much", Some(&families))]);
    assert_eq!(page.lines().count(), 6, "families without samples are not shown");
}

#[test]
fn all_answers_together_are_bounded() {
    assert_eq!(most_bytes(0), MAX_EDGE_BYTES);
    assert_eq!(most_bytes(64), MAX_EDGE_BYTES);
    assert!(most_bytes(1000) * 1000 <= MAX_TOTAL_BYTES);
    assert!(most_bytes(1000) > 64 * 1024, "a thousand edges can say what edges say");
}

proptest! {
    #[test]
    fn whatever_edges_say_the_page_can_be_read(
        texts in prop::collection::vec("(# (TYPE|HELP) )?(farcast_[ab](_sum)?|process_x|up)?[{}a-c=\",\\\\# n0-9.\u{e4}\n]{0,40}", 0..12),
        name in "[a-z\"\\\\\n]{0,8}",
    ) {
        let text = texts.join("\n");
        read(&page(&[("a", Some(&text)), (&format!("b{name}"), Some(&text)), ("c", Some(&real()))]));
    }

    #[test]
    fn labels_and_helps_survive(label in "[^\\p{Cc}]{0,20}", help in "[^\\p{Cc}]{0,20}", edge in "[^\\p{Cc}]{1,20}") {
        let registry = Registry::new("farcast-edge", "1.2.3").unwrap();
        // The registry takes no empty help text.
        registry.inner().gauges("farcast_x", &format!("H{help}"), &["k"]).unwrap().with_label_values(&[&label]).set(5);
        let page = page(&[(&edge, Some(&registry.render().unwrap()))]);
        let samples = read(&page);
        prop_assert_eq!(value(&samples, "farcast_x", &[("edge", &edge), ("k", &label)]), Some("5"));
        let told = page.lines().find_map(|line| line.strip_prefix("# HELP farcast_x ")).map(|text| unescape(text, "\\n"));
        prop_assert_eq!(told, Some(format!("H{help}")));
    }
}
