// SPDX-License-Identifier: MIT OR Apache-2.0

//! A lab for one test: a user-mode kernel in a thread of this process, and the real
//! commands against it.

mod control;
mod done;
mod ongoing;
mod tap;
mod waiting;

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;

use illumos_ipsec::model::{Side, SpdRule, TunnelName};
use illumos_ipsec::sys::System;
use illumos_ipsec::sys::policy::{PolicyClient, Scope};
use illumos_ipsec::wire::policy::DumpItem;
use ipsec_usermode::lab::{Options, Running, Server};
use ipsec_usermode::{Config, Event, IpsecState, KernelKind};
use serde_json::json;

pub use control::Control;
pub use done::Done;
pub use ongoing::Ongoing;
pub use tap::Seen;
use tap::{Tap, Trap, Watch};
pub use waiting::until_it_waits_for_a_lock;

/// A lab with a running kernel.
pub struct Lab {
    dir: tempfile::TempDir,
    server: Option<Running>,
    watch: Arc<Watch>,
}

impl Lab {
    /// A lab with a kernel that has the changes of this project.
    #[must_use]
    pub fn new() -> Self {
        Self::with(KernelKind::Modified, &[])
    }

    /// A lab with this kind of kernel and these tunnel links.
    #[must_use]
    pub fn with(kind: KernelKind, links: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let watch = Arc::new(Watch::default());
        let server = serve(&dir.path().join("lab"), kind, links, &watch);
        Self { dir, server: Some(server), watch }
    }

    /// The directory that `IPSEC_LAB` names.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("lab")
    }

    /// A file of the lab's own root.
    #[must_use]
    pub fn root(&self, path: &str) -> PathBuf {
        self.path().join("root").join(path.trim_start_matches('/'))
    }

    /// Writes a file into the directory in which commands run.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, content).expect("a file");
        path
    }

    /// Writes a file with keys there: for its owner alone.
    pub fn key_file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.file(name, content);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
        path
    }

    /// The directory in which commands run.
    #[must_use]
    pub fn cwd(&self) -> &Path {
        self.dir.path()
    }

    /// A command of ours, ready to run in this lab.
    #[must_use]
    pub fn command(&self, name: &str) -> std::process::Command {
        let program = crate::program(name).unwrap_or_else(|error| panic!("{error}"));
        let mut command = std::process::Command::new(program);
        command
            .current_dir(self.dir.path())
            .env_remove("SMF_FMRI")
            .env("LC_ALL", "C")
            .env("IPSEC_LAB", self.path());
        command
    }

    /// Runs `dladm` with these arguments.
    pub fn dladm(&self, args: &[&str]) -> Done {
        self.finish("dladm", args, None, None)
    }

    /// Runs `ipseckey` with these arguments.
    pub fn ipseckey(&self, args: &[&str]) -> Done {
        self.finish("ipseckey", args, None, None)
    }

    /// Loads associations: `add` commands, as a file.
    #[track_caller]
    pub fn keys(&self, commands: &str) {
        self.key_file("lab.keys", commands);
        let _ = self.ipseckey(&["-n", "-f", "lab.keys"]).exits(0);
    }

    /// Runs `ipsec-lab` with these arguments.
    pub fn ipsec_lab(&self, args: &[&str]) -> Done {
        self.finish("ipsec-lab", args, None, None)
    }

    /// Runs the stand-in for `ipadm` with these arguments.
    pub fn ipadm(&self, args: &[&str]) -> Done {
        self.stand_in("ipadm", args)
    }

    /// Runs the stand-in for `svcadm` with these arguments.
    pub fn svcadm(&self, args: &[&str]) -> Done {
        self.stand_in("svcadm", args)
    }

    /// Runs the stand-in for `svcs` with these arguments.
    pub fn svcs(&self, args: &[&str]) -> Done {
        self.stand_in("svcs", args)
    }

    /// Runs the stand-in for `svcprop` with these arguments.
    pub fn svcprop(&self, args: &[&str]) -> Done {
        self.stand_in("svcprop", args)
    }

    /// Runs the stand-in for `svccfg` with these arguments.
    pub fn svccfg(&self, args: &[&str]) -> Done {
        self.stand_in("svccfg", args)
    }

    /// Puts a shell script in the place of a command that methods of services run.
    pub fn fake(&self, name: &str, script: &str) {
        // Whoever runs methods makes bin/; a refresh of what does not run does nothing else.
        let _ = self.svcadm(&["refresh", "policy"]).exits(0);
        let path = self.path().join("bin").join(name);
        fs::remove_file(&path).expect("a command of the lab");
        crate::write_script(&path, script);
    }

    fn stand_in(&self, name: &str, args: &[&str]) -> Done {
        let mut command = self.stand_in_command(name);
        command.args(args);
        done(&mut assert_cmd::Command::from_std(command))
    }

    fn stand_in_command(&self, name: &str) -> std::process::Command {
        let link = self.dir.path().join(name);
        let program = crate::program("ipsec-lab").unwrap_or_else(|error| panic!("{error}"));
        if !link.exists() {
            std::os::unix::fs::symlink(program, &link).expect("a link");
        }
        let mut command = std::process::Command::new(link);
        command.env("IPSEC_LAB", self.path()).env("LC_ALL", "C");
        command
    }

    /// Ends the kernel, and starts another one with the same files: a boot.
    pub fn reboot(&mut self, kind: KernelKind) {
        drop(self.server.take());
        self.server = Some(serve(&self.path(), kind, &[], &self.watch));
    }

    /// Runs `ipsecconf` with these arguments.
    pub fn ipsecconf(&self, args: &[&str]) -> Done {
        self.run(args, None, None)
    }

    /// Runs `ipsecconf` as the method of the policy service.
    pub fn ipsecconf_as_service(&self, args: &[&str]) -> Done {
        self.run(args, Some("svc:/network/ipsec/policy:default"), None)
    }

    /// Runs `ipsecconf` with this standard input.
    pub fn ipsecconf_reading(&self, args: &[&str], stdin: &str) -> Done {
        self.run(args, None, Some(stdin))
    }

    fn run(&self, args: &[&str], service: Option<&str>, stdin: Option<&str>) -> Done {
        self.finish("ipsecconf", args, service, stdin)
    }

    fn finish(
        &self,
        name: &str,
        args: &[&str],
        service: Option<&str>,
        stdin: Option<&str>,
    ) -> Done {
        let mut command = assert_cmd::Command::from_std(self.command(name));
        command.args(args).write_stdin(stdin.unwrap_or_default());
        if let Some(service) = service {
            command.env("SMF_FMRI", service);
        }
        done(&mut command)
    }

    /// Starts `ipsecconf` and does not wait for it.
    pub fn start(&self, args: &[&str]) -> Child {
        self.start_command("ipsecconf", args)
    }

    /// The same with another command.
    pub fn start_command(&self, name: &str, args: &[&str]) -> Child {
        spawn(self.command(name).args(args))
    }

    /// Starts a command that goes on until somebody ends it.
    pub fn follow(&self, name: &str, args: &[&str]) -> Ongoing {
        Ongoing::start(self.command(name).args(args))
    }

    /// The method of the policy service, as the restarter runs it.
    #[must_use]
    pub fn policy_method(&self, verb: &str) -> std::process::Command {
        // Whoever runs methods makes bin/ and the method; a refresh of what does not run
        // does nothing else.
        let bin = self.path().join("bin");
        if !bin.join("ipsecconf").exists() {
            let _ = self.svcadm(&["refresh", "policy"]).exits(0);
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = std::process::Command::new("/bin/sh");
        command
            .arg(self.root("lib/svc/method/ipsec-policy"))
            .arg(verb)
            .env("IPSEC_LAB", self.path())
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("SMF_FMRI", "svc:/network/ipsec/policy:default")
            .env("SMF_METHOD", verb);
        command
    }

    /// Starts the stand-in for `svcadm` and does not wait for it.
    pub fn start_svcadm(&self, args: &[&str]) -> Child {
        spawn(self.stand_in_command("svcadm").args(args))
    }

    /// A client of the lab's kernel.
    #[must_use]
    pub fn client(&self) -> PolicyClient {
        PolicyClient::new(System::lab(self.path()).open_policy().expect("a connection"))
    }

    /// The rules of one side, of the host and of all tunnels.
    #[must_use]
    pub fn rules(&self, side: Side) -> Vec<SpdRule> {
        let mut client = self.client();
        let dump = client.dump(side, &Scope::All).expect("a dump");
        dump.filter_map(|item| match item.expect("a good record") {
            DumpItem::Rule { rule, .. } => Some(rule),
            DumpItem::Ruleset(_) => None,
        })
        .collect()
    }

    /// Rules in force without what differs between two loads of the same policy.
    #[must_use]
    pub fn policy(&self) -> Vec<SpdRule> {
        let mut rules = self.rules(Side::Active);
        for rule in &mut rules {
            rule.index = 0;
        }
        rules.sort_by_key(|rule| format!("{rule:?}"));
        rules
    }

    /// What the record of loaded policy shows.
    #[must_use]
    pub fn view(&self) -> String {
        self.ipsecconf(&[]).exits(0).stdout
    }

    /// Forgets the requests seen so far.
    pub fn forget(&self) {
        self.watch.state().seen.clear();
    }

    /// The requests seen since the last [`Lab::forget`].
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.watch.state().seen.clone()
    }

    /// Kills `ipsecconf` when its n-th request (from 0) arrives. With `before` the kernel
    /// never sees that request, else it sees it but nobody gets the answer. Returns
    /// false if the command ended without sending so many.
    pub fn kill_at(&self, args: &[&str], n: usize, before: bool) -> bool {
        self.kill_command_at("ipsecconf", args, n, before)
    }

    /// The same with another command.
    pub fn kill_command_at(&self, name: &str, args: &[&str], n: usize, before: bool) -> bool {
        let mut command = self.command(name);
        command.args(args);
        self.kill_any_at(&mut command, n, before)
    }

    /// The same with any program that becomes one of our commands.
    pub fn kill_any_at(&self, command: &mut std::process::Command, n: usize, before: bool) -> bool {
        self.forget();
        self.watch.state().trap = Some(Trap { n, before, pid: None });
        let mut child = spawn(command);
        self.watch.set_trap_pid(child.id());
        let status = child.wait().expect("the command ends");
        self.watch.state().trap = None;
        status.code().is_none()
    }

    /// What the kernel has told its tunnel driver so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        // It tells behind the answer to a request: with another answer, that has been done.
        let _ = Control::connect(self).ask(&json!({ "op": "addresses" }));
        self.watch.state().events.clone()
    }
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // The server ends before its directory goes.
        drop(self.server.take());
    }
}

/// Starts a command that nobody listens to.
fn spawn(command: &mut std::process::Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command starts")
}

/// Runs a command to its end.
fn done(command: &mut assert_cmd::Command) -> Done {
    command.output().expect("the command runs").into()
}

/// The address of the host.
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 1, 1, 1));

fn serve(path: &Path, kind: KernelKind, links: &[&str], watch: &Arc<Watch>) -> Running {
    let options = Options {
        interposer: Some(Box::new(Tap(Arc::clone(watch)))),
        addresses: vec![ADDRESS],
        ..Options::default()
    };
    let config = Config::new(kind, IpsecState::Loaded);
    let mut server = Server::bind(path, config, options).expect("a lab server");
    for link in links {
        server.kernel_mut().add_link(TunnelName::new(link).expect("a link name"));
    }
    server.spawn().expect("a server thread")
}
