//! The git directory, and tricks with git inside of the worktree.

use crate::world::{Sandbox, World, both, on};

const TAMPER: &str = r#"
try() { sh -c "$1" >/dev/null 2>&1 && echo "WROTE: $1"; }
try 'git config core.fsmonitor evil'
try 'echo "[core] hooksPath = /x" >> @git/config'
try 'echo evil > @git/hooks/pre-commit'
try 'echo evil > @git/info/attributes'
try 'echo /x > @git/objects/info/alternates'
try 'git update-ref refs/heads/main HEAD~0 && git branch evil'
try 'echo x > @git/refs/heads/audit/evil'
try 'git add -A'
try 'git commit --allow-empty -m x'
try 'git stash -u'
try 'echo x > "$(git rev-parse --git-dir)/HEAD"'
echo ok > A.out
"#;

#[test]
fn the_git_directory_is_read_only() {
    for mode in on() {
        World::new(mode).node("A", TAMPER, "git status --porcelain").assert_nothing_escapes();
    }
}

#[test]
fn git_inside_of_the_worktree_changes_nothing_about_the_diff() {
    let script = r#"
echo ok > A.out
git add -A && git commit -q -m mine && git commit -q --amend -m again
git checkout -q -b other && git reset -q --soft HEAD~1 && git stash -q && git stash apply -q
rm -f .git && git init -q . && git add -A
exit 0
"#;
    for mode in both() {
        // Without a sandbox the branch and the stash are made, as refs of the operator's.
        let world = World::new(mode).tampering().node("A", script, "test -s A.out");
        let run = world.run();
        let landed = if run.code == 0 { world.landed() } else { Vec::new() };
        match mode {
            Sandbox::On => {
                assert_eq!((run.code, landed), (0, vec!["A.out".to_owned()]), "{}", world.reason("A"))
            }
            // The new branch and the stash are refs of the operator's repository: a warning.
            Sandbox::Off => {
                assert_eq!((run.code, landed), (0, vec!["A.out".to_owned()]), "{}", world.reason("A"));
                assert!(run.err.contains("refs/heads/other"), "{}", run.err);
            }
        }
    }
}

#[test]
fn hidden_changes_are_found() {
    let script = r#"
git update-index --assume-unchanged src/a.txt 2>/dev/null
git update-index --skip-worktree README.md 2>/dev/null
echo x > src/a.txt; echo x > README.md; echo ok > A.out
mkdir nested && git init -q nested && echo x > nested/x
chmod 755 tests/check.sh
"#;
    for mode in both() {
        let world = World::new(mode).node("A", script, "true");
        let run = world.run();
        assert_eq!(run.code, 4, "{}", run.err);
        let outside = world.verdict("A")["diff_evidence"]["outside_touches"].to_string();
        for name in ["src/a.txt", "README.md", "tests/check.sh", "nested"] {
            assert!(outside.contains(name), "{name}: {outside}");
        }
        assert!(world.landed().is_empty());
    }
}
