// SPDX-License-Identifier: MIT OR Apache-2.0

//! What SMF does at boot of this much of a system.
//!
//! Source: `spec/smf.md` section 1. The service `network/iptun` depends on policy only
//! optionally, so tunnels come up also when policy could not be loaded.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use super::command_line::print;
use super::error::SmfError;
use super::lab_dir;
use super::manifest::Service;
use super::restarter::Restarter;
use super::status::State;
use crate::lab::error::complain;
use crate::lab::process::Lab;
use crate::lab::{LAB_VARIABLE, LabError};

/// Services in the order in which they start.
const ORDER: &[&str] = &["network/ipsec/policy", "network/ipsec/manual-key"];

/// `ipsec-lab boot`: one line for each thing that is done, and for each that is not.
pub(in crate::lab) fn run(dir: Option<PathBuf>) -> Result<ExitCode, LabError> {
    let lab = lab_dir(dir)?;
    let steps = steps(lab).map_err(|error| LabError::Refused(error.to_string()))?;
    let mut code = ExitCode::SUCCESS;
    for step in steps {
        match step {
            Ok(done) => print(&format!("{done}\n")),
            Err(failure) => {
                complain(format_args!("{failure}"));
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

/// What a boot runs.
const COMMANDS: &[&str] = &["ipsecconf", "ipseckey", "dladm"];

/// Boots a lab that has just been started. What goes wrong is said in one line and
/// prevents nothing. A lab whose commands have not been built is not booted.
pub(in crate::lab) fn at_start(lab: &Lab) {
    if COMMANDS.iter().any(|name| !lab.commands().contains(name)) {
        return;
    }
    let outcome = lab.command("ipsec-lab").arg("boot").stdin(Stdio::null()).output();
    let said = match outcome {
        Ok(output) if output.status.success() => return,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    let lines: Vec<_> = said.lines().map(|line| line.trim_start_matches("ipsec-lab: ")).collect();
    complain(format_args!("at boot: {}", lines.join("; ")));
}

type Step = Result<String, String>;

fn steps(lab: PathBuf) -> Result<Vec<Step>, SmfError> {
    let mut restarter = Restarter::acquire(&lab)?;
    let mut steps = Vec::new();
    for name in ORDER {
        let service = restarter.repository.services.iter().find(|service| service.name == *name);
        match service.cloned() {
            Some(service) => steps.push(start(&mut restarter, &service)?),
            None => steps.push(Err(format!("svc:/{name}:default: there is no manifest"))),
        }
    }
    let dladm = |arguments: &[&str]| {
        let shown = format!("dladm {}", arguments.join(" "));
        let mut command = Command::new(lab.join("bin/dladm"));
        command.args(arguments).env(LAB_VARIABLE, &lab).env_remove("SMF_FMRI");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output =
            restarter.signals.spawn(&mut command).and_then(|child| child.wait_with_output());
        match output {
            Err(error) => Err(format!("{shown}: {error}")),
            Ok(output) if output.status.success() => {
                let lines = String::from_utf8_lossy(&output.stdout);
                let words: Vec<_> = lines.lines().collect();
                Ok(format!(
                    "{shown}: {}",
                    if words.is_empty() { "done".to_owned() } else { words.join(" ") }
                ))
            }
            Ok(output) => {
                let lines = String::from_utf8_lossy(&output.stderr);
                Err(format!("{shown}: {}", lines.lines().collect::<Vec<_>>().join("; ")))
            }
        }
    };
    steps.push(dladm(&["up-iptun"]));
    steps.push(dladm(&["show-iptun", "-p", "-o", "link"]));
    Ok(steps)
}

fn start(restarter: &mut Restarter, service: &Service) -> Result<Step, SmfError> {
    restarter.start(service)?;
    let status = restarter.repository.status(service);
    let line = format!("{}: {}", service.fmri, status.state);
    Ok(match status.state {
        State::Maintenance => {
            let reason = status.reason.unwrap_or_default();
            Err(format!("{line}: {reason}; see svcs -x"))
        }
        _ => Ok(line),
    })
}
