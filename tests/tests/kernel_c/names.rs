// SPDX-License-Identifier: MIT OR Apache-2.0

//! The table of names and the extension: `inet/ip/ipsec_ns.c`.

use std::fmt::Write as _;
use std::sync::LazyLock;

use illumos_ipsec::model::Namespace;
use illumos_ipsec::wire::namespace::NamespaceExt;
use illumos_ipsec::wire::{key, policy};
use system_tests::kernel_c::{Numbers, Program, Sanitizer, hex, last_before};

static DRIVER: LazyLock<Result<Program, String>> = LazyLock::new(|| {
    Program::compile(
        env!("CARGO_TARGET_TMPDIR"),
        &["driver.c", "ns_driver.c"],
        &["inet/ip/ipsec_ns.c"],
        Sanitizer::Memory,
    )
});

/// Runs commands and compares each answer.
fn compare(seed: u64, commands: &str, expected: &[String]) {
    let driver = DRIVER.as_ref().unwrap_or_else(|error| panic!("{error}"));
    let answers = driver.answers(commands).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    for (at, (answer, expected)) in answers.iter().zip(expected).enumerate() {
        let last = || last_before(commands, at + 1);
        assert_eq!(answer, expected, "seed {seed}, after\n{}", last());
    }
    assert_eq!(answers.len(), expected.len(), "seed {seed}");
}

fn encoded(ext: &NamespaceExt) -> Vec<u8> {
    let mut out = Vec::new();
    policy::Ext::Namespace(ext.clone()).encode(&mut out);
    let mut same = Vec::new();
    key::Ext::Namespace(ext.clone()).encode(&mut same);
    assert_eq!(out, same);
    out
}

/// An extension as a program could have made it, whatever it says.
fn raw(words: u16, flags: u16, name: &[u8], room: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for number in [words, 256, name.len() as u16, flags] {
        out.extend_from_slice(&number.to_ne_bytes());
    }
    out.extend_from_slice(name);
    out.resize(8 + room, 0);
    out
}

/// A name, good more often than not.
fn any_name(numbers: &mut Numbers) -> Vec<u8> {
    let len = match numbers.below(4) {
        0 => *numbers.pick(&[0, 1, 6, 7, 8, 9, 15, 16, 254, 255, 256, 300]),
        _ => numbers.below(40),
    };
    let mut name: Vec<u8> =
        (0..len).map(|_| b'!' + numbers.below(usize::from(b'~' - b'!') + 1) as u8).collect();
    if let Some(first) = name.first_mut()
        && !numbers.once_in(8)
    {
        *first = *numbers.pick(b"azAZ09m");
    }
    if !name.is_empty() && numbers.once_in(6) {
        let at = numbers.below(name.len());
        name[at] = *numbers.pick(b"\0 \x7f\x80\xff!~/:@[`{\n");
    }
    name
}

/// An extension, right or nearly so.
fn any_ext(numbers: &mut Numbers) -> Vec<u8> {
    let name = if numbers.once_in(10) { Vec::new() } else { any_name(numbers) };
    let flags = *numbers.pick(&[0, 0, 0, 0, 0, 1, 1, 2, 3, 0x100, 0x8000]);
    let right = (name.len() + 1).next_multiple_of(8);
    let (mut words, mut room) = (1 + right as u16 / 8, right);
    if numbers.once_in(5) {
        words = *numbers.pick(&[0, 1, words - 1, words + 1, words + 32, u16::MAX]);
    }
    if numbers.once_in(5) {
        room = *numbers.pick(&[right - 1, right + 1, right + 8, right - 8, name.len(), 512]);
    }
    let mut ext = raw(words, flags, &name, room);
    if numbers.once_in(5) {
        let at = numbers.below(ext.len());
        ext[at] ^= 1 << numbers.below(8);
    }
    if numbers.once_in(8) {
        ext.truncate(numbers.below(ext.len() + 1));
    }
    ext
}

/// Is it well-formed, as the library sees it?
fn well_formed(bytes: &[u8]) -> Option<NamespaceExt> {
    let words = u16::from_ne_bytes(*bytes.first_chunk()?);
    NamespaceExt::decode(bytes.get(..usize::from(words) * 8)?)
}

#[test]
fn both_decoders_refuse_the_same() {
    const SEED: u64 = 46;
    let mut numbers = Numbers::new(SEED);
    let (mut commands, mut expected) = (String::new(), Vec::new());
    for n in 0..60_000 {
        let bytes = match n % 8 {
            0 => (0..numbers.below(48)).map(|_| numbers.any() as u8).collect(),
            _ => any_ext(&mut numbers),
        };
        writeln!(commands, "check {}", hex(&bytes)).unwrap();
        expected.push(if well_formed(&bytes).is_some() { "0" } else { "258" }.to_owned());
    }
    // Each byte of a good one, with each of its bits turned.
    for name in ["a", "abcdefg", "svc:/network/vpn:tenant1", &"n".repeat(255)] {
        let good = encoded(&NamespaceExt::Name(Namespace::new(name).unwrap()));
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            writeln!(commands, "check {}", hex(&bytes)).unwrap();
            expected.push(if well_formed(&bytes).is_some() { "0" } else { "258" }.to_owned());
        }
    }
    let good = expected.iter().filter(|answer| *answer == "0").count();
    assert!((10_000..40_000).contains(&good), "{good} of {} are good", expected.len());
    compare(SEED, &commands, &expected);
}

#[test]
fn every_length_is_written_as_the_library_writes_it() {
    let (mut commands, mut expected) = (String::new(), Vec::new());
    for len in 1..=255 {
        let name: String = (0..len).map(|at| char::from(b'a' + (at % 26) as u8)).collect();
        let bytes = encoded(&NamespaceExt::Name(Namespace::new(&name).unwrap()));
        let name = hex(name.as_bytes());
        writeln!(commands, "intern 0 {name}\nput 0\ncheck {}\nrele 0", hex(&bytes)).unwrap();
        let put = format!("{name} {}", hex(&bytes));
        expected.extend(["0 0 1 1".to_owned(), put, "0".to_owned(), "64 0 0".to_owned()]);
    }
    commands.push_str("nameless 0\nput 0\n");
    expected.extend([String::new(), "- -".to_owned()]);
    compare(0, &commands, &expected);
}

#[test]
fn the_extension_is_found_in_any_message() {
    const SEED: u64 = 4;
    let mut numbers = Numbers::new(SEED);
    let (mut commands, mut expected) = (String::new(), Vec::new());
    for _ in 0..20_000 {
        let mut message = vec![0xff; 16];
        for _ in 0..numbers.below(6) {
            let words = numbers.below(5) as u16 + u16::from(!numbers.once_in(20));
            message.extend_from_slice(&words.to_ne_bytes());
            let kind = *numbers.pick(&[1, 2, 10, 28, 255, 256, 257, 0x0001_u16.swap_bytes()]);
            message.extend_from_slice(&kind.to_ne_bytes());
            let end = message.len() + (usize::from(words) * 8).saturating_sub(4);
            message.resize(end, numbers.any() as u8);
        }
        if numbers.once_in(4) {
            message.truncate(numbers.below(message.len() + 1));
        }
        let mut at = 16;
        let found = loop {
            let Some(&[a, b, c, d]) = message.get(at..at + 8).and_then(|ext| ext.first_chunk())
            else {
                break None;
            };
            let len = usize::from(u16::from_ne_bytes([a, b])) * 8;
            if len == 0 || at + len > message.len() {
                break None;
            }
            if u16::from_ne_bytes([c, d]) == 256 {
                break Some(at);
            }
            at += len;
        };
        writeln!(commands, "find {}", hex(&message)).unwrap();
        expected.push(found.map_or("-1".to_owned(), |at| at.to_string()));
    }
    compare(SEED, &commands, &expected);
}

const SLOTS: usize = 64;

/// What the driver has in its slots, and the allocation that is to fail.
#[derive(Default)]
struct Model {
    slots: Vec<Option<Option<Vec<u8>>>>,
    fail: usize,
}

impl Model {
    /// Where a name is first, the number of names and of allocations.
    fn state(&self, name: Option<&[u8]>, more: Option<&[u8]>) -> String {
        let at = self
            .slots
            .iter()
            .position(|slot| slot.as_ref().is_some_and(|owner| owner.as_deref() == name));
        let mut names: Vec<&[u8]> = self.slots.iter().flatten().flatten().map(|n| &**n).collect();
        names.extend(more);
        names.sort_unstable();
        names.dedup();
        format!("{} {} {}", at.unwrap_or(SLOTS), names.len(), names.len())
    }

    /// An allocation; does it succeed?
    fn allocate(&mut self) -> bool {
        let failed = self.fail == 1;
        self.fail = self.fail.saturating_sub(1);
        !failed
    }

    fn step(&mut self, numbers: &mut Numbers) -> (String, String) {
        const ENOMEM: u32 = 12;
        let at = numbers.below(SLOTS);
        let full = self.slots[at].is_some();
        match (numbers.below(12), full) {
            (0, _) => {
                self.fail = numbers.below(6);
                (format!("fail {}", self.fail), String::new())
            }
            (1, false) => {
                self.slots[at] = Some(None);
                (format!("nameless {at}"), String::new())
            }
            (1..=6, false) => {
                // A few names often, many once.
                let name = match numbers.below(3) {
                    0 => format!("svc:/network/vpn:{}", numbers.below(1000)),
                    _ => format!("svc:/n:{}", numbers.below(6)),
                };
                let name = name.into_bytes();
                let command = format!("intern {at} {}", hex(&name));
                if !self.allocate() {
                    return (command, format!("{ENOMEM} {}", self.state(None, None)));
                }
                self.slots[at] = Some(Some(name.clone()));
                (command, format!("0 {}", self.state(Some(&name), None)))
            }
            (7.., false) => {
                let Some(from) = self.slots.iter().position(Option::is_some) else {
                    return (format!("fail {}", self.fail), String::new());
                };
                self.slots[at] = self.slots[from].clone();
                let name = self.slots[at].clone().flatten();
                (format!("hold {from} {at}"), self.state(name.as_deref(), None))
            }
            (1..=6, true) => {
                self.slots[at] = None;
                (format!("rele {at}"), self.state(None, None))
            }
            (7..=8, true) => {
                let name = self.slots[at].clone().flatten().unwrap_or_default();
                let ext = match Namespace::new(&name) {
                    Ok(name) => encoded(&NamespaceExt::Name(name)),
                    Err(_) => Vec::new(),
                };
                (format!("put {at}"), format!("{} {}", hex(&name), hex(&ext)))
            }
            (_, true) => self.request(at, numbers),
        }
    }

    /// A request: what it says, and what a dump for it shows and names.
    fn request(&mut self, at: usize, numbers: &mut Numbers) -> (String, String) {
        let ext = match numbers.below(4) {
            0 => None,
            1 => Some(NamespaceExt::Any),
            2 => Some(NamespaceExt::Name(Namespace::new("stranger").unwrap())),
            _ => {
                let name = self.slots[at].clone().flatten();
                name.map(|name| NamespaceExt::Name(Namespace::new(name).unwrap()))
            }
        };
        let bytes = ext.as_ref().map(encoded).unwrap_or_default();
        let command = format!("req {}", hex(&bytes));
        let (errno, ext) = match ext {
            Some(NamespaceExt::Name(_)) if !self.allocate() => (12, None),
            ext => (0, ext),
        };
        let name = match &ext {
            Some(NamespaceExt::Name(name)) => Some(name.as_str().as_bytes()),
            _ => None,
        };
        let (named, any) = (ext.is_some(), ext == Some(NamespaceExt::Any));
        let mut seen = String::new();
        for slot in &self.slots {
            let Some(owner) = slot else {
                seen.push('.');
                continue;
            };
            let shown = !named || any || owner.as_deref() == name;
            let says = !bytes.is_empty() && owner.is_some();
            seen.push(char::from(b'0' + u8::from(shown) + 2 * u8::from(says)));
        }
        let (named, any) = (u8::from(named), u8::from(any));
        (command, format!("{errno} {named} {any} {} {seen}", self.state(name, name)))
    }
}

#[test]
fn names_are_there_as_long_as_somebody_holds_them() {
    for seed in 0..6 {
        let mut numbers = Numbers::new(seed);
        let mut model = Model { slots: vec![None; SLOTS], fail: 0 };
        let (mut commands, mut expected) = (String::new(), Vec::new());
        for _ in 0..5000 {
            let (command, answer) = model.step(&mut numbers);
            writeln!(commands, "{command}").unwrap();
            expected.push(answer);
        }
        // At its end the driver releases all, and insists that nothing is left.
        compare(seed, &commands, &expected);
    }
}

#[test]
fn threads_share_names() {
    for (sanitizer, rounds) in [(Sanitizer::Threads, "40000"), (Sanitizer::Memory, "100000")] {
        let dir = env!("CARGO_TARGET_TMPDIR");
        let drivers = ["threads.c", "ns_threads.c"];
        let driver = Program::compile(dir, &drivers, &["inet/ip/ipsec_ns.c"], sanitizer)
            .unwrap_or_else(|error| panic!("{error}"));
        for seed in ["1", "2", "3"] {
            driver.run(&[seed, rounds]).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}
