//! A real browser without a window, told what to do through a pipe (the DevTools protocol).
#![allow(clippy::print_stderr)] // A test that is skipped says so.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const PATIENCE: Duration = Duration::from_secs(90);

/// One page in a browser of its own.
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Option<String>,
    next: u64,
    /// What the page's console complained of: exceptions, and what the content policy refused.
    pub complaints: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// `None`, with a line that says so, where no browser is installed.
    pub fn open() -> Option<Browser> {
        let found = NAMES.iter().find(|name| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).any(|dir| dir.join(name).is_file())
        });
        let Some(program) = found else {
            eprintln!("skipped: none of {} is installed", NAMES.join(", "));
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let flags = "--headless --no-sandbox --disable-gpu --no-first-run --hide-scrollbars \
                     --disable-dev-shm-usage --remote-debugging-pipe";
        let call = format!(
            "exec {program} {flags} --user-data-dir={} about:blank 3<&0 4>&1 </dev/null >/dev/null 2>&1",
            profile.path().display()
        );
        let mut child = Command::new("sh")
            .args(["-c", &call])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let (session, next, complaints) = (None, 0, Vec::new());
        let mut browser = Browser { child, to, from, session, next, complaints, _profile: profile };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let wanted = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", wanted);
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Runtime.enable", "Log.enable", "Page.enable"] {
            browser.call(domain, json!({}));
        }
        Some(browser)
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut message = json!({ "id": self.next, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        self.to.flush().unwrap();
        loop {
            let mut bytes = Vec::new();
            assert!(self.from.read_until(0, &mut bytes).unwrap() > 0, "the browser has ended");
            let answer: Value = serde_json::from_slice(bytes.strip_suffix(b"\0").unwrap_or(&bytes)).unwrap();
            if answer["id"] == self.next {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.hear(&answer);
        }
    }

    fn hear(&mut self, event: &Value) {
        let params = &event["params"];
        let complaint = match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => params["exceptionDetails"].to_string(),
            // A server that is away for a while is part of some tests.
            Some("Log.entryAdded") if params["entry"]["source"] != "network" => params["entry"].to_string(),
            _ => return,
        };
        self.complaints.push(complaint);
    }

    /// Columns, rows, and whether it is night.
    pub fn shape(&mut self, width: u32, height: u32, dark: bool) -> &mut Browser {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let value = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.call("Emulation.setEmulatedMedia", features);
        self
    }

    pub fn go(&mut self, url: &str) -> &mut Browser {
        self.call("Page.navigate", json!({ "url": url }));
        self
    }

    pub fn reload(&mut self) -> &mut Browser {
        self.call("Page.reload", json!({}));
        self
    }

    /// The value of an expression in the page.
    pub fn eval(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true; an error in it is a no.
    pub fn until(&mut self, expression: &str) -> &mut Browser {
        let begun = Instant::now();
        let asked = format!("(() => {{ try {{ return !!({expression}); }} catch {{ return false; }} }})()");
        while self.eval(&asked) != true {
            let shown = self.eval("document.body.innerText");
            assert!(
                begun.elapsed() < PATIENCE,
                "never: {expression}\nthe page: {shown}\n{:?}",
                self.complaints
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        self
    }

    /// Waits until the page's text holds all of these.
    pub fn shows(&mut self, words: &[&str]) -> &mut Browser {
        for word in words {
            self.until(&format!("document.body.innerText.includes({})", json!(word)));
        }
        self
    }

    /// Keeps a picture for people if `DASHBOARD_PICTURES` names a directory.
    pub fn picture(&mut self, name: &str) -> &mut Browser {
        if let Some(dir) = std::env::var_os("DASHBOARD_PICTURES") {
            let answer = self.call("Page.captureScreenshot", json!({ "format": "png" }));
            let text = answer["data"].as_str().unwrap();
            let mut decode = Command::new("base64");
            let mut child = decode.arg("-d").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            let mut to = child.stdin.take().unwrap();
            let bytes = std::thread::scope(|scope| {
                scope.spawn(move || to.write_all(text.as_bytes()).unwrap());
                child.wait_with_output().unwrap().stdout
            });
            std::fs::write(Path::new(&dir).join(format!("{name}.png")), bytes).unwrap();
        }
        self
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may be gone already; it is waited for in any case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
