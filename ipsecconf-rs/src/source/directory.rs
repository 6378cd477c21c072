// SPDX-License-Identifier: MIT OR Apache-2.0

//! A directory of policy files.
//!
//! It is opened once, and everything in it is opened through that descriptor and looked
//! at after it has been opened: what is checked is what is read.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use illumos_ipsec::cli::plain;
use illumos_ipsec::policy::SourceText;
use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{Mode, fstatat};

use super::{SUFFIX, Sources, TUNNELS, is_absent, trust, tunnel_of};
use crate::context::Context;

/// A device or a pipe must not make us wait, or become our terminal.
const READ: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY).union(OFlag::O_CLOEXEC);

/// Reads the shards of a directory and of its `tunnels/`.
pub(super) fn read(sources: &mut Sources, context: &Context, name: &str, path: &Path) {
    let name = name.trim_end_matches('/');
    let opened = OpenOptions::new().read(true).custom_flags(libc_directory()).open(path);
    let dir = match opened {
        Ok(dir) => dir,
        Err(error) => return refuse_directory(sources, name, &error),
    };
    let trusted = trusted(sources, name, &dir);
    shards(sources, context, name, &dir, trusted, false);
    match openat(&dir, TUNNELS, READ | OFlag::O_DIRECTORY, Mode::empty()) {
        Ok(inner) => {
            let (name, inner) = (format!("{name}/{TUNNELS}"), File::from(inner));
            let trusted = self::trusted(sources, &name, &inner) && trusted;
            shards(sources, context, &name, &inner, trusted, true);
        }
        Err(nix::errno::Errno::ENOENT) if !is_there(&dir, OsStr::new(TUNNELS)) => {}
        Err(errno) => refuse_directory(sources, &format!("{name}/{TUNNELS}"), &errno.into()),
    }
}

/// Reads one file of a `tunnels/` that was named by itself.
pub(super) fn read_shard(sources: &mut Sources, context: &Context, name: &str, path: &Path) {
    let shard = path.file_name().unwrap_or_default();
    let opened = OpenOptions::new().read(true).custom_flags(READ.bits()).open(path);
    if opened.is_err() && context.service.is_some() && is_absent(path) {
        crate::prose::no_policy_file(name);
        return;
    }
    sources.missing |= opened.is_err();
    take(sources, name.to_owned(), shard, opened, true, true);
}

fn libc_directory() -> i32 {
    (OFlag::O_DIRECTORY | OFlag::O_CLOEXEC).bits()
}

/// Is the directory itself in order? If not, it is a problem of its own, and what it holds
/// is not used.
fn trusted(sources: &mut Sources, name: &str, dir: &File) -> bool {
    let problem = match dir.metadata() {
        Ok(metadata) => trust::distrust(&metadata),
        Err(error) => Some(plain(&error)),
    };
    let Some(problem) = problem else { return true };
    let message = format!("nothing in this directory is used: {problem}");
    sources.refuse(empty(name.to_owned()), Some(message));
    false
}

fn refuse_directory(sources: &mut Sources, name: &str, error: &io::Error) {
    let message = match error.kind() {
        io::ErrorKind::NotADirectory => "it is no directory".to_owned(),
        io::ErrorKind::NotFound => "it is a symbolic link to nothing".to_owned(),
        _ => format!("cannot read the directory: {}", plain(error)),
    };
    sources.refuse(empty(name.to_owned()), Some(message));
}

fn empty(name: String) -> SourceText {
    SourceText { name, text: Vec::new(), tunnel: None }
}

fn shards(
    sources: &mut Sources,
    context: &Context,
    directory: &str,
    dir: &File,
    trusted: bool,
    tunnels: bool,
) {
    let names = match names(dir) {
        Ok(names) => names,
        Err(error) => return refuse_directory(sources, directory, &error),
    };
    for name in names {
        let opened = open(context, dir, &name);
        // Gone since the directory was listed: as if it had never been there.
        if opened.is_err() && !is_there(dir, &name) {
            continue;
        }
        let shown = format!("{directory}/{}", name.to_string_lossy());
        take(sources, shown, &name, opened, trusted, tunnels);
    }
}

/// The names of the shards, in byte order.
fn names(dir: &File) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::from_fd(dir.try_clone()?.into())?.iter() {
        let name = entry?.file_name().to_bytes().to_vec();
        if name.ends_with(SUFFIX) && !name.starts_with(b".") {
            names.push(OsString::from_vec(name));
        }
    }
    names.sort();
    Ok(names)
}

fn is_there(dir: &File, name: &OsStr) -> bool {
    fstatat(dir, name, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok()
}

fn open(context: &Context, dir: &File, name: &OsStr) -> io::Result<File> {
    if let Ok(text) = readlinkat(dir, name)
        && let Some(target) = context.system.link_target(Path::new(&text))
    {
        return OpenOptions::new().read(true).custom_flags(READ.bits()).open(target);
    }
    Ok(openat(dir, name, READ, Mode::empty())?.into())
}

/// Takes a file into the sources, or notes why not.
fn take(
    sources: &mut Sources,
    shown: String,
    name: &OsStr,
    opened: io::Result<File>,
    trusted: bool,
    tunnels: bool,
) {
    let tunnel = tunnels.then(|| tunnel_of(name));
    let mut source = empty(shown);
    source.tunnel = tunnel.as_ref().and_then(|tunnel| tunnel.as_ref().ok().cloned());
    let trouble = match opened {
        Ok(file) => content(file, &mut source.text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Some("there is no such file, or it is a symbolic link to nothing".to_owned())
        }
        Err(error) => Some(format!("cannot be read: {}", plain(&error))),
    };
    let trouble = trouble.or_else(|| tunnel.and_then(Result::err));
    if trouble.is_some() || !trusted {
        sources.refuse(source, trouble);
    } else {
        sources.texts.push(source);
    }
}

/// Reads a shard; gives back what is wrong with it.
fn content(file: File, text: &mut Vec<u8>) -> Option<String> {
    let metadata = match file.metadata() {
        Ok(metadata) => metadata,
        Err(error) => return Some(plain(&error)),
    };
    let kind = metadata.file_type();
    if !kind.is_file() {
        let kind = match () {
            () if kind.is_dir() => "directory",
            () if kind.is_fifo() => "pipe",
            () if kind.is_block_device() || kind.is_char_device() => "device",
            () => "special file",
        };
        return Some(format!("it is a {kind}, expected a regular file"));
    }
    // What is not trusted is read all the same: it tells which tunnels it is about.
    let unread = whole(file, text);
    trust::distrust(&metadata).or(unread)
}

/// Reads to the end; gives back why that is not possible. Half a text would tell of half the
/// tunnels that it is about.
fn whole(mut from: impl Read, text: &mut Vec<u8>) -> Option<String> {
    let error = from.read_to_end(text).err()?;
    text.clear();
    Some(format!("cannot be read: {}", plain(&error)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn names_are_those_of_shards_in_byte_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in
            ["b.conf", "B.conf", "10.conf", "9.conf", ".x.conf", "a.conf~", "README", ".conf"]
        {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let opened = File::open(dir.path()).unwrap();
        assert_eq!(names(&opened).unwrap(), ["10.conf", "9.conf", "B.conf", "b.conf"]);
        assert!(is_there(&opened, OsStr::new("README")));
        assert!(!is_there(&opened, OsStr::from_bytes(b"no\xff")));
    }

    #[test]
    fn half_a_text_is_none() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::Other.into())
            }
        }
        let mut text = Vec::new();
        let half = &b"{ tunnel vpn0 negotiate tunnel } drop { }\n{ tunnel v"[..];
        assert!(whole(half.chain(Broken), &mut text).unwrap().contains("cannot be read"));
        assert_eq!(text, b"");
        assert_eq!(whole(half, &mut text), None);
        assert_eq!(text, half);
    }
}
