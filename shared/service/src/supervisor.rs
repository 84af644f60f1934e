//! Telling systemd about this program (sd_notify(3)): that it runs, in a line what it does, that it stops; and feeding its
//! watchdog for as long as the program really works.
//!
//! Place in the flow: `app` of both programs starts [`Supervised::run`] and calls [`ready`]. Without `NOTIFY_SOCKET` nothing
//! is told to anybody.
//!
//! The watchdog is fed by half of its time, after every loop of the program that can be asked ([`Health::beat`]) has
//! answered within a quarter: a loop that hangs, or a runtime that does, is noticed by systemd, which ends the program
//! (`WatchdogSec=`) and starts it again. `WATCHDOG_PID` is not looked at: systemd takes no word of processes but the
//! service's own, and that may be another one than it has started.

use std::time::Duration;

use farcast_telemetry::health::{Health, Probe};
use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Interval at which the line of the status is brought up to date where there is no watchdog.
const STATUS_EVERY: Duration = Duration::from_secs(10);

/// Shortest time of a watchdog: with less it would end programs on machines that are merely busy.
const LEAST: Duration = Duration::from_secs(1);

/// A word to systemd.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Word {
    /// The program has started.
    Ready,
    /// What it does, in a line.
    Status(String),
    /// It works.
    Alive,
    /// It has been asked to stop.
    Stopping,
    /// A reload has begun; [`Self::Ready`] or [`Self::HandedTo`] follows.
    Reloading,
    /// The service is another process from now on, and the reload has ended.
    HandedTo(u32),
}

/// The program has started: whoever waits for its unit goes on. Blocks for a moment.
pub fn ready() {
    tell(&Word::Ready);
}

/// A reload has begun; [`ready`] or [`handed_to`] must follow. Blocks for a moment.
pub fn reloading() {
    tell(&Word::Reloading);
}

/// The service is this process from now on, and the reload has ended. Blocks for a moment.
pub fn handed_to(process: u32) {
    tell(&Word::HandedTo(process));
}

fn tell(word: &Word) {
    let told = match word {
        Word::Ready => sd_notify::notify(&[NotifyState::Ready]),
        Word::Status(line) => sd_notify::notify(&[NotifyState::Status(line)]),
        Word::Alive => sd_notify::notify(&[NotifyState::Watchdog]),
        Word::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
        Word::Reloading => match NotifyState::monotonic_usec_now() {
            Ok(now) => sd_notify::notify(&[NotifyState::Reloading, now]),
            Err(_) => sd_notify::notify(&[NotifyState::Reloading]),
        },
        Word::HandedTo(process) => sd_notify::notify(&[NotifyState::MainPid(*process), NotifyState::Ready]),
    };
    if let Err(error) = told {
        tracing::warn!(%error, "systemd cannot be told");
    }
}

/// A program whose health systemd is told of.
#[derive(Debug)]
pub struct Supervised {
    health: Health,
    is_heard: bool,
    watchdog: Option<Duration>,
}

impl Supervised {
    /// As the environment says (`NOTIFY_SOCKET`, `WATCHDOG_USEC`).
    #[must_use]
    pub fn here(health: Health) -> Self {
        let is_heard = std::env::var_os("NOTIFY_SOCKET").is_some();
        let watchdog = std::env::var("WATCHDOG_USEC").ok().and_then(|text| watchdog(&text));
        Self { health, is_heard, watchdog: watchdog.filter(|_| is_heard) }
    }

    /// Tells systemd until `stop`; `stopping` is cancelled when the program is asked to stop.
    pub async fn run(self, stopping: CancellationToken, stop: CancellationToken) {
        if !self.is_heard {
            return stop.cancelled().await;
        }
        if let Some(watchdog) = self.watchdog {
            tracing::info!(watchdog_ms = watchdog.as_millis(), "systemd's watchdog is fed");
        }
        // It waits for room in systemd's socket.
        let tell = |word: Word| async move { drop(tokio::task::spawn_blocking(move || tell(&word)).await) };
        stop.run_until_cancelled(self.watch(&stopping, tell)).await;
    }

    /// Never returns.
    async fn watch<F: Future<Output = ()>>(&self, stopping: &CancellationToken, tell: impl Fn(Word) -> F) {
        let every = self.watchdog.map_or(STATUS_EVERY, |watchdog| watchdog / 2);
        let mut tick = interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut is_told, mut shown) = (false, String::new());
        loop {
            tokio::select! {
                biased;
                () = stopping.cancelled(), if !is_told => {
                    is_told = true;
                    tell(Word::Stopping).await;
                    continue;
                }
                _ = tick.tick() => {}
            }
            let silent = self.health.unanswered(every / 2).await;
            if !silent.is_empty() {
                tracing::error!(parts = ?silent, "parts of the program do not answer, so the watchdog is not fed");
                continue;
            }
            if self.watchdog.is_some() {
                tell(Word::Alive).await;
            }
            let line = status(&self.health);
            if line != shown {
                shown.clone_from(&line);
                tell(Word::Status(line)).await;
            }
        }
    }
}

/// The time of a watchdog, in microseconds; none where it is not to be fed.
fn watchdog(text: &str) -> Option<Duration> {
    let time = Duration::from_micros(text.parse().ok().filter(|micros| *micros > 0)?);
    if time < LEAST {
        tracing::warn!(watchdog_ms = time.as_millis(), "WatchdogSec is too short: it should be 10 s or more");
    }
    Some(time)
}

/// The state of the program in a line.
fn status(health: &Health) -> String {
    match health.readyz(Probe::All) {
        Some(answer) if !answer.ok => answer.text.lines().collect::<Vec<_>>().join(", "),
        _ => "ready".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// What systemd hears in so many seconds of a program with a watchdog of ten.
    async fn heard(health: &Health, stopping: &CancellationToken, seconds: u64) -> Vec<Word> {
        let said = Mutex::new(Vec::new());
        let supervised =
            Supervised { health: health.clone(), is_heard: true, watchdog: Some(Duration::from_secs(10)) };
        let tell = |word| {
            said.lock().unwrap().push(word);
            std::future::ready(())
        };
        let watching = supervised.watch(stopping, tell);
        drop(tokio::time::timeout(Duration::from_secs(seconds), watching).await);
        said.into_inner().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_is_fed_at_half_its_time_while_every_loop_answers() {
        let (health, stopping) = (Health::new(), CancellationToken::new());
        let linked = health.readiness("linked to the origin");
        let mut beat = health.beat("viewers");
        let answering = tokio::spawn(async move {
            loop {
                beat.asked().await;
            }
        });
        let status = |line: &str| Word::Status(line.to_owned());
        let alive = Word::Alive;
        assert_eq!(
            heard(&health, &stopping, 12).await,
            [alive.clone(), status("not linked to the origin"), alive.clone(), alive.clone()]
        );
        linked.set(true);
        assert_eq!(heard(&health, &stopping, 1).await, [alive.clone(), status("ready")]);
        answering.abort();
        let _ = answering.await;
        // It has ended, which is seen elsewhere.
        stopping.cancel();
        let stops = heard(&health, &stopping, 1).await;
        assert_eq!(stops, [Word::Stopping, alive, status("ready")], "it is fed while it stops");
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_hangs_leaves_the_watchdog_hungry() {
        let health = Health::new();
        let _hanging = health.beat("viewers");
        assert_eq!(heard(&health, &CancellationToken::new(), 60).await, []);
    }

    #[test]
    fn only_a_time_is_a_watchdog() {
        assert_eq!(watchdog("30000000"), Some(Duration::from_secs(30)));
        for text in ["", "0", "-1", "30s"] {
            assert_eq!(watchdog(text), None, "{text}");
        }
    }
}
