//! Holds the imports to the layer table of src/lib.rs: a module imports only from those
//! declared above it.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// The layers in order, from the `pub mod` lines of src/lib.rs.
fn layers(root: &Path) -> BTreeMap<String, usize> {
    let lib = fs::read_to_string(root.join("src/lib.rs")).unwrap();
    lib.lines()
        .filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';'))
        .enumerate()
        .map(|(rank, name)| (name.to_owned(), rank))
        .collect()
}

/// Names of top-level modules that a text mentions as `crate::name` or in `use crate::{a, b}`.
fn imported(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let line = text[..at].matches('\n').count() + 1;
        let line_start = text[..at].rfind('\n').map_or(0, |i| i + 1);
        if text[line_start..at].trim_start().starts_with("//") {
            continue;
        }
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut word = String::new();
            let mut at_name = true;
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => {
                        found.push((line, std::mem::take(&mut word)));
                        at_name = true;
                        continue;
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
                if c.is_alphanumeric() || c == '_' {
                    if at_name && depth == 1 {
                        word.push(c);
                    }
                } else if !c.is_whitespace() {
                    at_name = false;
                }
            }
            found.push((line, word));
        } else {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            found.push((line, rest[..end].to_owned()));
        }
    }
    found.retain(|(_, name)| !name.is_empty());
    found
}

#[test]
fn imports_point_downward_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let layers = layers(root);
    assert!(layers.len() > 10, "the layer table was not found");
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    let mut upward = Vec::new();
    for file in files {
        let inside = file.strip_prefix(root.join("src")).unwrap();
        let own = inside
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy()
            .trim_end_matches(".rs")
            .to_owned();
        let Some(rank) = layers.get(&own) else { continue };
        for (line, name) in imported(&fs::read_to_string(&file).unwrap()) {
            match layers.get(&name) {
                Some(other) if other > rank => upward
                    .push(format!("{}:{line}: {own} imports {name}, which lies above it", inside.display())),
                _ => {}
            }
        }
    }
    assert!(upward.is_empty(), "{}", upward.join("\n"));
}

#[test]
fn every_file_says_what_it_owns() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    let silent: Vec<_> = files
        .iter()
        .filter(|f| !fs::read_to_string(f).unwrap().starts_with("//!"))
        .map(|f| f.display().to_string())
        .collect();
    assert!(silent.is_empty(), "no //! line: {silent:?}");
}

#[test]
fn the_import_reader_sees_groups_and_nested_paths() {
    let text =
        "use crate::{base::{Id, Oid}, git::Repo};\nuse crate::plan::Plan;\n// crate::cli is only mentioned\n";
    let names: Vec<_> = imported(text).into_iter().map(|(line, name)| format!("{line}:{name}")).collect();
    assert_eq!(names, ["1:base", "1:git", "2:plan"]);
}
