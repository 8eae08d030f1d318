//! A starter for each kind of repository: formatted, free of problems, and with the commands
//! that its files call for.

use std::collections::BTreeMap;

use super::*;
use crate::config::{Flags, LoadInput, load};

fn of(files: &[(&str, &str)], agents: &[&str]) -> (String, Vec<&'static str>) {
    let names: Vec<String> = files.iter().map(|(n, _)| (*n).to_owned()).collect();
    let read = |name: &str| files.iter().find(|(n, _)| *n == name).map(|(_, text)| (*text).to_owned());
    let (text, found) = starter(&Look { names: &names, read: &read, branch: "main", agents, bundle: None });
    assert_eq!(format("audit.kdl", text.as_bytes()).unwrap(), text, "not formatted");
    let input = LoadInput {
        file: Some(("audit.kdl".to_owned(), text.clone().into_bytes())),
        read: &|_| Err(std::io::ErrorKind::NotFound.into()),
        env: &BTreeMap::new(),
        flags: &Flags::default(),
    };
    match load(&input) {
        Ok((_, warnings)) => assert!(warnings.is_empty(), "{warnings:?}\n{text}"),
        Err(problems) => panic!("{problems:?}\n{text}"),
    }
    (text, found)
}

#[test]
fn each_language_gets_its_commands() {
    let package = r#"{"scripts": {"test": "vitest", "lint": "eslint ."}}"#;
    for (files, name, wanted) in [
        (
            vec![("Cargo.toml", "[workspace]\n"), ("Cargo.lock", "")],
            "Rust",
            vec!["cargo test --workspace", "keep \"target\"", "file \"Cargo.lock\" \"Cargo.toml\""],
        ),
        (
            vec![("package.json", package)],
            "Node.js",
            vec!["npm test", "npm run lint", "link \"node_modules\""],
        ),
        (
            vec![("package.json", package), ("pnpm-lock.yaml", "")],
            "Node.js",
            vec!["pnpm test", "file \"pnpm-lock.yaml\""],
        ),
        (vec![("package.json", package), ("yarn.lock", "")], "Node.js", vec!["yarn test"]),
        (vec![("package.json", package), ("bun.lock", "")], "Node.js", vec!["bun run test"]),
        (
            vec![("package.json", r#"{"packageManager": "pnpm@9.1.0", "scripts": {"test": "x"}}"#)],
            "Node.js",
            vec!["pnpm test"],
        ),
        (vec![("deno.json", "{}")], "Deno", vec!["deno test"]),
        (
            vec![("pyproject.toml", "[tool.pytest]\n[tool.ruff]"), ("uv.lock", "")],
            "Python",
            vec!["uv run python -m pytest", "uv run ruff check ."],
        ),
        (vec![("setup.cfg", ""), ("tox.ini", "[tox]")], "Python", vec!["tox"]),
        (vec![("setup.py", "")], "Python", vec!["python -m unittest"]),
        (vec![("go.mod", "module x"), ("go.sum", "")], "Go", vec!["go test ./...", "go vet ./..."]),
        (vec![("pom.xml", ""), ("mvnw", "")], "Maven", vec!["./mvnw -B -q verify"]),
        (vec![("build.gradle.kts", "")], "Gradle", vec!["gradle check"]),
        (vec![("CMakeLists.txt", "")], "CMake", vec!["ctest --test-dir build"]),
        (vec![("composer.json", "{}")], "PHP", vec!["vendor/bin/phpunit", "link \"vendor\""]),
        (vec![("Gemfile", ""), (".rspec", "")], "Ruby", vec!["bundle exec rspec"]),
        (vec![("App.sln", "")], ".NET", vec!["dotnet test"]),
        (vec![("mix.exs", "")], "Elixir", vec!["mix test"]),
        (vec![("Package.swift", "")], "Swift", vec!["swift test"]),
        (vec![("pubspec.yaml", "sdk: flutter")], "Dart", vec!["flutter test"]),
    ] {
        let (text, found) = of(&files, &["claude"]);
        assert_eq!(found, [name], "{files:?}");
        for part in wanted {
            assert!(text.contains(part), "{files:?}: no {part:?} in\n{text}");
        }
    }
}

#[test]
fn a_project_of_several_languages_gets_all_of_them_once() {
    let (text, found) =
        of(&[("Cargo.toml", ""), ("package.json", "{}"), ("pom.xml", ""), (".env", "")], &["codex", "aider"]);
    assert_eq!(found, ["Rust", "Node.js", "Maven"]);
    assert!(text.contains("keep \"target\" //") && text.contains("link \"node_modules\""));
    assert!(text.contains("    copy \".env\""));
    assert!(
        text.contains("agent \"codex\" adapter=\"codex\" default=#true") && text.contains("as well: aider.")
    );
}

#[test]
fn the_projects_own_commands_come_first() {
    let (text, _) = of(&[("go.mod", ""), ("Makefile", "test := 1\nlint: x\n\tgo vet\ntest: build\n")], &[]);
    assert!(text.contains("make test") && text.contains("make lint") && !text.contains("go test"));
    let (text, _) = of(&[("Cargo.toml", ""), ("justfile", "test := \"x\"\n@lint:\n")], &[]);
    assert!(text.contains("just lint") && text.contains("cargo test"));
}

#[test]
fn a_repository_of_nothing_known_still_gets_a_file() {
    insta::assert_snapshot!(of(&[], &[]).0);
}

#[test]
fn a_rust_repository() {
    insta::assert_snapshot!(of(&[("Cargo.toml", ""), ("Cargo.lock", "")], &["claude", "codex"]).0);
}

#[test]
fn odd_names_are_quoted_and_broken_manifests_are_no_reason_to_fail() {
    let names = vec!["package.json".to_owned(), "composer.json".to_owned()];
    let read = |_: &str| Some("{\"scripts\": [".to_owned());
    let look =
        Look { names: &names, read: &read, branch: "a\"b\\c\n", agents: &[], bundle: Some("my \"audit\"") };
    let (text, _) = starter(&look);
    assert!(text.contains(r#"default="a\"b\\c\n""#) && text.contains(r#"bundle "my \"audit\"""#), "{text}");
}
