//! `auditrun fmt` and `auditrun init` from the outside: what they write, what they refuse,
//! their exit codes.

#![allow(clippy::unwrap_used)] // Helpers of tests may fail as they do.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

fn repository(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let git = |args: &[&str]| {
        let done = command("git", dir.path()).args(args).output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    git(&["init", "-q", "-b", "trunk"]);
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    git(&["add", "-A"]);
    git(&["-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "-q", "--allow-empty", "-m", "x"]);
    dir
}

/// Nothing of the operator's reaches the program but PATH.
fn command(program: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).env_clear().env("HOME", dir).env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("PATH", std::env::var_os("PATH").unwrap()).stdin(Stdio::null());
    command
}

fn auditrun(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        command(env!("CARGO_BIN_EXE_auditrun"), dir).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn read(dir: &TempDir, name: &str) -> String {
    std::fs::read_to_string(dir.path().join(name)).unwrap()
}

#[test]
fn what_init_writes_passes_check_and_fmt_in_every_kind_of_repository() {
    for (files, expected) in [
        (&[("Cargo.toml", "[package]\nname = \"x\"\n"), ("Cargo.lock", "")][..], "cargo test"),
        (&[("package.json", r#"{"scripts":{"test":"x"}}"#), ("package-lock.json", "{}")], "npm test"),
        (&[("package.json", r#"{"scripts":{"test":"x"}}"#), ("pnpm-lock.yaml", "")], "pnpm test"),
        (&[("pyproject.toml", "[tool.pytest.ini_options]\n"), ("uv.lock", "")], "uv run python -m pytest"),
        (&[("setup.cfg", "[tool:pytest]\n")], "python -m pytest"),
        (&[("go.mod", "module x\n")], "go test ./..."),
        (&[("Makefile", "test:\n\ttrue\n")], "make test"),
        (&[("pom.xml", "<project/>")], "mvn -B -q verify"),
        (&[("build.gradle", "")], "gradle check"),
        (&[("CMakeLists.txt", "")], "ctest"),
        (&[("composer.json", "{}")], "vendor/bin/phpunit"),
        (&[("Gemfile", "")], "bundle exec rake test"),
        (&[("README", "nothing known")], "auditrun gate --base $base"),
    ] {
        let dir = repository(files);
        let (code, out, err) = auditrun(dir.path(), &["init"]);
        assert_eq!((code, out.as_str()), (0, ""), "{files:?}: {err}");
        let text = read(&dir, "audit.kdl");
        assert!(text.contains(expected) && text.contains("default=\"trunk\""), "{files:?}:\n{text}");
        for args in [&["check"][..], &["fmt", "--check"], &["config", "--explain"]] {
            let (code, _, err) = auditrun(dir.path(), args);
            assert_eq!(code, 0, "{args:?} with {files:?}: {err}");
        }
    }
}

#[test]
fn init_never_overwrites_and_prints_where_it_is_asked_to() {
    let dir = repository(&[("audit.kdl", "// mine\n"), ("sub/x", "")]);
    let (code, _, err) = auditrun(&dir.path().join("sub"), &["init"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("exists already") && err.contains("help:"), "{err}");
    let (code, out, _) = auditrun(dir.path(), &["init", "--print"]);
    assert!(code == 0 && out.contains("target \"pre-merge\""), "{out}");
    assert_eq!(read(&dir, "audit.kdl"), "// mine\n");
    let (code, _, _) = auditrun(dir.path(), &["init", "-f", "other.kdl"]);
    assert!(code == 0 && read(&dir, "other.kdl").contains("bounds"));
}

#[test]
fn init_takes_the_remotes_default_branch_and_finds_a_bundle() {
    let dir = repository(&[("docs/audit/graph.md", "# Graph\n")]);
    for args in [
        &["update-ref", "refs/remotes/origin/develop", "HEAD"][..],
        &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/develop"],
    ] {
        assert!(command("git", dir.path()).args(args).status().unwrap().success());
    }
    let (_, out, _) = auditrun(dir.path(), &["init", "--print"]);
    assert!(out.contains("default=\"develop\"") && out.contains("\nbundle \"docs/audit\""), "{out}");
}

#[test]
fn fmt_changes_audit_kdl_and_what_it_includes() {
    let dir = repository(&[
        ("audit.kdl", "include   \"ci/b.kdl\"\n"),
        ("ci/b.kdl", "sign   #true // no\n"),
        ("d/x", ""),
    ]);
    let (code, out, _) = auditrun(dir.path(), &["fmt", "--check", "-v"]);
    assert_eq!(code, 1);
    assert!(
        out.contains("audit.kdl") && out.contains("-sign   #true // no") && out.contains("+sign #true // no"),
        "{out}"
    );
    let (code, out, _) = auditrun(dir.path(), &["fmt", "--dry-run"]);
    assert_eq!((code, out.as_str()), (0, "audit.kdl\nci/b.kdl\n"));
    let (code, _, _) = auditrun(&dir.path().join("d"), &["fmt"]);
    assert_eq!(code, 0);
    assert_eq!(
        (read(&dir, "audit.kdl"), read(&dir, "ci/b.kdl")),
        ("include \"ci/b.kdl\"\n".into(), "sign #true // no\n".into())
    );
    assert_eq!(auditrun(dir.path(), &["fmt", "--check"]).0, 0);
}

#[test]
fn fmt_refuses_what_is_no_kdl_and_then_writes_nothing() {
    let dir = repository(&[("audit.kdl", "include \"b.kdl\"\nsign    #true\n"), ("b.kdl", "a \"x\nb {\n")]);
    let (code, _, err) = auditrun(dir.path(), &["fmt"]);
    assert_eq!(code, 2);
    assert!(err.contains("b.kdl:1:3"), "{err}");
    assert!(read(&dir, "audit.kdl").contains("sign    #true"), "half of the files were written");
    let (code, _, err) = auditrun(dir.path(), &["fmt", "nowhere.kdl"]);
    assert!(code == 2 && err.contains("nowhere.kdl"), "{err}");
}

#[test]
fn fmt_says_nothing_about_settings_that_do_not_exist() {
    let dir = repository(&[("audit.kdl", "zebra    1\n")]);
    assert_eq!(auditrun(dir.path(), &["fmt"]).0, 0);
    assert_eq!(read(&dir, "audit.kdl"), "zebra 1\n");
}

#[cfg(unix)]
#[test]
fn fmt_keeps_links_and_modes() {
    use std::os::unix::fs::PermissionsExt;
    let dir = repository(&[("real.kdl", "sign    #true\n")]);
    std::os::unix::fs::symlink("real.kdl", dir.path().join("audit.kdl")).unwrap();
    let real = dir.path().join("real.kdl");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(auditrun(dir.path(), &["fmt"]).0, 0);
    assert!(std::fs::symlink_metadata(dir.path().join("audit.kdl")).unwrap().is_symlink());
    assert_eq!(read(&dir, "real.kdl"), "sign #true\n");
    assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
}
