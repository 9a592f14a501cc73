//! `BEHAVIOURS.md` is true: each entry has an answer, and the tests that it names are there.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

fn workspace() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the tests are a member")
}

/// Where the tests of `file` are, as the page names it.
fn source(file: &str) -> PathBuf {
    let root = workspace();
    let in_crate = ["timer", "executor"].into_iter().find_map(|package| {
        let rest = file.strip_prefix(package)?.strip_prefix('/')?;
        Some(root.join(package).join("src").join(format!("{rest}.rs")))
    });
    let here = root.join("tests/tests");
    let main = here.join(file).join("main.rs");
    in_crate.unwrap_or_else(|| match main.exists() {
        true => main,
        false => here.join(format!("{file}.rs")),
    })
}

/// The page's code spans that name a test: the file and the function. Names of types are not meant.
fn named(cell: &str) -> Vec<(&str, &str)> {
    let is_path = |span: &&str| !span.contains(char::is_uppercase);
    let spans = cell.split('`').skip(1).step_by(2).filter(is_path);
    spans.filter_map(|span| span.split_once("::")).collect()
}

/// Whether `text` has a test function of this name.
fn has_test(text: &str, name: &str) -> bool {
    let head = format!("fn {name}()");
    text.lines().enumerate().any(|(number, line)| {
        let is_head = line.trim_start().starts_with(&head);
        let before = || text.lines().take(number).collect::<Vec<_>>();
        let attributes = |lines: Vec<&str>| {
            let attributes = lines.into_iter().rev();
            attributes
                .take_while(|line| line.trim_start().starts_with("#["))
                .any(|line| line.trim() == "#[test]")
        };
        is_head && attributes(before())
    })
}

/// The rows of the page's tables, without their heads: what is theirs, what is ours, and the line.
fn rows(page: &str) -> Vec<(usize, &str, &str)> {
    let lines = page.lines().enumerate();
    let cells = lines.filter_map(|(number, line)| {
        let row = line.strip_prefix("| ")?.strip_suffix(" |")?;
        let (theirs, ours) = row.split_once(" | ")?;
        (!["theirs", "asked for"].contains(&theirs)).then_some((number + 1, theirs, ours))
    });
    cells.collect()
}

#[test]
fn each_test_that_is_named_exists() {
    let page = fs::read_to_string(workspace().join("tests/BEHAVIOURS.md")).unwrap();
    let mut sources: HashMap<&str, String> = HashMap::new();
    let (mut missing, mut found) = (Vec::new(), 0);
    for (line, theirs, ours) in rows(&page) {
        for (file, name) in named(ours) {
            let text = sources
                .entry(file)
                .or_insert_with(|| fs::read_to_string(source(file)).unwrap_or_default());
            match has_test(text, name) {
                true => found += 1,
                false => missing.push(format!("line {line}, {theirs}: `{file}::{name}`")),
            }
        }
    }
    assert!(missing.is_empty(), "no such test:\n{}", missing.join("\n"));
    assert!(found > 200, "only {found} were looked for");
}

#[test]
fn each_entry_has_an_answer() {
    let page = fs::read_to_string(workspace().join("tests/BEHAVIOURS.md")).unwrap();
    let rows = rows(&page);
    let tables = page.lines().filter(|line| line.starts_with("|---"));
    let bars = page.lines().filter(|line| line.starts_with('|')).count();
    assert_eq!(
        rows.len() + 2 * tables.count(),
        bars,
        "a row is not of two cells"
    );
    for (line, theirs, ours) in rows {
        assert!(!theirs.trim().is_empty(), "line {line}");
        let says_why = ours.split_whitespace().count() >= 5;
        assert!(says_why || !named(ours).is_empty(), "line {line}: {ours}");
    }
}

#[test]
fn what_is_not_there_is_missed() {
    let text = "#[test]\nfn there() {}\nfn helper() {}\n#[test]\n#[ignore]\nfn there_too() {}\n";
    assert!(has_test(text, "there") && has_test(text, "there_too"));
    assert!(!has_test(text, "helper") && !has_test(text, "the") && !has_test(text, "nowhere"));
    assert_eq!(
        named("so: `a::b`, `c`, `Duration::MAX` and `d/e::f`"),
        [("a", "b"), ("d/e", "f")]
    );
}
