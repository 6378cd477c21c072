// SPDX-License-Identifier: MIT OR Apache-2.0

//! What an executable says of itself.

use std::path::Path;

use object::Endianness;
use object::elf::{DT_NEEDED, EM_X86_64, ET_EXEC, FileHeader64, PT_INTERP, SHN_UNDEF, STB_WEAK};
use object::read::elf::{Dyn, FileHeader, ProgramHeader, Sym};

use super::cannot;
use crate::run::Failure;

type Header = FileHeader64<Endianness>;

/// A symbol that another file has to have.
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) version: Option<String>,
    /// The file that the version is of.
    pub(super) file: Option<String>,
    pub(super) weak: bool,
}

/// An executable.
pub(super) struct Executable {
    pub(super) bytes: Vec<u8>,
    pub(super) os_abi: u8,
    pub(super) is_amd64_program: bool,
    pub(super) interpreter: String,
    pub(super) needed: Vec<String>,
    pub(super) wanted: Vec<Wanted>,
}

impl Executable {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = std::fs::read(path).map_err(|error| cannot("read", path, &error))?;
        Self::parse(bytes).map_err(|error| Failure::Said(format!("{}: {error}", path.display())))
    }

    fn parse(bytes: Vec<u8>) -> object::Result<Self> {
        let data = bytes.as_slice();
        let header = Header::parse(data)?;
        let endian = header.endian()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();

        let os_abi = header.e_ident().os_abi;
        let is_amd64_program =
            header.e_machine(endian) == EM_X86_64 && header.e_type(endian) == ET_EXEC;

        let mut interpreter = String::new();
        for segment in header.program_headers(endian, data)? {
            if segment.p_type(endian) == PT_INTERP {
                let bytes = segment.data(endian, data).unwrap_or_default();
                interpreter = text(bytes).trim_end_matches('\0').to_owned();
            }
        }

        let sections = header.sections(endian, data)?;
        let symbols = sections.symbols(endian, data, object::elf::SHT_DYNSYM)?;
        let mut needed = Vec::new();
        if let Some((entries, link)) = sections.dynamic(endian, data)? {
            let strings = sections.strings(endian, data, link)?;
            for entry in entries {
                if entry.tag32(endian) == Some(DT_NEEDED) {
                    needed.push(text(entry.string(endian, strings)?));
                }
            }
        }
        needed.sort();

        let versions = sections.versions(endian, data)?;
        let mut wanted = Vec::new();
        for (index, symbol) in symbols.enumerate() {
            if index.0 == 0 || symbol.st_shndx(endian) != SHN_UNDEF {
                continue;
            }
            let version = match &versions {
                Some(table) => table.version(table.version_index(endian, index))?,
                None => None,
            };
            wanted.push(Wanted {
                name: text(symbol.name(endian, symbols.strings())?),
                version: version.map(|version| text(version.name())),
                file: version.and_then(|version| version.file()).map(text),
                weak: symbol.st_bind() == STB_WEAK,
            });
        }
        Ok(Self { bytes, os_abi, is_amd64_program, interpreter, needed, wanted })
    }
}
