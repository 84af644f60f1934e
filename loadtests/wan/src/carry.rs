//! The threads: one reads each device, one writes what has arrived. They end with the process.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use tun_rs::SyncDevice;

use crate::line::{Counts, Line, wait};

/// Room for the largest packet that there can be.
const PACKET_BYTES: usize = 65_536;

/// The ways, shared by the threads.
#[derive(Debug)]
pub(crate) struct Carrier {
    line: Mutex<Line>,
    /// Something will arrive earlier than was known.
    sooner: Condvar,
}

impl Carrier {
    /// Of a line.
    #[must_use]
    pub(crate) fn new(line: Line) -> Arc<Self> {
        Arc::new(Self { line: Mutex::new(line), sooner: Condvar::new() })
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts to carry between devices, which are in the order of the map's hosts.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub(crate) fn start(self: &Arc<Self>, devices: Vec<SyncDevice>) -> io::Result<()> {
        let devices: Arc<[_]> = devices.into();
        for from in 0..devices.len() {
            let (carrier, devices) = (Arc::clone(self), Arc::clone(&devices));
            thread::Builder::new()
                .name(format!("from-{from}"))
                .spawn(move || carrier.read(from, &devices[from]))?;
        }
        let carrier = Arc::clone(self);
        thread::Builder::new().name("deliver".to_owned()).spawn(move || carrier.deliver(&devices))?;
        Ok(())
    }

    /// Until the device is gone, as it is when its namespace is.
    fn read(&self, from: usize, device: &SyncDevice) {
        let mut buffer = vec![0; PACKET_BYTES];
        loop {
            match device.recv(&mut buffer) {
                Ok(length) => {
                    let packet = buffer[..length].to_vec();
                    let is_first = self.line().offer(from, packet, Instant::now());
                    if is_first {
                        self.sooner.notify_one();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn deliver(&self, devices: &[SyncDevice]) -> ! {
        let mut line = self.line();
        loop {
            let now = Instant::now();
            if let Some(arrived) = line.arrived(now) {
                drop(line);
                // A host that does not take it has lost it, as hosts do.
                let _ = devices[arrived.to].send(&arrived.packet);
                line = self.line();
                continue;
            }
            let due = line.due();
            line = match wait(due, now) {
                Some(time) => self.sooner.wait_timeout(line, time).unwrap_or_else(PoisonError::into_inner).0,
                None => self.sooner.wait(line).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Cuts a host off, or connects it again.
    pub(crate) fn set_cut(&self, host: usize, is_cut: bool) {
        self.line().set_cut(host, is_cut);
    }

    /// What became of all packets until now.
    #[must_use]
    pub(crate) fn counts(&self) -> Counts {
        self.line().counts()
    }
}
