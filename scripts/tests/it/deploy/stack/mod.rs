//! The services of the compose file as processes of this host: their commands, environment and health checks as
//! Docker Compose itself makes them of the file, with only folders, host names and ports put in their place.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use redispatch_testkit::process::Worker;
use redispatch_testkit::smtp::SmtpServer;
use redispatch_testkit::{LIMIT, Port, eventually, tool};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use super::{pairs, port, root, word, words};
use crate::run::{Ran, finish};

mod manifests;
mod running;
mod settings;

/// A project folder with the compose file, what it mounts, and a `.env`.
struct Stack {
    config: Value,
    project: TempDir,
    /// What a text of the file is here.
    here: Vec<(String, String)>,
    _ports: Vec<Port>,
}

impl Stack {
    /// What Compose makes of the file with this `.env`, if any, and these profiles.
    async fn new(env: Option<&str>, profiles: &[&str]) -> Self {
        let project = tempfile::tempdir().unwrap();
        let at = |path: &str| project.path().join(path);
        fs::copy(root("docker-compose.yml"), at("docker-compose.yml")).unwrap();
        symlink(root("deploy"), at("deploy")).unwrap();
        if let Some(env) = env {
            fs::write(at(".env"), env).unwrap();
        }
        let mut compose = bare(&tool("REDISPATCH_COMPOSE", "docker-compose/docker-compose"), &project);
        compose.args(profiles.iter().flat_map(|profile| ["--profile", profile]));
        let ran = finish(with_pipes(compose, &["config", "--format", "json"]), b"").await.with_code(0);
        let mut config = ran.json();
        unescape(&mut config);
        programs(&at("bin"));
        fs::create_dir(at("secrets")).unwrap();
        Self { config, project, here: Vec::new(), _ports: Vec::new() }
    }

    /// Gives each service an address of this host. Mail goes to `catcher`.
    fn place(&mut self, catcher: &SmtpServer) {
        let redis = self.reserve();
        self.put("redis:6379", &format!("127.0.0.1:{redis}"));
        self.put("/secrets", &self.path("secrets"));
        self.put("/compose/", &format!("{}/", root("deploy/compose").display()));
        for service in ["api", "email-worker", "sms-worker", "whatsapp-worker"] {
            for name in ["API_ADDR", "HTTP_ADDR"] {
                if let Some(addr) = self.env(service, name) {
                    let free = self.reserve();
                    self.put(&addr, &addr.replace(&port(&addr).to_string(), &free.to_string()));
                }
            }
        }
        if let Some(host) = self.env("email-worker", "SMTP_HOST").filter(|host| self.has(host)) {
            self.put(&host, catcher.host());
            let port = self.env("email-worker", "SMTP_PORT").expect("a port");
            self.put(&port, &catcher.port().to_string());
        }
    }

    fn reserve(&mut self) -> u16 {
        let port = Port::reserve();
        let number = port.addr().port();
        self._ports.push(port);
        number
    }

    fn put(&mut self, there: &str, here: &str) {
        self.here.push((there.to_owned(), here.to_owned()));
    }

    /// `text` of the file, as it is here. A name or number stands for itself only where it is the whole text.
    fn text(&self, text: &str) -> String {
        if let Some((_, here)) = self.here.iter().find(|(there, _)| there == text) {
            return here.clone();
        }
        let parts = self.here.iter().filter(|(there, _)| there.contains(['/', ':']));
        parts.fold(text.to_owned(), |text, (there, here)| text.replace(there, here))
    }

    fn path(&self, name: &str) -> String {
        self.project.path().join(name).display().to_string()
    }

    fn secret(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("secrets/{name}"))).unwrap().trim_end().to_owned()
    }

    fn service(&self, name: &str) -> &Value {
        let service = &self.config["services"][name];
        assert!(service.is_object(), "no service {name}");
        service
    }

    fn has(&self, name: &str) -> bool {
        self.config["services"].get(name).is_some()
    }

    /// How many of a service run.
    fn scale(&self, name: &str) -> u64 {
        self.service(name)["scale"].as_u64().unwrap_or(1)
    }

    /// A variable of a service, as the file has it.
    fn env(&self, service: &str, name: &str) -> Option<String> {
        self.service(service)["environment"].get(name).map(word)
    }

    /// Its whole environment, as it is here.
    fn environment(&self, service: &str) -> Vec<(String, String)> {
        let own = pairs(&self.service(service)["environment"]);
        let own = own.into_iter().map(|(name, value)| (name, self.text(&value)));
        let path = format!("{}:{}", self.path("bin"), std::env::var("PATH").unwrap_or_default());
        own.chain([("PATH".to_owned(), path)]).collect()
    }

    /// Starts what goes on running, with more arguments.
    fn start(&self, service: &str, more: &[&str]) -> Worker {
        let command: Vec<_> =
            words(&self.service(service)["command"]).iter().map(|it| self.text(it)).collect();
        let arguments: Vec<_> = command[1..].iter().map(String::as_str).chain(more.iter().copied()).collect();
        let environment = self.environment(service);
        let environment: Vec<_> = environment.iter().map(|(name, value)| (&**name, &**value)).collect();
        Worker::start(self.path(&format!("bin/{}", command[0])), &arguments, &environment)
    }

    /// Runs what ends by itself.
    async fn run(&self, service: &str) -> Ran {
        let command = words(&self.service(service)["command"]);
        self.finish(service, &command).await
    }

    /// Waits until the health check of a service says that it is well.
    async fn healthy(&self, service: &str) {
        let test = words(&self.service(service)["healthcheck"]["test"]);
        let command = match &*test[0] {
            "CMD-SHELL" => vec!["sh".to_owned(), "-c".to_owned(), test[1].clone()],
            _ => test[1..].to_vec(),
        };
        let check = async || self.finish(service, &command).await;
        eventually(&format!("{service} is healthy"), LIMIT, check, |ran| ran.code == 0).await;
    }

    async fn finish(&self, service: &str, command: &[String]) -> Ran {
        let own = PathBuf::from(self.path("bin")).join(&command[0]);
        let program = if own.exists() { own } else { command[0].clone().into() };
        let arguments: Vec<_> = command[1..].iter().map(|argument| self.text(argument)).collect();
        let mut process = bare(&program, &self.project);
        process.args(arguments).envs(self.environment(service));
        finish(with_pipes(process, &[]), b"").await
    }
}

/// `program` in the folder of the project, with no environment but the `PATH`.
fn bare(program: &Path, project: &TempDir) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var("PATH").unwrap_or_default());
    command.current_dir(project.path()).kill_on_drop(true);
    command
}

fn with_pipes(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The programs that the images have, by their names.
fn programs(folder: &Path) {
    fs::create_dir(folder).unwrap();
    let built = Path::new(env!("CARGO_BIN_EXE_queuectl")).with_file_name("");
    for name in ["queuectl", "email-worker", "sms-worker", "whatsapp-worker"] {
        let program = built.join(name);
        assert!(program.is_file(), "no {}: cargo build --bins", program.display());
        symlink(program, folder.join(name)).unwrap();
    }
    symlink(tool("REDISPATCH_TEST_REDIS", "redis/redis-server"), folder.join("redis-server")).unwrap();
    symlink(tool("REDISPATCH_TEST_REDIS_CLI", "redis/redis-cli"), folder.join("redis-cli")).unwrap();
}

/// Compose doubles each `$` in what it prints.
fn unescape(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace("$$", "$"),
        Value::Array(all) => all.iter_mut().for_each(unescape),
        Value::Object(all) => all.values_mut().for_each(unescape),
        _ => {}
    }
}
