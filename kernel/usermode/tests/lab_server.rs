// SPDX-License-Identifier: MIT OR Apache-2.0

//! The server of a lab against clients of every kind, and `ipsec-lab` as a process.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use illumos_ipsec::model::Side;
use ipsec_usermode::lab::{Action, Interposer, LabError, Options, Running, Server};
use ipsec_usermode::{Config, IpsecState, KernelKind};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, setsockopt, socket,
    sockopt,
};
use nix::sys::time::TimeVal;
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

const FLUSH: u8 = 1;
const ADDRULE: u8 = 2;
const DUMP: u8 = 6;

/// Nothing here takes this long, whatever else the machine does.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client that speaks in raw packets.
struct Client {
    fd: OwnedFd,
    buffer: Vec<u8>,
}

impl Client {
    fn connect(dir: &Path) -> Self {
        let flags = SockFlag::SOCK_CLOEXEC;
        let fd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
        let patience = TimeVal::new(60, 0);
        setsockopt(&fd, sockopt::ReceiveTimeout, &patience).unwrap();
        setsockopt(&fd, sockopt::SndBuf, &(512 * 1024)).unwrap();
        connect(fd.as_raw_fd(), &UnixAddr::new(&dir.join("pf_policy")).unwrap()).unwrap();
        Self { fd, buffer: vec![0; 512 * 1024] }
    }

    fn send(&self, packet: &[u8]) {
        let sent = send(self.fd.as_raw_fd(), packet, MsgFlags::MSG_NOSIGNAL).unwrap();
        assert_eq!(sent, packet.len());
    }

    /// The next reply; empty at the end of the connection.
    fn receive(&mut self) -> &[u8] {
        let len = recv(self.fd.as_raw_fd(), &mut self.buffer, MsgFlags::empty()).unwrap();
        &self.buffer[..len]
    }

    fn ask(&mut self, packet: &[u8]) -> Vec<u8> {
        self.send(packet);
        self.receive().to_vec()
    }

    fn add_rules(&mut self, spdid: u8, numbers: std::ops::Range<u32>) {
        for number in numbers {
            assert_eq!(errno(&self.ask(&add_rule(spdid, number))), 0, "rule {number}");
        }
    }

    /// The server answers as if nothing had happened.
    fn is_served(&mut self) {
        assert_eq!(self.ask(&message(FLUSH, 1, 7, &[])), message(FLUSH, 1, 7, &[]));
    }
}

/// A message of the given type.
fn message(kind: u8, spdid: u8, seq: u32, body: &[u8]) -> Vec<u8> {
    let words = u16::try_from((16 + body.len()) / 8).unwrap();
    let mut out = vec![1, kind, 0, spdid];
    out.extend(words.to_ne_bytes());
    out.extend([0; 2]);
    out.extend(seq.to_ne_bytes());
    out.extend([0; 4]);
    out.extend(body);
    out
}

/// ADDRULE of `{ raddr 10.x.x.x dir out } ipsec { encr_algs aes }`, one kernel rule.
fn add_rule(spdid: u8, number: u32) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend([3, 0, 7, 0]);
    body.extend((0x4f_0000 + number).to_ne_bytes());
    body.extend(2_u32.to_ne_bytes());
    body.extend([0; 12]);
    body.extend([2, 0, 5, 0, 2, 32, 0, 0]);
    body.extend((0x0a00_0000 + number).to_be_bytes());
    body.extend([0; 4]);
    let attributes = [(2, 0), (0x100, 3), (0x101, 2), (0x103, 12), (0x105, 128), (1, 0)];
    body.extend([7, 0, 6, 0, 1, 0, 0, 0]);
    for (tag, value) in attributes {
        body.extend(u32::to_ne_bytes(tag));
        body.extend(u32::to_ne_bytes(value));
    }
    message(ADDRULE, spdid, number, &body)
}

fn errno(reply: &[u8]) -> u8 {
    assert!(reply.len() >= 16, "a reply of {} bytes", reply.len());
    reply[2]
}

/// A server in this process.
struct World {
    dir: TempDir,
    server: Option<Running>,
}

impl World {
    fn new() -> Self {
        Self::with(Config::default(), Options::default())
    }

    fn with(config: Config, options: Options) -> Self {
        let dir = TempDir::new().unwrap();
        let server = Server::bind(dir.path(), config, options).unwrap();
        Self { dir, server: Some(server.spawn().unwrap()) }
    }

    fn client(&self) -> Client {
        Client::connect(self.dir.path())
    }

    /// Ends the server, to look at it.
    fn stop(&mut self) -> Server {
        self.server.take().unwrap().stop().unwrap()
    }
}

/// Waits for a state that something else brings about.
#[expect(clippy::disallowed_methods, reason = "looks again and again, until a deadline")]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn garbage_is_answered_and_harms_nobody() {
    let world = World::new();
    let mut client = world.client();
    let mut state = 1_u64;
    for len in 1..=600 {
        let packet: Vec<u8> = (0..len)
            .map(|_| {
                // Numbers that look like chance and are the same in each run.
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        client.send(&packet);
    }
    // A well-formed request finds its place after the replies to garbage, if any.
    client.send(&message(FLUSH, 1, 0xfeed, &[]));
    while client.receive() != message(FLUSH, 1, 0xfeed, &[]) {}
    client.is_served();
    world.client().is_served();
}

#[test]
fn half_messages_are_refused_and_the_next_is_served() {
    let world = World::new();
    let mut client = world.client();
    let whole = add_rule(1, 1);
    for len in 1..whole.len() {
        let reply = client.ask(&whole[..len]);
        assert_ne!(errno(&reply), 0, "{len} bytes of {}", whole.len());
    }
    client.add_rules(1, 1..2);
}

#[test]
fn nothing_sent_is_no_harm() {
    let mut world = World::new();
    drop(world.client());
    world.client().is_served();
    // The empty packet reads like the end of the connection, and is.
    let mut client = world.client();
    client.send(&[]);
    assert_eq!(client.receive(), b"");
    assert_eq!(world.stop().connections(), 0);
}

/// Notes how long packets are, and answers them.
struct Lengths(Arc<Mutex<Vec<usize>>>);

impl Interposer for Lengths {
    fn request(&mut self, _: u64, bytes: &[u8]) -> Action {
        self.0.lock().unwrap().push(bytes.len());
        Action::Reply(vec![0; 16])
    }
}

#[test]
fn large_packets_arrive_whole() {
    let lengths = Arc::new(Mutex::new(Vec::new()));
    let interposer: Option<Box<dyn Interposer>> = Some(Box::new(Lengths(lengths.clone())));
    let world = World::with(Config::default(), Options { interposer, ..Options::default() });
    let mut client = world.client();
    for len in [1, 65_536, 65_537, 256 * 1024] {
        client.ask(&vec![0; len]);
    }
    assert_eq!(*lengths.lock().unwrap(), [1, 65_536, 65_537, 256 * 1024]);
}

#[test]
fn large_packets_reach_the_kernel_in_pieces() {
    let world = World::new();
    let mut client = world.client();
    client.send(&vec![1; 256 * 1024]);
    for _ in 0..4 {
        assert_eq!(errno(client.receive()), 97, "EMSGSIZE for each 64 KiB");
    }
    client.is_served();
}

#[test]
fn a_reader_that_stops_in_a_dump_costs_little_and_holds_up_nobody() {
    const RULES: u32 = 20_000;
    let trace = TempDir::new().unwrap();
    let trace = trace.path().join("trace");
    let options = Options { trace: Some(trace.clone()), ..Options::default() };
    let world = World::with(Config::default(), options);
    let mut loader = world.client();
    loader.add_rules(0, 0..RULES);

    let mut lazy = world.client();
    lazy.send(&message(DUMP, 0, 1, &[]));
    assert_eq!(errno(lazy.receive()), 0, "the header record");
    // Pipelined requests wait for the dump.
    lazy.send(&message(FLUSH, 1, 2, &[]));

    // Loading goes on, into the table that is not dumped.
    loader.add_rules(1, 0..1_000);
    let sent = lines(&trace)
        .iter()
        .filter(|line| line["connection"] == 2 && line["direction"] == "reply")
        .count();
    assert!(sent < RULES as usize / 2, "{sent} records made for one that reads none");

    let mut records = 0;
    loop {
        let record = lazy.receive();
        assert_eq!(errno(record), 0);
        if record.len() == 32 {
            break;
        }
        records += 1;
    }
    assert_eq!(records, RULES);
    assert_eq!(lazy.receive(), message(FLUSH, 1, 2, &[]));
}

#[test]
fn three_hundred_connections() {
    let mut world = World::new();
    let mut clients: Vec<_> = (0..300).map(|_| world.client()).collect();
    for (number, client) in (0..).zip(&clients) {
        client.send(&add_rule(0, number));
    }
    for client in &mut clients {
        assert_eq!(errno(client.receive()), 0);
    }
    let server = world.stop();
    assert_eq!(server.connections(), 300);
    assert_eq!(server.kernel().rules(None, Side::Active).count(), 300);
}

#[test]
fn what_a_killed_client_has_written_is_carried_out() {
    let mut world = World::new();
    let client = world.client();
    for number in 0..64 {
        client.send(&add_rule(0, number));
    }
    drop(client);
    // Served in turns: after ours the other has had enough of them.
    let mut other = world.client();
    other.is_served();
    other.is_served();
    let server = world.stop();
    assert_eq!(server.kernel().rules(None, Side::Active).count(), 64);
}

#[test]
fn a_client_killed_in_a_dump_is_forgotten() {
    let mut world = World::new();
    let mut client = world.client();
    client.add_rules(0, 0..5_000);
    client.send(&message(DUMP, 0, 1, &[]));
    client.receive();
    drop(client);
    let mut other = world.client();
    let mut server = world.stop();
    eventually("the connection is gone", || {
        server.step(Duration::ZERO).unwrap();
        server.connections() == 1
    });
    world.server = Some(server.spawn().unwrap());
    other.is_served();
}

#[test]
fn requests_wait_for_ipsec_to_be_loaded() {
    let config = Config::new(KernelKind::Modified, IpsecState::Unloaded);
    let world = World::with(config, Options::default());
    let (mut one, mut two) = (world.client(), world.client());
    one.send(&message(FLUSH, 0, 1, &[]));
    two.is_served();
    assert_eq!(one.receive(), message(FLUSH, 0, 1, &[]));
}

/// Refuses ADDRULE with ENOMEM and hangs up on FLUSH.
struct Faults;

impl Interposer for Faults {
    fn request(&mut self, connection: u64, bytes: &[u8]) -> Action {
        assert_eq!(connection, 1);
        match bytes[1] {
            ADDRULE => {
                let mut reply = message(ADDRULE, bytes[3], 0, &[]);
                reply[2] = 12;
                Action::Reply(reply)
            }
            FLUSH => Action::Close,
            _ => Action::Pass,
        }
    }
}

#[test]
fn faults_can_be_injected() {
    let interposer: Option<Box<dyn Interposer>> = Some(Box::new(Faults));
    let mut world = World::with(Config::default(), Options { interposer, ..Options::default() });
    let mut client = world.client();
    assert_eq!(errno(&client.ask(&add_rule(0, 1))), 12);
    client.send(&message(DUMP, 0, 1, &[]));
    assert_eq!(client.receive().len(), 32, "header record of an empty table");
    assert_eq!(client.receive().len(), 32, "trailer");
    assert_eq!(client.ask(&message(FLUSH, 0, 1, &[])), b"");
    let server = world.stop();
    assert_eq!(server.connections(), 0);
    assert_eq!(server.kernel().rules(None, Side::Active).count(), 0);
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_trace_shows_everything_in_order() {
    let dir = TempDir::new().unwrap();
    let trace = dir.path().join("trace");
    fs::write(&trace, "{\"kept\":true}\n").unwrap();
    let options = Options { trace: Some(trace.clone()), ..Options::default() };
    let mut world = World::with(Config::default(), options);
    let mut client = world.client();
    client.is_served();
    assert_eq!(client.ask(b"garbage")[2], 97);
    drop(client);
    let mut server = world.stop();
    eventually("the connection is gone", || {
        server.step(Duration::ZERO).unwrap();
        server.connections() == 0
    });

    let lines = lines(&trace);
    let flush = "01010001020000000700000000000000";
    assert_eq!(lines[0], json!({"kept": true}));
    assert_eq!(lines[1], json!({"interface": "pf_policy", "connection": 1, "event": "open"}));
    let text = lines[2]["text"].as_str().unwrap();
    assert!(text.starts_with("FLUSH standby seq=7"), "{text}");
    for (line, direction) in [(&lines[2], "request"), (&lines[3], "reply")] {
        let expected = json!({
            "interface": "pf_policy", "connection": 1, "direction": direction,
            "hex": flush, "text": text,
        });
        assert_eq!(*line, expected);
    }
    assert_eq!(lines[4]["hex"], "67617262616765");
    assert!(lines[4]["text"].as_str().unwrap().starts_with("malformed"));
    assert_eq!(lines[5]["direction"], "reply");
    assert_eq!(lines[6], json!({"interface": "pf_policy", "connection": 1, "event": "close"}));
    assert_eq!(lines.len(), 7);
}

#[test]
fn a_lab_directory_is_private_and_complete() {
    let parent = TempDir::new().unwrap();
    let dir = parent.path().join("new/lab");
    let server = Server::bind(&dir, Config::default(), Options::default()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&dir.join("pf_policy")), 0o600);
    assert_eq!(mode(&server.root().join("etc/inet/secret")), 0o700);
    assert!(server.root().join("var/run").is_dir());
    let algs = server.root().join("etc/inet/ipsecalgs");
    assert!(fs::read_to_string(&algs).unwrap().contains("aes-gcm"));

    // What is there stays.
    fs::write(&algs, "mine").unwrap();
    drop(server);
    drop(Server::bind(&dir, Config::default(), Options::default()).unwrap());
    assert_eq!(fs::read_to_string(&algs).unwrap(), "mine");
    assert!(!dir.join("pf_policy").exists());
}

/// A line of a file of links.
const STORED: &str = "t0\tclass=int,128;media=int,2147483649;type=int,1;\n";

/// Creates the link `u0`, now and in what is stored.
fn create_link(server: &mut Server) {
    use illumos_ipsec::model::LinkClass;
    use illumos_ipsec::wire::dlmgmt::{LinkFlags, Request};
    use illumos_ipsec::wire::lab::{Answer, Call};
    let kernel = server.kernel_mut();
    let conn = kernel.open_dld();
    let (class, media) = (LinkClass::IPTUN, 0x8000_0001);
    let (name, flags) = (b"u0".to_vec(), LinkFlags::ACTIVE | LinkFlags::PERSIST);
    let mut ask = |request: Request| {
        kernel.request(conn, &Call::Door(request.encode()).encode());
        Answer::decode(&kernel.next_reply(conn).unwrap()).unwrap().bytes
    };
    let create = Request::CreateLinkId { name: name.clone(), class, media, prefix: false, flags };
    assert_eq!(ask(create)[..4], [0; 4]);
    let link = illumos_ipsec::model::LinkId(2);
    let conf = ask(Request::CreateConf { name, link, class, media });
    assert_eq!(conf[..4], [0; 4]);
    let conf =
        illumos_ipsec::wire::dlmgmt::ConfId(u32::from_le_bytes(conf[4..8].try_into().unwrap()));
    assert_eq!(ask(Request::WriteConf { conf })[..4], [0; 4]);
}

#[test]
fn links_are_kept_in_files_and_what_is_active_does_not_outlive_a_boot() {
    let dir = TempDir::new().unwrap();
    let boot = || Server::bind(dir.path(), Config::default(), Options::default()).unwrap();
    let mut server = boot();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    for name in ["dld", "control"] {
        assert_eq!(mode(&dir.path().join(name)), 0o600);
    }
    let stored = server.root().join("etc/dladm/datalink.conf");
    let active = "etc/svc/volatile/dladm/network-datalink-management:default.cache";
    let active = server.root().join(active);
    assert!(!stored.exists() && !active.exists());
    drop(server);

    fs::write(&stored, STORED).unwrap();
    server = boot();
    create_link(&mut server);
    let text = fs::read_to_string(&stored).unwrap();
    assert_eq!(text, format!("{STORED}u0\tclass=int,128;media=int,2147483649;\n"));
    assert!(fs::read_to_string(&active).unwrap().starts_with("u0\tlinkid=int,2;"));
    for file in [&stored, &active] {
        assert_eq!(mode(file), 0o644);
        assert!(!PathBuf::from(format!("{}.new", file.display())).exists());
    }
    drop(server);

    server = boot();
    assert!(!active.exists());
    assert_eq!(fs::read_to_string(&stored).unwrap(), text);
    let links: Vec<String> = (server.kernel().links().iter())
        .map(|(link, known)| {
            format!("{link} {} {:?}", String::from_utf8_lossy(&known.name), known.flags)
        })
        .collect();
    assert_eq!(links, ["1 t0 LinkFlags(PERSIST)", "2 u0 LinkFlags(PERSIST)"]);
}

#[test]
fn what_is_wrong_with_the_file_of_links_is_said_at_the_start() {
    let dir = TempDir::new().unwrap();
    drop(Server::bind(dir.path(), Config::default(), Options::default()).unwrap());
    fs::write(dir.path().join("root/etc/dladm/datalink.conf"), "rubbish\n").unwrap();
    let mut server = ipsec_lab();
    server.arg("serve").arg("--until-eof").arg(dir.path()).stdin(Stdio::null());
    let output = server.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("/etc/dladm/datalink.conf:1: expected NAME"), "{stderr}");
}

#[test]
fn a_second_server_is_refused() {
    let world = World::new();
    let second = Server::bind(world.dir.path(), Config::default(), Options::default());
    let error = second.err().expect("a second server");
    assert!(matches!(error, LabError::InUse { holder: Some(_), .. }), "{error}");
    world.client().is_served();

    let mut second = ipsec_lab();
    let output = second.arg("serve").arg(world.dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let expected = format!("is served already by process {}", std::process::id());
    assert!(stderr.contains(&expected), "{stderr}");
    world.client().is_served();
}

#[test]
fn only_a_socket_is_replaced() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("pf_policy"), "precious").unwrap();
    let server = Server::bind(dir.path(), Config::default(), Options::default());
    assert!(server.is_err());
    assert_eq!(fs::read_to_string(dir.path().join("pf_policy")).unwrap(), "precious");
}

#[test]
fn a_name_too_long_for_a_socket_is_an_error() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path().join("x".repeat(100));
    let server = Server::bind(&dir, Config::default(), Options::default());
    assert!(matches!(server.err(), Some(LabError::NameTooLong { .. })));
}

/// `ipsec-lab` as a process.
fn ipsec_lab() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipsec-lab"));
    command.stdin(Stdio::null());
    command
}

/// A process that is killed with its test.
struct Process(Child);

impl Process {
    /// Starts a server and waits for its line.
    fn serve(command: &mut Command, dir: &Path) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let process = Self(child);
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        assert_eq!(line, format!("ipsec-lab: serving {}\n", dir.display()));
        process
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.0.id()).unwrap()), signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn signals_end_a_server_cleanly() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let dir = TempDir::new().unwrap();
        let mut server = Process::serve(ipsec_lab().arg("serve").arg(dir.path()), dir.path());
        let mut client = Client::connect(dir.path());
        client.is_served();
        server.signal(signal);
        assert_eq!(server.0.wait().unwrap().code(), Some(0));
        assert!(!dir.path().join("pf_policy").exists());
        assert!(dir.path().join("root").exists());
        assert_eq!(client.receive(), b"", "end of the connection");
    }
}

#[test]
fn a_crashed_server_can_be_replaced() {
    let dir = TempDir::new().unwrap();
    let mut server = Process::serve(ipsec_lab().arg("serve").arg(dir.path()), dir.path());
    server.signal(Signal::SIGKILL);
    assert_eq!(server.0.wait().unwrap().signal(), Some(9));
    assert!(dir.path().join("pf_policy").exists());
    let _server = Process::serve(ipsec_lab().arg("serve").arg(dir.path()), dir.path());
    Client::connect(dir.path()).is_served();
}

#[test]
fn a_server_without_descriptors_recovers() {
    let dir = TempDir::new().unwrap();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "ulimit -n 20; exec \"$0\" serve \"$1\""]);
    command.arg(env!("CARGO_BIN_EXE_ipsec-lab")).arg(dir.path());
    command.stderr(Stdio::piped());
    let mut server = Process::serve(&mut command, dir.path());
    let mut clients: Vec<_> = (0..40).map(|_| Client::connect(dir.path())).collect();
    clients[0].is_served();
    // It says so when it has run out.
    let mut line = String::new();
    BufReader::new(server.0.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("no connection accepted"), "{line}");
    // Who is connected is served; who waits is served when there is room.
    clients[0].is_served();
    for mut client in clients {
        client.is_served();
    }
}

#[test]
fn a_server_ends_with_its_parent() {
    let parent = TempDir::new().unwrap();
    let dir = parent.path().join("lab");
    let mut command = ipsec_lab();
    command.arg("serve").arg(&dir).args(["--until-eof", "--remove"]).stdin(Stdio::piped());
    let mut server = Process::serve(&mut command, &dir);
    Client::connect(&dir).is_served();
    drop(server.0.stdin.take());
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
    assert!(!dir.exists());
}

#[test]
fn a_shell_passes_everything_on() {
    let run = |text: &str| ipsec_lab().args(["shell", "-c", text]).output().unwrap();
    assert_eq!(run("exit 0").status.code(), Some(0));
    assert_eq!(run("exit 7").status.code(), Some(7));
    assert_eq!(run("kill -KILL $$").status.code(), Some(128 + 9));
    assert_eq!(run("kill -TERM $$").status.code(), Some(128 + 15));

    let output = run("echo out; echo err >&2; pwd; echo $IPSEC_LAB; echo $PATH; cat");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let here = std::env::current_dir().unwrap();
    let [out, pwd, lab, path] = stdout.lines().collect::<Vec<_>>()[..] else {
        panic!("{stdout}");
    };
    assert_eq!((out, Path::new(pwd)), ("out", &*here));
    assert_eq!(output.stderr, b"err\n");
    assert!(path.starts_with(&format!("{lab}/bin:")), "{path}");
    assert!(!Path::new(lab).exists(), "{lab} is left");
}

#[test]
fn a_shell_keeps_the_directory_that_it_is_given() {
    let dir = TempDir::new().unwrap();
    let output = ipsec_lab()
        .args(["shell", "-c", "ipsec-lab serve $IPSEC_LAB", "--dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "it is served already");
    assert!(String::from_utf8_lossy(&output.stderr).contains("served already"));
    assert!(dir.path().join("root/etc/inet/ipsecalgs").exists());
    assert!(!dir.path().join("pf_policy").exists());
}

/// Starts a shell that waits until it is ended or its input is closed; also gives that
/// input and the lab directory.
fn waiting_shell(text: &str) -> (Process, ChildStdin, PathBuf) {
    let mut command = ipsec_lab();
    command.args(["shell", "-c", text]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = Process(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(process.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let stdin = process.0.stdin.take().unwrap();
    (process, stdin, PathBuf::from(line.trim_end()))
}

#[test]
fn a_shell_that_is_ended_leaves_nothing() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let (mut shell, _stdin, lab) = waiting_shell("echo $IPSEC_LAB; exec cat");
        Client::connect(&lab).is_served();
        shell.signal(signal);
        assert_eq!(shell.0.wait().unwrap().code(), Some(128 + signal as i32));
        assert!(!lab.exists(), "{signal}");
    }
}

#[test]
fn a_shell_that_does_not_want_to_end_has_to() {
    let (mut shell, _stdin, lab) = waiting_shell("trap '' TERM HUP; echo $IPSEC_LAB; read x");
    shell.signal(Signal::SIGTERM);
    assert_eq!(shell.0.wait().unwrap().code(), Some(128 + 9));
    assert!(!lab.exists());
}

#[test]
fn a_shell_whose_server_cannot_be_started_leaves_nothing() {
    let temporary = TempDir::new().unwrap();
    let mut command = Command::new("/bin/sh");
    // Too few descriptors for the pipes to a server.
    command.args(["-c", "ulimit -n 6; exec \"$0\" shell -c true"]);
    command.arg(env!("CARGO_BIN_EXE_ipsec-lab")).env("TMPDIR", temporary.path());
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("cannot run"), "{stderr}");
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn a_shell_that_is_killed_leaves_nothing() {
    let (mut shell, stdin, lab) = waiting_shell("echo $IPSEC_LAB; exec cat");
    shell.signal(Signal::SIGKILL);
    let mut rest = String::new();
    drop(stdin);
    shell.0.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
    eventually("the directory is gone", || !lab.exists());
}

#[test]
fn bad_options_are_explained() {
    let run = |args: &[&str]| ipsec_lab().args(args).output().unwrap();
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).starts_with("usage: ipsec-lab"));
    for args in [&[][..], &["serve"], &["serve", "--frob", "x"], &["frob"], &["shell", "x"]] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("usage: ipsec-lab"));
        assert!(output.stdout.is_empty());
    }
}
