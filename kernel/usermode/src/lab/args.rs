// SPDX-License-Identifier: MIT OR Apache-2.0

//! The command line of `ipsec-lab`.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::error::complain;
use super::kernel_args::{ADDRESS, KernelArgs};
use super::{demo, ipadm, serve, shell, smf, traffic};

const USAGE: &str = "\
usage: ipsec-lab serve DIR [--unmodified] [--trace FILE [--trace-keys]]
                       [--address ADDR]...
       ipsec-lab shell [-c COMMAND] [--dir DIR] [--unmodified]
                       [--trace FILE [--trace-keys]] [--address ADDR]...
       ipsec-lab boot [--dir DIR]
       ipsec-lab verdict {--out|--in} [--tunnel NAME|--outer LOCAL,REMOTE] --src ADDR
                         --dst ADDR [--proto PROTO] [--sport PORT --dport PORT]
                         [--icmp TYPE[/CODE]] [--fragment first|later]
                         [--protected ah:ALG|esp:CIPHER[+ALG]|esp-spi:SPI|ah-spi:SPI]...
                         [--encap-limit N] [--icmp-error own|foreign] [--json] [--dir DIR]
       ipsec-lab inject {--out|--in} [--tunnel NAME|--outer LOCAL,REMOTE]
                        [--protected ah:ALG|esp:CIPHER[+ALG]|esp-spi:SPI|ah-spi:SPI]...
                        [--json] [-w FILE] [--dir DIR] FILE
       ipsec-lab demo [--unmodified]

A user-mode kernel with the IPsec interfaces of illumos, and what is needed to try it.

  serve   answer on the sockets in DIR; root/ in it stands for / of the system
  shell   start a private kernel and a shell, or COMMAND, that uses it
  boot    start services and stored tunnels, as SMF does at boot
  verdict tell what would become of a packet, and by which rule
  inject  let the packets of a capture file go their way
  demo    show and check a session with the real commands

  -c COMMAND      run COMMAND with /bin/sh and pass its exit status on
  --dir DIR       use DIR and keep it, instead of a temporary directory; with boot,
                  verdict and inject the lab, instead of the one IPSEC_LAB names
  --unmodified    be the kernel without the extensions of IPD 46
  --address ADDR  an address of the host (10.1.1.1 if none is given)
  --trace FILE    append each message to FILE, a JSON object a line
  --trace-keys    show the keys in it; without, they are zeroes there
";

/// The program `ipsec-lab`.
#[must_use]
pub fn main() -> ExitCode {
    let name = env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let name = name.file_name().and_then(OsStr::to_str).unwrap_or_default();
    if name == ipadm::NAME {
        return ipadm::main(env::args_os());
    }
    if let Some(main) = smf::stand_in(name) {
        return main(env::args_os().collect());
    }
    let matches = match command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) if error.use_stderr() => {
            complain(format_args!("{}\n\n{USAGE}", first_paragraph(&error)));
            return ExitCode::from(2);
        }
        Err(_) => {
            let _ = io::stdout().write_all(USAGE.as_bytes());
            return ExitCode::SUCCESS;
        }
    };
    let outcome = match matches.subcommand() {
        Some(("serve", args)) => serve::run(&serve::Args {
            dir: path(args, "DIR").expect("a required operand"),
            kernel: kernel(args),
            until_eof: args.get_flag("until-eof"),
            remove: args.get_flag("remove"),
        }),
        Some(("shell", args)) => shell::run(&shell::Args {
            command: args.get_one::<OsString>("command").cloned(),
            dir: path(args, "dir"),
            kernel: kernel(args),
        }),
        Some(("boot", args)) => smf::boot(path(args, "dir")),
        Some(("verdict", args)) => traffic::verdict(args),
        Some(("inject", args)) => traffic::inject(args),
        Some(("demo", args)) => demo::run(args.get_flag("unmodified")),
        _ => unreachable!("clap accepts no other subcommand"),
    };
    outcome.unwrap_or_else(|error| {
        complain(format_args!("{error}"));
        ExitCode::FAILURE
    })
}

fn command() -> Command {
    let file = || value_parser!(PathBuf);
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let kernel = [
        flag("unmodified"),
        Arg::new("trace").long("trace").value_parser(file()),
        flag("trace-keys").requires("trace"),
        Arg::new("address")
            .long("address")
            .action(ArgAction::Append)
            .value_parser(value_parser!(IpAddr)),
    ];
    Command::new("ipsec-lab")
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .arg(Arg::new("help").short('h').long("help").action(ArgAction::Help).global(true))
        .subcommand(
            Command::new("serve")
                .arg(Arg::new("DIR").required(true).value_parser(file()))
                .args(&kernel)
                // For `shell` and `demo`: end when standard input does, and clear up, so
                // that nothing is left when they are killed.
                .arg(flag("until-eof"))
                .arg(flag("remove")),
        )
        .subcommand(
            Command::new("shell")
                .arg(
                    Arg::new("command")
                        .short('c')
                        .allow_hyphen_values(true)
                        .value_parser(value_parser!(OsString)),
                )
                .arg(Arg::new("dir").long("dir").value_parser(file()))
                .args(&kernel),
        )
        .subcommand(Command::new("boot").arg(Arg::new("dir").long("dir").value_parser(file())))
        .subcommand(traffic::verdict_command())
        .subcommand(traffic::inject_command())
        .subcommand(Command::new("demo").arg(flag("unmodified")))
}

fn path(args: &ArgMatches, name: &str) -> Option<PathBuf> {
    args.get_one::<PathBuf>(name).cloned()
}

fn kernel(args: &ArgMatches) -> KernelArgs {
    let given: Vec<IpAddr> = args.get_many("address").into_iter().flatten().copied().collect();
    KernelArgs {
        unmodified: args.get_flag("unmodified"),
        trace: path(args, "trace"),
        trace_keys: args.get_flag("trace-keys"),
        addresses: if given.is_empty() { vec![ADDRESS] } else { given },
    }
}

/// What is wrong, without the usage that clap adds, as one line.
fn first_paragraph(error: &clap::Error) -> String {
    let text = error.to_string();
    let paragraph: Vec<_> =
        text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    paragraph.join(" ").trim_start_matches("error: ").to_owned()
}
