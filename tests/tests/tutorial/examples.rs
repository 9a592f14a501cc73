//! The examples' programs: where they are, and how they are run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;
use wheelhouse_tests::output_within;

/// Far more than any example takes, on a busy machine too.
pub(crate) const EXAMPLE_LIMIT: Duration = Duration::from_secs(20);
/// For a build from nothing, behind another build's lock.
const BUILD_LIMIT: Duration = Duration::from_secs(15 * 60);

pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace's root")
}

/// Where each example's program is. `cargo test --workspace` has built them all already: then
/// this takes a moment.
pub(crate) fn programs() -> &'static HashMap<String, PathBuf> {
    static PROGRAMS: OnceLock<HashMap<String, PathBuf>> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .parent()
            .expect("the target folder");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args([
            "build",
            "--workspace",
            "--examples",
            "--message-format=json",
            "--quiet",
        ]);
        cargo
            .arg("--target-dir")
            .arg(target)
            .current_dir(workspace());
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        let output = output_within(&mut cargo, BUILD_LIMIT);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "the examples can't be built:\n{stderr}"
        );
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(executable)
            .collect()
    })
}

/// The name and path of the program that one line of cargo's messages tells of, if it does.
fn executable(message: &str) -> Option<(String, PathBuf)> {
    let (_, rest) = message.split_once(r#""executable":""#)?;
    let (path, _) = rest.split_once('"')?;
    let path = PathBuf::from(path.replace(r"\\", r"\"));
    let name = path.file_stem()?.to_str()?.to_owned();
    Some((name, path))
}

/// Runs an example; its lines. It must end well and print nothing to stderr.
#[track_caller]
pub(crate) fn lines_of(example: &str) -> Vec<String> {
    let program = programs()
        .get(example)
        .unwrap_or_else(|| panic!("no example {example}"));
    let output = output_within(&mut Command::new(program), EXAMPLE_LIMIT);
    let stdout = String::from_utf8(output.stdout).expect("text");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{example}: {}\n{stdout}{stderr}",
        output.status
    );
    assert_eq!(stderr, "", "{example} complains");
    stdout.lines().map(str::to_owned).collect()
}
