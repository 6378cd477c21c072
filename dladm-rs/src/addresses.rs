// SPDX-License-Identifier: MIT OR Apache-2.0

//! The argument of `-a`: `{local|remote}=ADDR[,...]`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use bstr::BStr;

use crate::failure::Failure;

/// The longest address in bytes (`NI_MAXHOST` less its NUL).
const LONGEST: usize = 1024;

/// Both ends as typed.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    pub(crate) local: Option<Vec<u8>>,
    pub(crate) remote: Option<Vec<u8>>,
}

impl Addresses {
    /// Takes one `-a`. Later values replace earlier ones.
    pub(crate) fn take(&mut self, argument: &OsStr) -> Result<(), Failure> {
        let argument = argument.as_bytes();
        let argument = argument.strip_suffix(b",").unwrap_or(argument);
        if argument.is_empty() {
            return Ok(());
        }
        for item in argument.split(|byte| *byte == b',') {
            let equals = item.iter().position(|byte| *byte == b'=');
            let (key, value) = match equals {
                Some(at) => (&item[..at], Some(&item[at + 1..])),
                None => (item, None),
            };
            let (place, what) = match key {
                b"local" => (&mut self.local, "source"),
                b"remote" => (&mut self.remote, "destination"),
                _ => {
                    let text = format!("invalid address type: {}", BStr::new(item));
                    return Err(Failure::message(text));
                }
            };
            let value = value.ok_or_else(|| {
                Failure::message(format!("tunnel {what} address value is missing"))
            })?;
            if value.len() > LONGEST {
                return Err(Failure::message(format!("tunnel {what} address is too long")));
            }
            *place = Some(value.to_vec());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(arguments: &[&str]) -> Result<(Option<String>, Option<String>), ()> {
        let mut addresses = Addresses::default();
        for argument in arguments {
            addresses.take(OsStr::new(argument)).map_err(drop)?;
        }
        let text = |value: Option<Vec<u8>>| value.map(|value| String::from_utf8(value).unwrap());
        Ok((text(addresses.local), text(addresses.remote)))
    }

    #[test]
    fn items() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(taken(&[""]), Ok((None, None)));
        assert_eq!(taken(&["local=a,remote=b,"]), Ok((some("a"), some("b"))));
        assert_eq!(taken(&["local=a", "local=c"]), Ok((some("c"), None)));
        assert_eq!(taken(&["local="]), Ok((some(""), None)));
        for wrong in ["local", "remote", "Local=a", " local=a", "local=a,,remote=b", "x=1"] {
            assert_eq!(taken(&[wrong]), Err(()), "{wrong}");
        }
        assert!(taken(&[&format!("local={}", "a".repeat(1024))]).is_ok());
        assert!(taken(&[&format!("local={}", "a".repeat(1025))]).is_err());
    }
}
