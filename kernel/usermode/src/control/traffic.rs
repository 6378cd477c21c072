// SPDX-License-Identifier: MIT OR Apache-2.0

//! Questions about packets, and packets that are sent.

use serde_json::{Value, json};

use super::packet;
use crate::Kernel;
use crate::spd::Way;

/// `verdict`: what would become of a packet. Nothing is counted.
pub(super) fn verdict(kernel: &mut Kernel, question: &Value) -> Result<Value, String> {
    let packet = packet::packet(question)?;
    let verdict = kernel.verdict(&packet);
    let mut answer = packet::verdict(&verdict);
    if let Some(wanted) = kernel.would_acquire(&packet, &verdict) {
        answer["acquire"] = wanted;
    }
    Ok(answer)
}

/// `inject`: `packets`, an array of packets in hexadecimal digits, all on one way and
/// path; the answer has an outcome for each.
pub(super) fn inject(kernel: &mut Kernel, question: &Value) -> Result<Value, String> {
    let way = packet::way(question)?;
    let path = packet::path(question, way)?;
    let protection = packet::protection(question)?;
    let packets = question.get("packets").and_then(Value::as_array);
    let packets = packets.ok_or("the field 'packets' is missing or no array")?;
    let packets = packets
        .iter()
        .enumerate()
        .map(|(at, packet)| {
            let bytes = packet.as_str().and_then(unhex);
            bytes.ok_or_else(|| format!("packet {at} is no string of hexadecimal digits"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let outcomes = packets.iter().map(|bytes| {
        let verdict = kernel.deliver_bytes(way, &path, protection, bytes);
        let (outcome, reason, _) = packet::outcome(&verdict.outcome);
        json!([outcome, reason])
    });
    Ok(outcomes.collect())
}

/// `counters`: packets by link, way and outcome.
pub(super) fn counters(kernel: &mut Kernel, _: &Value) -> Result<Value, String> {
    let rows = kernel.packet_counters().iter().flat_map(|(link, way, counts)| {
        let link = link.and_then(|link| kernel.links.link(link));
        let link = link.map(|link| String::from_utf8_lossy(&link.name).into_owned());
        let way = match way {
            Way::Out => "out",
            Way::In => "in",
        };
        let row = move |outcome: &str, reason: &str, packets: u64| {
            json!({
                "link": link, "way": way, "outcome": outcome, "reason": reason,
                "packets": packets,
            })
        };
        let mut rows = Vec::new();
        if counts.protected > 0 {
            rows.push(row("protect", "rule", counts.protected));
        }
        if counts.held > 0 {
            rows.push(row("held", "fragment", counts.held));
        }
        rows.extend(counts.clear.iter().map(|(why, count)| row("pass", why.word(), *count)));
        rows.extend(counts.dropped.iter().map(|(why, count)| row("drop", why.word(), *count)));
        rows
    });
    Ok(rows.collect())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()).collect()
}
