// SPDX-License-Identifier: MIT OR Apache-2.0

//! The command line of a method: its tokens, and where a lab has the program.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::RESTARTER;
use super::manifest::Service;
use super::property::Property;

/// Replaces the tokens of `exec`: `%m` method, `%f` FMRI, `%s` service, `%i` instance, `%r`
/// restarter, `%{GROUP/NAME}` values of a property with blanks between them (or commas or
/// colons, with one of them before the brace), `%%` a percent sign.
pub(super) fn expand(
    exec: &str,
    method: &str,
    service: &Service,
    properties: &BTreeMap<String, Property>,
) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = exec;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        let token = after.chars().next().ok_or("a lone '%' at the end; expected %%")?;
        rest = &after[token.len_utf8()..];
        match token {
            '%' => text.push('%'),
            'm' => text.push_str(method),
            'f' => text.push_str(&service.fmri),
            's' => text.push_str(&service.name),
            'i' => text.push_str(service.instance),
            'r' => text.push_str(RESTARTER),
            '{' => {
                let (name, after) = rest.split_once('}').ok_or("'%{' without '}'")?;
                rest = after;
                let (name, separator) = match name.strip_suffix([',', ':']) {
                    Some(shorter) => (shorter, &name[shorter.len()..]),
                    None => (name, " "),
                };
                let property = properties.get(name);
                let property = property.ok_or_else(|| format!("there is no property {name}"))?;
                text.push_str(&property.joined(separator));
            }
            other => {
                return Err(format!("'%{other}' is unknown; expected %m, %f, %s, %i, %r or %{{"));
            }
        }
    }
    text.push_str(rest);
    Ok(text)
}

/// The command for the shell `shell` of this machine. The program of a method is one of the
/// lab: below its root or, such as `/usr/sbin/ipsecconf`, one of its commands.
pub(super) fn located(line: &str, shell: &Path, lab: &Path) -> String {
    let (program, arguments) = line.split_at(line.find([' ', '\t']).unwrap_or(line.len()));
    let Some(below) = program.strip_prefix('/') else {
        return format!("exec {line}");
    };
    let ours = lab.join("root").join(below);
    let command = lab.join("bin").join(Path::new(program).file_name().unwrap_or_default());
    if ours.is_file() {
        // This machine need not have the shell that the first line of a method names.
        let interpreter = if is_method(&ours) { quoted(shell) + " " } else { String::new() };
        format!("exec {interpreter}{}{arguments}", quoted(&ours))
    } else if command.exists() {
        format!("exec {}{arguments}", quoted(&command))
    } else {
        format!("exec {line}")
    }
}

/// A script for the shell of SMF that may be executed.
fn is_method(path: &Path) -> bool {
    let executable = fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o111 != 0);
    executable && fs::read(path).is_ok_and(|text| text.starts_with(b"#!/sbin/sh"))
}

/// A path as a word of the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

/// The shell nearest to the one of illumos, which is ksh93.
pub(super) fn shell(search: &std::ffi::OsStr) -> PathBuf {
    let directories: Vec<PathBuf> = std::env::split_paths(search).collect();
    let candidates =
        ["ksh93", "ksh"].iter().flat_map(|name| directories.iter().map(move |dir| dir.join(name)));
    candidates.into_iter().find(|path| path.is_file()).unwrap_or_else(|| "/bin/sh".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let service = Service::named("network/ipsec/policy");
        let list = Property { kind: "astring".into(), values: vec!["a b".into(), "c".into()] };
        let properties = BTreeMap::from([("config/list".to_owned(), list)]);
        let expand = |exec| expand(exec, "start", &service, &properties);
        for (exec, text) in [
            ("/m %m", "/m start"),
            ("/m %f %s %i", "/m svc:/network/ipsec/policy:default network/ipsec/policy default"),
            ("/m %r%%", "/m svc:/system/svc/restarter:default%"),
            ("/m %{config/list}", "/m a\\ b c"),
            ("/m %{config/list,}", "/m a\\ b,c"),
        ] {
            assert_eq!(expand(exec).as_deref(), Ok(text));
        }
        for exec in ["/m %", "/m %x", "/m %{config/list", "/m %{config/other}"] {
            assert!(expand(exec).is_err(), "{exec}");
        }
    }

    #[test]
    fn programs_of_the_lab_come_first() {
        let lab = tempfile::tempdir().unwrap();
        let method = lab.path().join("root/lib/svc/method/m");
        fs::create_dir_all(method.parent().unwrap()).unwrap();
        fs::write(&method, "#!/sbin/sh\n").unwrap();
        fs::set_permissions(&method, fs::Permissions::from_mode(0o555)).unwrap();
        fs::create_dir(lab.path().join("bin")).unwrap();
        fs::write(lab.path().join("bin/ipsecconf"), "").unwrap();
        let dir = lab.path().display();
        for (line, command) in [
            (
                "/lib/svc/method/m start",
                format!("exec '/bin/ksh' '{dir}/root/lib/svc/method/m' start"),
            ),
            ("/usr/sbin/ipsecconf -F", format!("exec '{dir}/bin/ipsecconf' -F")),
            ("/usr/bin/other", "exec /usr/bin/other".to_owned()),
            ("true", "exec true".to_owned()),
        ] {
            assert_eq!(located(line, Path::new("/bin/ksh"), lab.path()), command);
        }
    }
}
