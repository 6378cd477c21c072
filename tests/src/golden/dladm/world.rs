// SPDX-License-Identifier: MIT OR Apache-2.0

//! The system a case runs on.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ipsec_usermode::lab::{Options, Server};
use ipsec_usermode::links::LinkFile;
use ipsec_usermode::{Config, IpsecState, KernelKind};

use super::case::{Case, State};
use super::faults::{Faults, Files};
use super::outcome::Observed;
use super::state;
use super::terminal::Terminal;

/// A user without any privilege.
const NOBODY: u32 = 65534;
/// The other root of the recordings.
const ALTROOT: &str = "altroot";

/// Plays a case on one kind of kernel.
pub(super) fn play(case: &Case, program: &Path, kernel: KernelKind) -> io::Result<Observed> {
    let dir = tempfile::tempdir()?;
    let faults = Faults::new(&case.state.injected_errors)?;
    let options = Options { interposer: Some(Box::new(faults.clone())), ..Options::default() };
    let config = Config::new(kernel, IpsecState::Loaded);
    let lab = dir.path().join("lab");
    let mut server = Server::bind(&lab, config, options).map_err(io::Error::other)?;
    let State { datalink_conf, active_cache, .. } = &case.state;
    let files = Files::new(datalink_conf, active_cache, faults.clone());
    state::set_up(server.kernel_mut(), &case.state, files.clone())?;
    let root = server.root();
    write_files(&root, &case.state)?;

    let mut command = command(case, program, dir.path(), faults.device_is_closed())?;
    let server = server.spawn()?;
    let outcome = run(&mut command, case);
    let server = server.stop()?;
    let (exit, stdout, stderr) = outcome?;
    Ok(Observed {
        exit,
        stdout,
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
        tunnels: state::tunnels(server.kernel()),
        conf: files.text(LinkFile::Persistent),
        cache: files.text(LinkFile::Active),
        altroot: files_below(&root, &root.join(ALTROOT))?,
    })
}

fn write_files(root: &Path, state: &State) -> io::Result<()> {
    let hosts = state.hosts.iter().flat_map(|(name, addresses)| {
        addresses.iter().map(move |address| format!("{address}\t{name}\n"))
    });
    fs::write(root.join("etc/hosts"), hosts.collect::<String>())?;
    for (path, text) in &state.altroot_files {
        let path = root.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap_or(root))?;
        fs::write(path, text)?;
    }
    Ok(())
}

fn command(case: &Case, program: &Path, dir: &Path, closed: bool) -> io::Result<Command> {
    let lab = dir.join("lab");
    let mut program = program.to_owned();
    let as_nobody = closed && nix::unistd::geteuid().is_root();
    if as_nobody {
        // Root can open everything, so the command runs as a user who cannot.
        for path in [dir, &lab, &lab.join("root")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        }
        program = reachable(&program, dir)?;
    } else if closed {
        fs::set_permissions(lab.join("dld"), fs::Permissions::from_mode(0o0))?;
    }
    let mut command = Command::new(program);
    if as_nobody {
        command.uid(NOBODY).gid(NOBODY);
    }
    let (name, args) = case.argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    command
        .arg0(name)
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("LC_ALL", "C")
        .env("IPSEC_LAB", lab)
        .envs(&case.env);
    Ok(command)
}

/// The program where everybody can run it. A file that is still open for writing, also in
/// a process that another test has just forked, cannot be run; a link never is.
fn reachable(program: &Path, dir: &Path) -> io::Result<PathBuf> {
    let copy = dir.join("program");
    fs::hard_link(program, &copy).or_else(|_| fs::copy(program, &copy).map(drop))?;
    Ok(copy)
}

type Said = (Option<i32>, Vec<u8>, Vec<u8>);

fn run(command: &mut Command, case: &Case) -> io::Result<Said> {
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let terminal = case.state.window.map(Terminal::new).transpose()?;
    match &terminal {
        Some(terminal) => command.stdout(terminal.for_command()?),
        None => command.stdout(Stdio::piped()),
    };
    let child = loop {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {}
            result => break result?,
        }
    };
    // Until it goes, the command structure keeps the terminal open.
    command.stdout(Stdio::null());
    let shown = terminal.map(Terminal::read_all).transpose()?;
    let output = child.wait_with_output()?;
    Ok((output.status.code(), shown.unwrap_or(output.stdout), output.stderr))
}

/// Every file with text below a directory, by its path from the root.
fn files_below(root: &Path, directory: &Path) -> io::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    if !directory.is_dir() {
        return Ok(files);
    }
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(root, &path)?);
        } else {
            let name = path.strip_prefix(root).map_err(io::Error::other)?;
            files.insert(format!("/{}", name.display()), fs::read_to_string(&path)?);
        }
    }
    Ok(files)
}
