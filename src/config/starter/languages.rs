//! How each language is recognised, and which commands its projects mostly use.

use super::Look;
use super::ecosystem::Ecosystem;

/// Everything that was recognised.
pub(super) fn all(look: &Look) -> Vec<Ecosystem> {
    let known = [rust, node, deno, python, go, maven, gradle, cmake, php, ruby, dotnet, elixir, swift, dart];
    known.into_iter().filter_map(|language| language(look)).collect()
}

/// What the project says itself, by a Makefile or a justfile.
pub(super) fn own_commands(look: &Look) -> Ecosystem {
    let makefile = ["GNUmakefile", "makefile", "Makefile"].into_iter().find(|f| look.has(f));
    let justfile = ["justfile", "Justfile", ".justfile"].into_iter().find(|f| look.has(f));
    let of = |program: &str, file: Option<&str>, names: &[&str]| {
        let text = look.text(file.unwrap_or_default());
        let rule = |n: &str| text.lines().any(|l| is_rule(l, n));
        names.iter().find(|n| rule(n)).map(|n| format!("{program} {n}"))
    };
    let either = |names: &[&str]| of("make", makefile, names).or_else(|| of("just", justfile, names));
    Ecosystem {
        lint: either(&["lint", "check-format", "fmt-check"]).into_iter().collect(),
        test: either(&["test", "tests", "check"]).into_iter().collect(),
        ..Ecosystem::default()
    }
}

/// True for `name:` and `name prerequisite:`, but not for `name := value`.
fn is_rule(line: &str, name: &str) -> bool {
    let Some((head, rest)) = line.split_once(':') else { return false };
    !rest.starts_with('=')
        && !head.starts_with(char::is_whitespace)
        && head.split_whitespace().next().map(|w| w.trim_start_matches('@')) == Some(name)
}

fn commands(all: &[&str]) -> Vec<String> {
    all.iter().map(|c| (*c).to_owned()).collect()
}

fn rust(look: &Look) -> Option<Ecosystem> {
    let manifest = look.has("Cargo.toml").then(|| look.text("Cargo.toml"))?;
    let scope = if manifest.contains("[workspace]") { " --workspace" } else { "" };
    Some(Ecosystem {
        name: "Rust",
        lint: vec![
            "cargo fmt --check".to_owned(),
            format!("cargo clippy{scope} --all-targets -- -D warnings"),
        ],
        test: vec![format!("cargo test{scope}")],
        hotspots: vec!["Cargo.lock", "Cargo.toml"],
        generated: vec!["**/Cargo.lock", "**/*.snap"],
        keep: vec!["target"],
        ..Ecosystem::default()
    })
}

/// Package managers by their lock files.
const NODE_MANAGERS: [(&str, &str); 6] = [
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("bun.lock", "bun"),
    ("bun.lockb", "bun"),
    ("package-lock.json", "npm"),
    ("npm-shrinkwrap.json", "npm"),
];

fn node(look: &Look) -> Option<Ecosystem> {
    let manifest = look.has("package.json").then(|| look.text("package.json"))?;
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap_or_default();
    let named = manifest.get("packageManager").and_then(|m| m.as_str()).unwrap_or_default();
    let by_name = ["pnpm", "yarn", "bun", "npm"].into_iter().find(|m| named.starts_with(&format!("{m}@")));
    let locked = NODE_MANAGERS.into_iter().find(|(file, _)| look.has(file));
    let manager = by_name.or(locked.map(|(_, m)| m)).unwrap_or("npm");
    let script = |name: &str| {
        let text = manifest.get("scripts").and_then(|s| s.get(name)).and_then(|s| s.as_str());
        text.is_some_and(|t| !t.contains("no test specified")).then(|| format!("{manager} run {name}"))
    };
    let lint = ["format:check", "lint", "typecheck"].into_iter().filter_map(script).collect();
    // `bun test` is bun's own runner, not the script.
    let test = script("test").map(|run| if manager == "bun" { run } else { format!("{manager} test") });
    Some(Ecosystem {
        name: "Node.js",
        lint,
        test: test.into_iter().collect(),
        hotspots: locked.map(|(file, _)| file).into_iter().chain(["package.json"]).collect(),
        generated: vec![
            "**/package-lock.json",
            "**/pnpm-lock.yaml",
            "**/yarn.lock",
            "**/bun.lock",
            "**/*.snap",
        ],
        link: vec!["node_modules"],
        ..Ecosystem::default()
    })
}

fn deno(look: &Look) -> Option<Ecosystem> {
    let there = look.has("deno.json") || look.has("deno.jsonc");
    there.then(|| Ecosystem {
        name: "Deno",
        lint: commands(&["deno fmt --check", "deno lint"]),
        test: commands(&["deno test"]),
        hotspots: vec!["deno.lock", "deno.json"],
        generated: vec!["**/deno.lock"],
        ..Ecosystem::default()
    })
}

const PYTHON_FILES: [&str; 8] = [
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "tox.ini",
    "requirements.txt",
    "requirements-dev.txt",
    "pytest.ini",
    "Pipfile",
];
/// What runs a program of the project's own environment, by its lock file.
const PYTHON_RUNNERS: [(&str, &str); 4] = [
    ("uv.lock", "uv run "),
    ("poetry.lock", "poetry run "),
    ("pdm.lock", "pdm run "),
    ("Pipfile.lock", "pipenv run "),
];

fn python(look: &Look) -> Option<Ecosystem> {
    if !PYTHON_FILES.iter().any(|f| look.has(f)) {
        return None;
    }
    let said: String = PYTHON_FILES.iter().map(|f| look.text(f) + "\n").collect();
    let runner = PYTHON_RUNNERS.into_iter().find(|(file, _)| look.has(file));
    let run = runner.map_or("", |(_, run)| run);
    let mut lint = Vec::new();
    if said.contains("ruff") || look.has("ruff.toml") {
        lint.extend([format!("{run}ruff format --check ."), format!("{run}ruff check .")]);
    } else if said.contains("flake8") || look.has(".flake8") {
        lint.push(format!("{run}flake8"));
    }
    if said.contains("mypy") || look.has("mypy.ini") {
        lint.push(format!("{run}mypy ."));
    }
    let pytest = said.contains("pytest") || look.has("conftest.py") || look.has("pytest.ini");
    let test = match (pytest, look.has("tox.ini")) {
        (true, _) => format!("{run}python -m pytest"),
        (false, true) => "tox".to_owned(),
        (false, false) => format!("{run}python -m unittest"),
    };
    Some(Ecosystem {
        name: "Python",
        lint,
        test: vec![test],
        hotspots: runner.map(|(file, _)| file).into_iter().chain(["pyproject.toml"]).collect(),
        generated: vec!["**/uv.lock", "**/poetry.lock", "**/pdm.lock", "**/Pipfile.lock"],
        keep: if run.is_empty() { vec![] } else { vec![".venv"] },
        link: if run.is_empty() && look.has(".venv") { vec![".venv"] } else { vec![] },
    })
}

fn go(look: &Look) -> Option<Ecosystem> {
    let lints = [".golangci.yml", ".golangci.yaml", ".golangci.toml"].iter().any(|f| look.has(f));
    look.has("go.mod").then(|| Ecosystem {
        name: "Go",
        lint: commands(&[if lints { "golangci-lint run" } else { "go vet ./..." }]),
        test: commands(&["go test ./..."]),
        hotspots: vec!["go.mod", "go.sum"],
        generated: vec!["**/go.sum", "**/go.work.sum"],
        ..Ecosystem::default()
    })
}

fn maven(look: &Look) -> Option<Ecosystem> {
    let program = if look.has("mvnw") { "./mvnw" } else { "mvn" };
    look.has("pom.xml").then(|| Ecosystem {
        name: "Maven",
        test: vec![format!("{program} -B -q verify")],
        hotspots: vec!["pom.xml"],
        keep: vec!["target"],
        ..Ecosystem::default()
    })
}

fn gradle(look: &Look) -> Option<Ecosystem> {
    let files = ["build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"];
    let program = if look.has("gradlew") { "./gradlew" } else { "gradle" };
    files.iter().any(|f| look.has(f)).then(|| Ecosystem {
        name: "Gradle",
        test: vec![format!("{program} check")],
        hotspots: files.to_vec(),
        generated: vec!["**/gradle.lockfile"],
        keep: vec!["build", ".gradle"],
        ..Ecosystem::default()
    })
}

fn cmake(look: &Look) -> Option<Ecosystem> {
    look.has("CMakeLists.txt").then(|| Ecosystem {
        name: "CMake",
        test: commands(&[
            "cmake -S . -B build",
            "cmake --build build",
            "ctest --test-dir build --output-on-failure",
        ]),
        hotspots: vec!["CMakeLists.txt"],
        keep: vec!["build"],
        ..Ecosystem::default()
    })
}

fn php(look: &Look) -> Option<Ecosystem> {
    let manifest = look.has("composer.json").then(|| look.text("composer.json"))?;
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap_or_default();
    let script = |name: &str| {
        let there = manifest.get("scripts").is_some_and(|s| s.get(name).is_some());
        there.then(|| format!("composer run {name}"))
    };
    let lint: Vec<_> = ["lint", "analyse", "phpstan"].into_iter().filter_map(script).collect();
    Some(Ecosystem {
        name: "PHP",
        lint,
        test: vec![script("test").unwrap_or_else(|| "vendor/bin/phpunit".to_owned())],
        hotspots: vec!["composer.lock", "composer.json"],
        generated: vec!["**/composer.lock"],
        link: vec!["vendor"],
        ..Ecosystem::default()
    })
}

fn ruby(look: &Look) -> Option<Ecosystem> {
    let rspec = look.has(".rspec") || look.has("spec");
    look.has("Gemfile").then(|| Ecosystem {
        name: "Ruby",
        lint: if look.has(".rubocop.yml") { commands(&["bundle exec rubocop"]) } else { vec![] },
        test: commands(&[if rspec { "bundle exec rspec" } else { "bundle exec rake test" }]),
        hotspots: vec!["Gemfile.lock", "Gemfile"],
        generated: vec!["**/Gemfile.lock"],
        ..Ecosystem::default()
    })
}

fn dotnet(look: &Look) -> Option<Ecosystem> {
    let project = |n: &String| [".sln", ".slnx", ".csproj", ".fsproj"].iter().any(|e| n.ends_with(e));
    look.names.iter().any(project).then(|| Ecosystem {
        name: ".NET",
        lint: commands(&["dotnet format --verify-no-changes"]),
        test: commands(&["dotnet test"]),
        hotspots: vec!["Directory.Packages.props", "Directory.Build.props"],
        generated: vec!["**/packages.lock.json"],
        keep: vec!["bin", "obj"],
        ..Ecosystem::default()
    })
}

fn elixir(look: &Look) -> Option<Ecosystem> {
    look.has("mix.exs").then(|| Ecosystem {
        name: "Elixir",
        lint: commands(&["mix format --check-formatted"]),
        test: commands(&["mix test"]),
        hotspots: vec!["mix.lock", "mix.exs"],
        generated: vec!["**/mix.lock"],
        keep: vec!["_build", "deps"],
        ..Ecosystem::default()
    })
}

fn swift(look: &Look) -> Option<Ecosystem> {
    look.has("Package.swift").then(|| Ecosystem {
        name: "Swift",
        test: commands(&["swift test"]),
        hotspots: vec!["Package.resolved", "Package.swift"],
        generated: vec!["**/Package.resolved"],
        keep: vec![".build"],
        ..Ecosystem::default()
    })
}

fn dart(look: &Look) -> Option<Ecosystem> {
    let manifest = look.has("pubspec.yaml").then(|| look.text("pubspec.yaml"))?;
    let program = if manifest.contains("sdk: flutter") { "flutter" } else { "dart" };
    Some(Ecosystem {
        name: "Dart",
        lint: vec![
            "dart format --output=none --set-exit-if-changed .".to_owned(),
            format!("{program} analyze"),
        ],
        test: vec![format!("{program} test")],
        hotspots: vec!["pubspec.lock", "pubspec.yaml"],
        generated: vec!["**/pubspec.lock"],
        keep: vec![".dart_tool"],
        ..Ecosystem::default()
    })
}
