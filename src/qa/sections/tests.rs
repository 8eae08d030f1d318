//! Tests of replacing one section.

use proptest::prelude::*;

use super::*;

const REPORT: &str = "# Audit\n\nintro\n\n## One\n\na\n\n### sub\n\nb\n\n## Two\n\n```\n## not a heading\n```\n\n\
                      > ## nor this\n\nTitle by line\n-------------\n\nc\n\n## Two words ##\n\nend\n";

#[test]
fn headings_are_found_as_they_stand() {
    let names: Vec<&str> = sections(REPORT).iter().map(|s| s.heading).collect();
    assert_eq!(names, ["One", "Two", "Title by line", "Two words"]);
    assert_eq!(body(REPORT, "One"), Some("\na\n\n### sub\n\nb\n\n"));
    assert_eq!(pieces(REPORT).iter().map(|p| &REPORT[p.range.clone()]).collect::<String>(), REPORT);
}

#[test]
fn one_section_is_replaced_with_or_without_its_heading() {
    let plain = replace(REPORT, "One", "new\n\n### sub\n\ntext").unwrap();
    assert_eq!(plain, replace(REPORT, "## One", "## One\n\nnew\r\n\r\n### sub\n\ntext\n\n").unwrap());
    assert!(plain.starts_with("# Audit\n\nintro\n\n## One\n\nnew\n\n### sub\n\ntext\n\n## Two\n"), "{plain}");
    assert!(
        replace(REPORT, "Title by line", "x").unwrap().contains("-------------\n\nx\n\n## Two words ##\n")
    );
    assert!(replace(REPORT, "Two words", "x").unwrap().ends_with("## Two words ##\n\nx\n"));
}

#[test]
fn what_is_not_one_edit_of_one_section_is_refused() {
    let refused = |heading: &str, content: &str| replace(REPORT, heading, content).unwrap_err().to_string();
    assert_eq!(refused("Three", "x"), "it names no section of the report: 'Three'");
    assert_eq!(refused("sub", "x"), "it names no section of the report: 'sub'");
    assert_eq!(refused("", "x"), "it names no section of the report: ''");
    assert_eq!(refused("One", " a\n### sub\nb\n"), "it changes nothing in 'One'");
    for more in [
        REPORT,                     // the whole file
        "x\n\n## Another\n\ny",     // a section more
        "x\n\n# Title\n",           // a title
        "x\n\nAnother\n---\n",      // the same, by a line under it
        "x\n\n```\nnever closed",   // swallows what follows
        "x\n\n<!-- never closed\n", // so does this
        "## Other name\n\nx",       // renamed
    ] {
        assert_eq!(refused("One", more), "it changes more than the section 'One'", "{more}");
    }
    assert!(refused("One", &"x".repeat(LIMIT + 1)).contains("1 MiB"));
    let twice = "## A\n\nx\n\n## A\n\ny\n";
    assert_eq!(replace(twice, "A", "z").unwrap_err(), EditError::Ambiguous("A".to_owned()));
}

#[test]
fn escape_sequences_do_not_reach_the_report() {
    assert!(replace(REPORT, "One", "a\x1b[2Jb").unwrap().contains("a\u{241b}[2Jb"));
}

#[test]
fn a_section_is_added_once_and_then_replaced() {
    let once = upsert("## A\n\na\n\n## Z\n\nz\n", "M", "m", "Z");
    assert_eq!(once, "## A\n\na\n\n## M\n\nm\n\n## Z\n\nz\n");
    assert_eq!(upsert(&once, "M", "n", "Z"), "## A\n\na\n\n## M\n\nn\n\n## Z\n\nz\n");
    assert_eq!(upsert("## A\n\na\n", "M", "m", "Z"), "## A\n\na\n\n## M\n\nm\n");
}

proptest! {
    #[test]
    fn whatever_is_put_into_one_section_the_others_stay(
        content in "([a-z#`<>*=|\\-]{0,6}[ \n]{0,2}){0,24}",
        n in 0_usize..4,
    ) {
        let names = ["One", "Two", "Title by line", "Two words"];
        if let Ok(edited) = replace(REPORT, names[n], &content) {
            let (old, new) = (pieces(REPORT), pieces(&edited));
            prop_assert_eq!(old.len(), new.len());
            for (o, n_) in old.iter().zip(&new) {
                prop_assert_eq!(o.heading, n_.heading);
                if o.heading != names[n] {
                    prop_assert_eq!(&REPORT[o.range.clone()], &edited[n_.range.clone()]);
                }
            }
        }
    }

    #[test]
    fn pieces_are_the_whole_text(text in "([#=>`a \\-]{0,5}\n?){0,20}") {
        let joined: String = pieces(&text).iter().map(|p| &text[p.range.clone()]).collect();
        prop_assert_eq!(joined, text);
    }
}
