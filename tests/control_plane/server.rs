//! A PostgreSQL server of a test's own: a directory, a loopback port, the `postgres` user where
//! the test is root, since the server refuses to run as that.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

pub struct Server {
    dir: tempfile::TempDir,
    bin: PathBuf,
    child: Child,
    port: u16,
}

/// Where Debian puts the programs; the newest version.
fn programs() -> Option<PathBuf> {
    let mut all: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|e| e.path().join("bin")).collect();
    all.retain(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file());
    all.sort();
    all.pop()
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// The command, as the user that a server may run as.
fn unprivileged(program: PathBuf) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command
}

impl Server {
    /// `None`, with a line that says so, where PostgreSQL is not installed.
    pub fn start() -> Option<Server> {
        let Some(bin) = programs() else {
            eprintln!("skipped: PostgreSQL is not installed (Debian: apt-get install postgresql)");
            return None;
        };
        let dir = tempfile::Builder::new().prefix("auditrun-pg-").tempdir().unwrap();
        let data = dir.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        if is_root() {
            let done = Command::new("chown").arg("postgres:").arg(&data).status().unwrap();
            assert!(done.success());
        }
        std::fs::write(dir.path().join("password"), "hunter22\n").unwrap();
        let made = unprivileged(bin.join("initdb"))
            .arg("-D")
            .arg(&data)
            .args(["-U", "audit", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "-N", "--pwfile"])
            .arg(dir.path().join("password"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let child = serve(&bin, &data, port);
        let server = Server { dir, bin, child, port };
        server.wait();
        Some(server)
    }

    pub fn url(&self) -> String {
        format!("postgres://audit:hunter22@127.0.0.1:{}/postgres", self.port)
    }

    fn wait(&self) {
        for _ in 0..400 {
            if super::db::try_rows(&self.url(), "SELECT 1").is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("the server did not start");
    }

    pub fn stop(&mut self) {
        // Fast shutdown: clients are cut off.
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        let _ = self.child.wait();
    }

    pub fn start_again(&mut self) {
        self.child = serve(&self.bin, &self.dir.path().join("data"), self.port);
        self.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(bin: &std::path::Path, data: &std::path::Path, port: u16) -> Child {
    unprivileged(bin.join("postgres"))
        .arg("-D")
        .arg(data)
        .args([
            "-p",
            &port.to_string(),
            "-h",
            "127.0.0.1",
            "-c",
            "unix_socket_directories=",
            "-c",
            "fsync=off",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
