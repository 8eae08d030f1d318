//! What patterns match, checked against a plain backtracking matcher.

use proptest::prelude::*;

use super::{Pattern, PatternError, PatternIndex, PatternSet};
use crate::base::path::RepoPath;

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn set(texts: &[&str]) -> PatternSet {
    PatternSet::new(texts.iter().map(|t| pattern(t)))
}

fn path(text: &str) -> RepoPath {
    RepoPath::from(text)
}

/// For each pattern: paths that it matches, paths that it does not.
const TABLE: &[(&str, &[&str], &[&str])] = &[
    ("src/a", &["src/a"], &["src", "src/a/b", "src/ab", "Src/a", "x/src/a"]),
    ("./src/a", &["src/a"], &["./src/a", "a"]),
    ("src//a", &["src/a"], &["src//a"]),
    ("src/", &["src/a", "src/a/b", "src/.hidden"], &["src", "srcs/a"]),
    ("src/**", &["src/a", "src/a/b"], &["src", "srcs/a"]),
    ("**", &["a", "a/b", ".x/y"], &[]),
    ("**/*.rs", &["a.rs", "x/a.rs", "x/y/a.rs", ".rs"], &["a.rss", "a.rs/x"]),
    ("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["a/xb", "ab", "a/b/c"]),
    ("a/*/b", &["a/x/b"], &["a/b", "a/x/y/b"]),
    ("*", &["a", ".a"], &["a/b"]),
    ("a**b", &["ab", "axb"], &["a/b"]),
    ("?.txt", &["a.txt", "ü.txt"], &["ab.txt", ".txt", "/.txt"]),
    ("[ab].c", &["a.c", "b.c"], &["c.c"]),
    ("[!a]x", &["bx", "üx", ".x"], &["ax", "/x", "x"]),
    ("[^a-c]x", &["dx"], &["bx"]),
    ("[]a]x", &["]x", "ax"], &["x"]),
    ("[a-]x", &["-x", "ax"], &["bx"]),
    ("[\\]-]x", &["]x", "-x"], &["\\x"]),
    ("[ä-ü]x", &["öx"], &["ax"]),
    ("[+--]x", &["+x", ",x", "-x"], &["/x", ".x"]),
    ("a[.-0]b", &["a.b", "a0b"], &["a/b"]),
    ("{a,b/c}.rs", &["a.rs", "b/c.rs"], &["b.rs"]),
    ("src/{a,{b,c}d}", &["src/a", "src/bd", "src/cd"], &["src/b", "src/ad"]),
    ("{a/,}b", &["a/b", "b"], &["ab"]),
    ("a{,/**}", &["a", "a/b/c"], &["ab"]),
    ("x{/**,}/y", &["x/y", "x/z/y"], &["xy"]),
    ("\\*", &["*"], &["a"]),
    ("\\{a,b\\}", &["{a,b}"], &["a"]),
    ("\\!a", &["!a"], &["a"]),
    ("a,b", &["a,b"], &["a"]),
    ("a b/ü.txt", &["a b/ü.txt"], &["a b/u.txt"]),
    ("#x", &["#x"], &["x"]),
    (".gitignore", &[".gitignore"], &[]),
];

#[test]
fn the_language_matches_what_its_table_says() {
    for (text, yes, no) in TABLE {
        let pattern = pattern(text);
        let set = set(&[text]);
        for p in *yes {
            assert!(pattern.matches(&path(p)), "{text} should match {p}");
            assert!(set.matches(&path(p)), "the set of {text} should match {p}");
        }
        for p in *no {
            assert!(!pattern.matches(&path(p)), "{text} should not match {p}");
            assert!(!set.matches(&path(p)), "the set of {text} should not match {p}");
        }
    }
}

#[test]
fn stray_bytes_count_as_one_character_each() {
    let odd = RepoPath::from_bytes(b"d/\xff\xfe.bin".to_vec());
    for (text, matched) in [("d/??.bin", true), ("d/*", true), ("d/?.bin", false), ("d/[!a]?.bin", true)] {
        assert_eq!(pattern(text).matches(&odd), matched, "{text}");
        assert_eq!(set(&[text]).matches(&odd), matched, "{text}");
    }
}

#[test]
fn each_broken_rule_has_its_kind() {
    use PatternError::{Absolute, Dot, Empty, Escapes, GitDir};
    for (text, kind) in [
        ("", Empty),
        ("!", Empty),
        ("{,a}", Empty),
        ("/etc/passwd", Absolute),
        ("!/etc", Absolute),
        ("/", Absolute),
        ("C:/x", Absolute),
        ("C:\\x", Absolute),
        ("{/a,b}", Absolute),
        ("../x", Escapes),
        ("a/../b", Escapes),
        ("a/..", Escapes),
        ("a/../", Escapes),
        ("{.,x}{.,y}/b", Escapes),
        ("\\.\\./x", Escapes),
        ("[.][.]/x", Escapes),
        (".", Dot),
        ("a/./b", Dot),
        ("././a", Dot),
        (".git", GitDir),
        (".GIT/config", GitDir),
        ("sub/.Git/hooks/", GitDir),
        ("**/.git/**", GitDir),
        (".gi{t,x}", GitDir),
    ] {
        assert_eq!(Pattern::parse(text).unwrap_err(), kind, "{text}");
    }
}

#[test]
fn syntax_errors_say_what_to_write() {
    let said = |text: &str| Pattern::parse(text).unwrap_err().to_string();
    let shown: Vec<String> = ["a[b", "a{b", "a}b", "a\\", "[z-a]", "[/]", "[[:alpha:]]", "a\0"]
        .into_iter()
        .map(|t| format!("{t:?}: {}", said(t)))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    "a[b": '[' has no ']' after it; write '\[' for the character
    "a{b": '{' has no '}' after it; write '\{' for the character
    "a}b": '}' has no '{' before it; write '\}' for the character
    "a\\": nothing follows the '\' at the end
    "[z-a]": the range 'z-a' runs backwards
    "[/]": a class never matches '/', so this one matches nothing
    "[[:alpha:]]": named classes like [:alpha:] are not known; write the range, like [a-z]
    "a\0": no path holds a NUL character
    "#);
}

#[test]
fn blow_up_is_refused_with_a_reason() {
    let braces = "{a,b}".repeat(20);
    assert!(Pattern::parse(&braces).unwrap_err().to_string().contains("more than 256"));
    let deep = format!("{}a{}", "{".repeat(50_000 / 25), "}".repeat(50_000 / 25));
    assert!(Pattern::parse(&deep).unwrap_err().to_string().contains("nest"));
    assert!(Pattern::parse(&"a".repeat(5000)).unwrap_err().to_string().contains("4096 bytes"));
    let stars = pattern(&"**/a*".repeat(400));
    let other = pattern(&"**/*b".repeat(400));
    assert!(stars.overlaps(&other));
    assert!(!stars.matches(&path(&"a/".repeat(2000))));
}

#[test]
fn sets_take_exclusions_away_wherever_they_stand() {
    let both = set(&["!src/gen/", "src/**", "docs/a.md"]);
    assert!(both.matches(&path("src/a.rs")) && both.matches(&path("docs/a.md")));
    assert!(!both.matches(&path("src/gen/a.rs")) && !both.matches(&path("other")));
    assert!(!set(&["!a"]).matches(&path("b")));
    assert!(!PatternSet::default().matches(&path("a")));
}

#[test]
fn overlap_is_found_for_files_that_do_not_exist_yet() {
    for (a, b, expected) in [
        ("src/**", "src/a.rs", true),
        ("src/*.rs", "src/a*", true),
        ("src/*.rs", "src/*.toml", false),
        ("src/*", "src/a/b", false),
        ("**/mod.rs", "src/**", true),
        ("**/a/**", "b/*", false),
        ("a/**/z", "a/b/*", true),
        ("{a,b}/x", "{b,c}/x", true),
        ("{a,b}/x", "{c,d}/x", false),
        ("[a-c]", "[c-d]", true),
        ("[a-c]", "[!a-c]", false),
        ("[!a]", "[!b]", true),
        ("src", "src/", false),
        ("?", "ü", true),
        ("a*b*c", "a*d*c", true),
        ("*a", "*b", false),
    ] {
        assert_eq!(pattern(a).overlaps(&pattern(b)), expected, "{a} and {b}");
        assert_eq!(pattern(b).overlaps(&pattern(a)), expected, "{b} and {a}");
    }
}

#[test]
fn exclusions_of_either_side_end_an_overlap() {
    for (a, b, expected) in [
        (&["src/**", "!src/gen/**"][..], &["src/gen/x.rs"][..], false),
        (&["src/**", "!src/gen/x.rs"], &["src/gen/*.rs"], true),
        (&["src/**", "!src/gen/*"], &["src/gen/*.rs"], false),
        (&["src/**", "!src/**/*.rs"], &["src/a/*.rs"], false),
        (&["*"], &["a", "!a"], false),
        (&["[ab]", "!a"], &["[ac]"], false),
        (&["[abc]", "!a"], &["[!d]", "!c"], true),
        (&["?", "!a", "![b-z]"], &["[a-z]"], false),
    ] {
        assert_eq!(set(a).overlaps(&set(b)), expected, "{a:?} and {b:?}");
        assert_eq!(set(b).overlaps(&set(a)), expected, "{b:?} and {a:?}");
    }
}

#[test]
fn covering_and_void_sets_are_told() {
    let own = set(&["docs/audit/state.md", "docs/audit/prompts/", "docs/audit/audit-report*"]);
    for covered in ["docs/audit/state.md", "docs/audit/prompts/*.md", "docs/audit/{state.md,prompts/a}"] {
        assert!(own.covers(&pattern(covered)), "{covered}");
    }
    for not in ["docs/", "docs/audit/*", "docs/audit/prompts*", "docs/audit/prompts"] {
        assert!(!own.covers(&pattern(not)), "{not}");
    }
}

#[test]
fn the_index_offers_only_what_lies_on_the_same_way() {
    let all: Vec<Pattern> =
        ["src/a.rs", "src/b.rs", "src/**", "docs/*", "**/*.md"].into_iter().map(pattern).collect();
    let index = PatternIndex::new(&all);
    assert_eq!(index.candidates(&pattern("src/a.rs")), [0, 2, 4]);
    assert_eq!(index.candidates(&pattern("**/a.rs")), [0, 2, 3, 4]);
    assert_eq!(index.candidates(&pattern("other/**/a.rs")), [4]);
    assert_eq!(index.candidates(&pattern("src/*.rs")), [0, 1, 2, 4]);
    assert_eq!(index.candidates(&pattern("docs/x")), [3, 4]);
    assert_eq!(index.candidates(&pattern("**")), [0, 1, 2, 3, 4]);
}

#[test]
fn literal_parts_are_known() {
    for (text, prefix) in [
        ("src/a.rs", "src/a.rs"),
        ("src/{a,b}.rs", "src"),
        ("src/*.rs", "src"),
        ("src/a*/b", "src"),
        ("src/a/", "src/a"),
        ("*", ""),
        ("a/{b/c/*,b/d}", "a/b"),
        ("\\*/x", "*/x"),
    ] {
        assert_eq!(pattern(text).literal_prefix(), prefix, "{text}");
    }
    assert_eq!(pattern("{src/a*,docs/b}").literal_prefixes(), ["docs/b", "src"]);
}

/// A pattern as a plain tree, and a matcher for it that shares nothing with the real one.
#[derive(Debug, Clone)]
enum Piece {
    Char(char),
    Star,
    Any,
    Class(Vec<char>, bool),
    Either(Vec<Piece>, Vec<Piece>),
}

#[derive(Debug, Clone)]
enum Component {
    Deep,
    Plain(Vec<Piece>),
}

fn text_of(pieces: &[Piece]) -> String {
    pieces
        .iter()
        .map(|p| match p {
            Piece::Char(c) if c.is_alphanumeric() => c.to_string(),
            Piece::Char(c) => format!("\\{c}"),
            Piece::Star => "*".to_owned(),
            Piece::Any => "?".to_owned(),
            Piece::Class(of, negated) => {
                format!("[{}{}]", if *negated { "!" } else { "" }, of.iter().collect::<String>())
            }
            Piece::Either(a, b) => format!("{{{},{}}}", text_of(a), text_of(b)),
        })
        .collect()
}

fn written(components: &[Component]) -> String {
    let all: Vec<String> = components
        .iter()
        .map(|c| match c {
            Component::Deep => "**".to_owned(),
            Component::Plain(pieces) => text_of(pieces),
        })
        .collect();
    all.join("/")
}

fn brute_name(pieces: &[Piece], name: &[char]) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return name.is_empty() };
    match first {
        Piece::Star => (0..=name.len()).any(|n| brute_name(rest, &name[n..])),
        Piece::Either(a, b) => [a, b].into_iter().any(|choice| {
            let whole: Vec<Piece> = choice.iter().chain(rest).cloned().collect();
            brute_name(&whole, name)
        }),
        one => {
            let Some((c, tail)) = name.split_first() else { return false };
            let fits = match one {
                Piece::Char(x) => x == c,
                Piece::Class(of, negated) => of.contains(c) != *negated,
                _ => true,
            };
            fits && brute_name(rest, tail)
        }
    }
}

fn brute(components: &[Component], names: &[Vec<char>]) -> bool {
    match components.split_first() {
        None => names.is_empty(),
        Some((Component::Deep, [])) => !names.is_empty(),
        Some((Component::Deep, rest)) => (0..=names.len()).any(|n| brute(rest, &names[n..])),
        Some((Component::Plain(pieces), rest)) => {
            names.split_first().is_some_and(|(name, tail)| brute_name(pieces, name) && brute(rest, tail))
        }
    }
}

fn letter() -> impl Strategy<Value = char> {
    prop::sample::select(vec!['a', 'b', 'ü', '*'])
}

fn leaf() -> impl Strategy<Value = Piece> {
    prop_oneof![
        4 => letter().prop_map(Piece::Char),
        2 => Just(Piece::Star),
        1 => Just(Piece::Any),
        1 => (prop::collection::vec(prop::sample::select(vec!['a', 'b', 'ü']), 1..3), any::<bool>())
            .prop_map(|(of, negated)| Piece::Class(of, negated)),
    ]
}

/// Two stars side by side would be written like `**`, so a letter parts them.
fn apart(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    for p in pieces {
        if matches!(out.last(), Some(Piece::Star | Piece::Either(..))) {
            out.push(Piece::Char('a'));
        }
        out.push(p);
    }
    out
}

fn piece() -> impl Strategy<Value = Piece> {
    let side = || prop::collection::vec(leaf(), 1..3).prop_map(apart);
    prop_oneof![4 => leaf(), 1 => (side(), side()).prop_map(|(a, b)| Piece::Either(a, b))]
}

fn component() -> impl Strategy<Value = Component> {
    let plain = prop::collection::vec(piece(), 1..4).prop_map(|p| Component::Plain(apart(p)));
    prop_oneof![1 => Just(Component::Deep), 4 => plain]
}

fn components() -> impl Strategy<Value = Vec<Component>> {
    prop::collection::vec(component(), 1..3)
}

fn names() -> impl Strategy<Value = Vec<Vec<char>>> {
    prop::collection::vec(prop::collection::vec(letter(), 1..4), 1..4)
}

fn joined(names: &[Vec<char>]) -> RepoPath {
    let parts: Vec<String> = names.iter().map(|n| n.iter().collect()).collect();
    path(&parts.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn matching_agrees_with_brute_force(c in components(), n in names()) {
        let p = pattern(&written(&c));
        let expected = brute(&c, &n);
        prop_assert_eq!(p.matches(&joined(&n)), expected, "{} on {}", p.raw(), joined(&n));
        prop_assert_eq!(PatternSet::new([p.clone()]).matches(&joined(&n)), expected, "globset: {}", p.raw());
    }

    #[test]
    fn a_path_in_both_means_overlap_and_overlap_is_symmetric(
        a in components(), b in components(), x in components(), n in names()
    ) {
        let excluded = pattern(&format!("!{}", written(&x)));
        let sets = [&a, &b].map(|c| PatternSet::new([pattern(&written(c)), excluded.clone()]));
        let [pa, pb] = [&a, &b].map(|c| pattern(&written(c)));
        prop_assert_eq!(pa.overlaps(&pb), pb.overlaps(&pa));
        prop_assert_eq!(sets[0].overlaps(&sets[1]), sets[1].overlaps(&sets[0]));
        if brute(&a, &n) && brute(&b, &n) {
            prop_assert!(pa.overlaps(&pb));
            if !brute(&x, &n) {
                prop_assert!(sets[0].overlaps(&sets[1]));
            }
        }
    }

    #[test]
    fn the_index_misses_no_overlap(all in prop::collection::vec(components(), 1..12), q in components()) {
        let all: Vec<Pattern> = all.iter().map(|c| pattern(&written(c))).collect();
        let q = pattern(&written(&q));
        let candidates = PatternIndex::new(&all).candidates(&q);
        for (i, p) in all.iter().enumerate() {
            prop_assert!(!p.overlaps(&q) || candidates.contains(&i), "{} and {}", p, q);
        }
    }

    #[test]
    fn no_overlap_between_short_names_is_made_up(a in component(), b in component()) {
        let pair = [vec![a], vec![b]];
        let claimed = pattern(&written(&pair[0])).overlaps(&pattern(&written(&pair[1])));
        let alphabet = ['a', 'b', 'ü', '*', 'z', '.'];
        let mut words: Vec<Vec<char>> = vec![vec![]];
        let mut found = false;
        for _ in 0..5 {
            words = words.iter().flat_map(|w| alphabet.map(|c| [w.as_slice(), &[c]].concat())).collect();
            found |= words.iter().any(|w| pair.iter().all(|c| brute(c, std::slice::from_ref(w))));
            if found { break; }
        }
        let longest: usize = pair.iter().map(|c| written(c).chars().count()).max().unwrap_or(0);
        prop_assert!(found == claimed || longest > 4, "{} {}", written(&pair[0]), written(&pair[1]));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,40}", odd in "[a/*?{},!\\[\\]\\\\.-]{0,30}") {
        for t in [text, odd] {
            if let Ok(p) = Pattern::parse(&t) {
                prop_assert!(p.is_negated() || p.overlaps(&p) == PatternSet::new([p.clone()]).covers(&p));
                prop_assert_eq!(p.raw(), t);
            }
        }
    }
}
