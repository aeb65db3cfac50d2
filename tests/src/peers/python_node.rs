//! Python and Node with their gRPC, in the target folder.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use crate::peers::process::run;

/// How long an installation may take.
const INSTALLATION: Duration = Duration::from_secs(600);

/// Where the peers are.
#[derive(Clone, Debug)]
pub struct Peers {
    root: PathBuf,
}

impl Peers {
    /// The peers in a folder beside `tmp`, which is `CARGO_TARGET_TMPDIR`; sets them up if that was not done
    /// yet. Any number of threads and processes may ask at once.
    ///
    /// # Panics
    /// With what went wrong.
    #[must_use]
    pub fn set_up(tmp: &str) -> Self {
        static PEERS: OnceLock<Peers> = OnceLock::new();
        PEERS
            .get_or_init(|| {
                let target = Path::new(tmp).parent().expect("a target folder");
                let peers = Self { root: target.join("peers") };
                peers.install();
                peers
            })
            .clone()
    }

    fn install(&self) {
        fs::create_dir_all(&self.root).expect("a folder for the peers");
        let lock = File::create(self.root.join("lock")).expect("a lock file");
        // Whoever holds it is bounded, and so is this.
        flock(&lock, FlockOperation::LockExclusive).expect("the lock of the peers");
        let scripts = scripts();
        once(&self.root.join("python"), &[scripts.join("python/requirements.txt")], |folder| {
            python(folder, &scripts.join("python/requirements.txt"));
        });
        once(&self.root.join("node"), &[scripts.join("node/package.json")], |folder| {
            node(folder, &scripts.join("node/package.json"));
        });
        once(&self.root.join("stubs"), &protos(), |folder| self.stubs(folder));
    }

    /// Generates Python's stubs.
    fn stubs(&self, folder: &Path) {
        let mut protoc = Command::new(self.python());
        protoc.args(["-m", "grpc_tools.protoc"]);
        for proto in protos() {
            protoc.arg("-I").arg(proto.parent().expect("a folder")).arg(&proto);
        }
        protoc.arg(flag("--python_out=", folder)).arg(flag("--grpc_python_out=", folder));
        run(&mut protoc, INSTALLATION);
    }

    fn python(&self) -> PathBuf {
        self.root.join("python/bin/python")
    }

    /// A command that runs a script.
    pub(crate) fn command(&self, script: &str) -> Command {
        let path = scripts();
        let mut command;
        if script.ends_with(".py") {
            command = Command::new(self.python());
            command.arg(path.join("python").join(script));
            command.env("PYTHONPATH", self.root.join("stubs")).env("PYTHONDONTWRITEBYTECODE", "1");
        } else {
            command = Command::new("node");
            command.arg(path.join("node").join(script)).args(protos());
            command.env("NODE_PATH", self.root.join("node/node_modules"));
        }
        // Nothing is between the peers.
        for name in ["http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
            command.env_remove(name);
        }
        command
    }
}

/// A Python of its own with these packages, in a folder beside `tmp`, which is `CARGO_TARGET_TMPDIR`.
///
/// # Panics
/// With what went wrong.
#[must_use]
pub fn python_with(tmp: &str, name: &str, requirements: &Path) -> PathBuf {
    let root = Path::new(tmp).parent().expect("a target folder").join("peers");
    fs::create_dir_all(&root).expect("a folder for the peers");
    let lock = File::create(root.join("lock")).expect("a lock file");
    flock(&lock, FlockOperation::LockExclusive).expect("the lock of the peers");
    let folder = root.join(name);
    once(&folder, &[requirements.to_path_buf()], |folder| python(folder, requirements));
    folder.join("bin/python")
}

/// Installs packages of the system by name.
///
/// # Panics
/// With what went wrong.
pub fn install(packages: &[&str]) {
    run(Command::new("apt-get").args(["update", "-qq"]), INSTALLATION);
    let mut apt = Command::new("apt-get");
    run(apt.args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages), INSTALLATION);
}

/// Does something with a fresh folder, once for each content of `inputs`.
fn once(folder: &Path, inputs: &[PathBuf], work: impl FnOnce(&Path)) {
    let wanted: String = inputs.iter().map(|path| fs::read_to_string(path).expect("a file")).collect();
    let stamp = folder.join("made-of");
    if fs::read_to_string(&stamp).is_ok_and(|made_of| made_of == wanted) {
        return;
    }
    if folder.exists() {
        fs::remove_dir_all(folder).expect("room for a new folder");
    }
    fs::create_dir_all(folder).expect("a folder");
    work(folder);
    fs::write(stamp, wanted).expect("a stamp");
}

fn python(folder: &Path, requirements: &Path) {
    run(Command::new("python3").args(["-m", "venv"]).arg(folder), INSTALLATION);
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    run(pip.arg(requirements), INSTALLATION);
}

fn node(folder: &Path, package: &Path) {
    fs::copy(package, folder.join("package.json")).expect("a copy of package.json");
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--no-package-lock", "--prefix"]);
    run(npm.arg(folder).current_dir(folder), INSTALLATION);
}

/// The scripts of the peers.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

/// The services that the peers know.
fn protos() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    vec![here.join("proto/behaviour.proto"), here.join("../protos/examples/proto/helloworld.proto")]
}

fn flag(name: &str, path: &Path) -> std::ffi::OsString {
    let mut flag = OsStr::new(name).to_owned();
    flag.push(path);
    flag
}
