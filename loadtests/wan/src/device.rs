//! TUN devices in namespaces: made here, then moved there, where they carry all that leaves the namespace.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use tun_rs::{DeviceBuilder, SyncDevice};

use crate::map::Host;

/// The device's name in its namespace.
const NAME: &str = "wan";
/// Packets that wait in a device until they are read: many connections may send at one moment.
const QUEUE: u32 = 8192;

/// Makes the device of a host: the default way out of its namespace. It is gone when it is dropped.
///
/// # Errors
/// When there is no such namespace, or this user may not make devices.
pub(crate) fn open(host: &Host, mtu: u16) -> anyhow::Result<SyncDevice> {
    let builder = DeviceBuilder::new().name("fcwan%d").mtu(mtu).tx_queue_len(QUEUE).enable(false);
    let device = builder.build_sync().context("no TUN device can be made")?;
    let (own, namespace) = (device.name()?, &host.namespace);
    ip(&["link", "set", &own, "netns", namespace, "name", NAME], "")?;
    let orders = [
        "link set lo up".to_owned(),
        format!("address add {}/32 dev {NAME}", host.address),
        format!("link set {NAME} up"),
        format!("route add default dev {NAME}"),
    ];
    ip(&["-netns", namespace, "-batch", "-"], &orders.join("\n"))?;
    Ok(device)
}

/// Runs `ip` with orders on its standard input.
fn ip(arguments: &[&str], orders: &str) -> anyhow::Result<()> {
    let mut child = Command::new("ip").args(arguments).stdin(Stdio::piped()).spawn().context("ip")?;
    child.stdin.take().context("ip has no input")?.write_all(orders.as_bytes())?;
    let status = child.wait()?;
    ensure!(status.success(), "ip {}: {status}\n{orders}", arguments.join(" "));
    Ok(())
}
