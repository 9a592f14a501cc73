//! What the README and the other pages say is true: the program builds and runs in a new crate,
//! and every link leads somewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use wheelhouse_tests::output_within;

const README: &str = include_str!("../../README.md");
/// For a build from nothing on a busy machine.
const BUILD_LIMIT: Duration = Duration::from_secs(10 * 60);

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace's root")
}

/// The first block of `text` that is fenced as `language`.
fn block<'a>(text: &'a str, language: &str) -> &'a str {
    let (_, rest) = text
        .split_once(&format!("```{language}\n"))
        .unwrap_or_else(|| panic!("no block of {language}"));
    rest.split_once("```").expect("the block's end").0
}

/// A new crate with README's program and README's dependency, beside this one.
fn new_crate() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("user");
    fs::create_dir_all(folder.join("src")).expect("a folder for it");
    let executor = workspace().join("executor");
    let dependency = block(README, "toml");
    assert!(
        dependency.contains("\"../wheelhouse/executor\""),
        "{dependency}"
    );
    // A literal string, since a path may hold backslashes.
    let dependency = dependency.replace(
        "\"../wheelhouse/executor\"",
        &format!("'{}'", executor.display()),
    );
    // The last table: this folder lies inside a workspace that it has nothing to do with.
    let manifest = format!(
        "[package]\nname = \"user\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         {dependency}\n[workspace]\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).expect("its manifest");
    fs::write(folder.join("src/main.rs"), block(README, "rust")).expect("its program");
    // The versions that are here already: nothing is downloaded.
    fs::copy(workspace().join("Cargo.lock"), folder.join("Cargo.lock")).expect("its lock file");
    folder
}

#[test]
fn the_program_runs_in_a_new_crate() {
    let folder = new_crate();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet"]).current_dir(&folder);
    cargo.arg("--target-dir").arg(folder.join("target"));
    let output = output_within(&mut cargo, BUILD_LIMIT);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}:\n{stderr}", output.status);
    assert_eq!(stderr, "", "no warning");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        printed.trim(),
        r#"("hello, future", "hello, task", "hello, thread")"#
    );
}

/// Where the links of a page lead to, other sites left out: `[text](target)`, and what
/// [`definitions`] say.
fn links(page: &str) -> Vec<&str> {
    let targets = page
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    targets
        .chain(definitions(page).map(|(_, target)| target))
        .filter(|target| !target.contains("://"))
        .collect()
}

/// The lines `[label]: target` of a page.
fn definitions(page: &str) -> impl Iterator<Item = (&str, &str)> {
    page.lines()
        .filter_map(|line| line.strip_prefix('[')?.split_once("]: "))
}

#[test]
fn every_link_leads_somewhere() {
    let pages = [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "timer/README.md",
        "executor/docs/asyncio.md",
        "executor/docs/cancel.md",
        "executor/docs/blocked.md",
        "executor/docs/shutdown.md",
        "executor/docs/testing.md",
    ];
    for page in pages {
        let path = workspace().join(page);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"));
        for link in links(&text) {
            let (file, _) = link.split_once('#').unwrap_or((link, ""));
            let target = path.parent().expect("a folder").join(file);
            assert!(
                target.exists(),
                "{page} links to {link}, and there is no {}",
                target.display()
            );
        }
    }
    assert!(
        links(README).len() >= 8,
        "links are found: {:?}",
        links(README)
    );
}

/// The guides are read in two places, the repository and rustdoc, so that each `[text][label]` in
/// them has two definitions: one of the guide's own, and the one in `links.md`.
#[test]
fn every_label_of_the_guides_is_defined_twice() {
    let docs = workspace().join("executor/docs");
    let read = |name| fs::read_to_string(docs.join(name)).expect(name);
    let in_rustdoc = read("links.md");
    for name in [
        "asyncio.md",
        "cancel.md",
        "blocked.md",
        "shutdown.md",
        "testing.md",
    ] {
        let page = read(name);
        let uses = page.split("][").skip(1);
        let used: Vec<&str> = uses.filter_map(|rest| rest.split(']').next()).collect();
        assert!(!used.is_empty(), "{name}: labels are found");
        for label in used {
            for (place, text) in [(name, &page), ("links.md", &in_rustdoc)] {
                assert!(
                    definitions(text).any(|(defined, _)| defined == label),
                    "{name}: `[{label}]` is not defined in {place}"
                );
            }
        }
        for (label, _) in definitions(&page) {
            assert!(
                page.contains(&format!("][{label}]")),
                "{name}: nobody uses `[{label}]`"
            );
        }
    }
}

/// Each `-p PACKAGE` and `--example NAME` that the pages tell people to type.
#[test]
fn every_command_names_what_is_there() {
    let list = fs::read_to_string(workspace().join("examples/src/lib.rs")).expect("the examples");
    for page in ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        let text = fs::read_to_string(workspace().join(page)).expect(page);
        let words: Vec<&str> = text.split_whitespace().collect();
        for pair in words.windows(2) {
            let name = pair[1].trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            match pair[0] {
                "-p" => assert!(is_package(name), "{page}: no package {name}"),
                "--example" => assert!(list.contains(name), "{page}: no example {name}"),
                "--bin" => assert!(is_program(name), "{page}: no program {name}"),
                _ => {}
            }
        }
    }
}

fn is_program(name: &str) -> bool {
    let path = workspace().join(format!("benches/src/{name}/main.rs"));
    path.exists()
}

fn is_package(name: &str) -> bool {
    let folder = match name {
        "wheelhouse" => "executor",
        _ => name.strip_prefix("wheelhouse-").unwrap_or(name),
    };
    let manifest = fs::read_to_string(workspace().join(folder).join("Cargo.toml"));
    manifest.is_ok_and(|manifest| manifest.contains(&format!("name = \"{name}\"")))
}
