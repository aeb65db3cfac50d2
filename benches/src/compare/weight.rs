//! What a hello world weighs: crates, time to build, size. Each is a project of its own, built from nothing as
//! its user would.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sailplane_benches::Error;
use sailplane_benches::usage::children_cpu_s;

use super::Options;
use super::results::file;
use super::row::{self, Row};

/// A project: its dependencies, what its build script does, and its program.
struct Project {
    name: &'static str,
    dependencies: &'static str,
    build_dependencies: &'static str,
    build: &'static str,
    main: &'static str,
    /// The package of its proto file.
    proto: &'static str,
}

const OURS: &str = "fn main() { sailplane_build::compile(\"proto/PROTO.proto\") }";
const OUR_BUILD: &str = "sailplane-build = { path = \"ROOT/protos/build\" }";

const PROJECTS: [Project; 4] = [
    Project {
        name: "tonic",
        dependencies: "prost = \"0.14\"\ntonic = \"0.14\"\ntonic-prost = \"0.14\"\n\
                       tokio = { version = \"1\", features = [\"macros\", \"rt-multi-thread\"] }",
        build_dependencies: "protox = \"0.10\"\ntonic-prost-build = \"0.14\"",
        build: "fn main() { let files = protox::compile([\"proto/PROTO.proto\"], [\"proto\"]).unwrap(); \
                tonic_prost_build::compile_fds(files).unwrap(); }",
        main: include_str!("weight/tonic.rs"),
        proto: "helloworld",
    },
    Project {
        name: "core",
        dependencies: "bytes = \"1\"\nsailplane = { path = \"ROOT/core\" }",
        build_dependencies: OUR_BUILD,
        build: OURS,
        main: include_str!("../../../core/examples/greeter_loop.rs"),
        proto: "greet",
    },
    Project {
        name: "threads",
        dependencies: "sailplane = { path = \"ROOT/core\" }\n\
                       sailplane-threads = { path = \"ROOT/adapters/threads\" }",
        build_dependencies: OUR_BUILD,
        build: OURS,
        main: include_str!("../../../adapters/threads/examples/hello_server_threads.rs"),
        proto: "helloworld",
    },
    Project {
        name: "smol",
        dependencies: "sailplane = { path = \"ROOT/core\" }\nsmol = \"2\"\n\
                       sailplane-smol = { path = \"ROOT/adapters/smol\" }",
        build_dependencies: OUR_BUILD,
        build: OURS,
        main: include_str!("../../../adapters/smol/examples/hello_server.rs"),
        proto: "helloworld",
    },
];

/// A build that takes longer has met something else than its work.
const BUILD_TIME_MAX: Duration = Duration::from_secs(600);

/// Builds each project once.
pub(crate) fn measure(options: &Options, mut tell: impl FnMut(Row)) {
    for project in PROJECTS {
        let place = "all cores";
        if !options.wants(&row::id("weight", "hello world", project.name, place)) {
            continue;
        }
        let mut row = Row::new("weight", "hello world", project.name, place);
        match project.weigh() {
            Ok([crates, seconds, size]) => {
                row.figure("crates", &[crates]);
                row.figure("build CPU s", &[seconds]);
                row.figure("MB", &[size]);
            }
            Err(error) => row.errors.push(error.to_string()),
        }
        tell(row);
    }
}

impl Project {
    /// Crates, CPU seconds of a release build, and MB of the stripped program.
    fn weigh(&self) -> Result<[f64; 3], Error> {
        let folder = std::env::current_exe()?.with_file_name("hello").join(self.name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        self.write(&folder)?;
        let crates = self.crates(&folder)?;
        let before = children_cpu_s()?;
        build(&folder)?;
        let seconds = children_cpu_s()? - before;
        let size = std::fs::metadata(folder.join("target/release/hello"))?.len();
        std::fs::remove_dir_all(folder.join("target"))?;
        Ok([crates, seconds, super::measure::float(size) / 1e6])
    }

    fn write(&self, folder: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(folder.join("src"))?;
        std::fs::create_dir_all(folder.join("proto"))?;
        let root = file("..").canonicalize()?;
        let manifest = format!(
            "[package]\nname = \"hello\"\nedition = \"2024\"\n\n[dependencies]\n{}\n\n[build-dependencies]\n{}\n\n\
             [profile.release]\nstrip = true\n\n[workspace]\n",
            self.dependencies, self.build_dependencies
        );
        std::fs::write(folder.join("Cargo.toml"), manifest.replace("ROOT", &root.to_string_lossy()))?;
        std::fs::write(folder.join("build.rs"), self.build.replace("PROTO", self.proto))?;
        let main = self.main.replace("sailplane_examples_protos::", "");
        let main = if main.contains("include_proto!") {
            main
        } else {
            format!("{main}\nmod {0} {{ sailplane::include_proto!(\"{0}\"); }}\n", self.proto)
        };
        std::fs::write(folder.join("src/main.rs"), main)?;
        let proto = format!("{}.proto", self.proto);
        let examples = file("../protos/examples/proto");
        std::fs::copy(examples.join(&proto), folder.join("proto").join(&proto))?;
        // The same versions as in the comparison.
        std::fs::copy(file("../Cargo.lock"), folder.join("Cargo.lock"))?;
        Ok(())
    }

    /// The packages that end up in the program.
    fn crates(&self, folder: &Path) -> Result<f64, Error> {
        let arguments = ["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"];
        let output = cargo(folder).args(arguments).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let packages: BTreeSet<&str> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
        if packages.len() < 2 {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        // The program itself is not a dependency.
        Ok(super::measure::float(u64::try_from(packages.len())? - 1))
    }
}

/// A release build, within bounds.
fn build(folder: &Path) -> Result<(), Error> {
    let mut child = cargo(folder).args(["build", "--release", "--quiet"]).spawn()?;
    let until = Instant::now() + BUILD_TIME_MAX;
    loop {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("cargo build: {status}").into()),
            None if Instant::now() > until => {
                child.kill()?;
                child.wait()?;
                return Err("cargo build: not done in time".into());
            }
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

fn cargo(folder: &Path) -> Command {
    let program = std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from);
    let mut command = Command::new(program);
    command.current_dir(folder).env("CARGO_TARGET_DIR", folder.join("target")).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PROFILE_") {
            command.env_remove(name);
        }
    }
    command
}
