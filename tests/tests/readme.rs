//! The README's first program, built and run as a newcomer would.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PACKAGE: &str = "[package]\nname = \"newcomer\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n";
const CRATES: [(&str, &str); 5] = [
    ("sailplane", "core"),
    ("sailplane-driver", "adapters/driver"),
    ("sailplane-blocking", "adapters/blocking"),
    ("sailplane-smol", "adapters/smol"),
    ("sailplane-build", "protos/build"),
];

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_path_buf()
}

/// Writes the README's files: a fence's second word is the path of its file.
fn write_project(folder: &Path, port: u16) {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    for block in readme.split("\n```").skip(1) {
        let (info, body) = block.split_once('\n').unwrap_or_default();
        let Some((_, path)) = info.split_once(' ') else { continue };
        let mut body = body.replace("50051", &port.to_string());
        if path == "Cargo.toml" {
            body = format!("{PACKAGE}{body}\n[workspace]\n\n[patch.crates-io]\n");
            for (name, folder) in CRATES {
                let folder = root().join(folder);
                body += &format!("{name} = {{ path = {folder:?} }}\n");
            }
        }
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        fs::write(path, body).expect("a file can be written");
    }
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).expect("the versions of the workspace");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("[::]:0").expect("a free port");
    listener.local_addr().expect("it has one").port()
}

fn run(binary: &Path) -> Running {
    let child = Command::new(binary).stdout(Stdio::piped()).spawn().expect("it was built");
    Running(child)
}

#[test]
fn the_first_program_works_as_it_stands() {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (folder, target) = (temporary.join("readme"), temporary.join("readme-target"));
    let port = free_port();
    write_project(&folder, port);
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "warnings");

    let _server = run(&target.join("debug/server"));
    let started = Instant::now();
    while TcpStream::connect(("localhost", port)).is_err() {
        assert!(started.elapsed() < Duration::from_secs(20), "the server does not listen");
        std::thread::yield_now();
    }
    let mut client = run(&target.join("debug/client"));
    let mut said = String::new();
    client.0.stdout.take().expect("it is piped").read_to_string(&mut said).expect("text");
    assert_eq!(said, "Hello, you!\n");
}

#[test]
fn the_figures_are_those_of_the_ledger() {
    use sailplane_tests::ledger;
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let figures = ledger::figures(&ledger::last().expect("a line")).expect("all figures");
    let quoted = ledger::quoted(&readme, &figures).expect("a place for them");
    assert!(
        quoted == readme,
        "`cargo run -p sailplane-tests --bin ledger -- readme` puts this there:\n{figures}"
    );
}
