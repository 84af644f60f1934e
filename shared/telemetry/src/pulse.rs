//! Asking the loops of a program whether they still turn: a task may be there, and yet wait for something that never comes.
//!
//! Place in the flow: a loop takes a [`Beat`] and answers between its other events; whoever watches over the program asks all
//! of them at once. A loop that has ended is not asked any more, since its end is seen by the owner of its task.

use std::future::pending;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// The loops of a program.
#[derive(Debug, Default)]
pub struct Pulses(Mutex<Vec<Asker>>);

#[derive(Clone, Debug)]
struct Asker {
    name: &'static str,
    /// Holds one question; one that was not taken until the next is answered by nobody.
    ask: mpsc::Sender<oneshot::Sender<()>>,
}

/// The part of a loop.
#[derive(Debug)]
pub struct Beat(mpsc::Receiver<oneshot::Sender<()>>);

impl Beat {
    /// Answers the next question. Never returns when nobody can ask any more. Cancel safe.
    pub async fn asked(&mut self) {
        match self.0.recv().await {
            // Who gave up waiting misses nothing.
            Some(answer) => drop(answer.send(())),
            None => pending().await,
        }
    }
}

impl Pulses {
    /// A further loop.
    pub fn beat(&self, name: &'static str) -> Beat {
        let (ask, asked) = mpsc::channel(1);
        let mut loops = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loops.retain(|known| !known.ask.is_closed());
        loops.push(Asker { name, ask });
        Beat(asked)
    }

    /// The names of loops that do not answer within `patience`. Cancel safe.
    pub async fn unanswered(&self, patience: Duration) -> Vec<&'static str> {
        let loops = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let until = Instant::now() + patience;
        let asked: Vec<_> = loops.into_iter().filter_map(question).collect();
        let mut silent = Vec::new();
        for (name, answer) in asked {
            let has_answered = match answer {
                // One that ends instead of answering has ended.
                Some(answer) => timeout_at(until, answer).await.is_ok(),
                None => false,
            };
            if !has_answered {
                silent.push(name);
            }
        }
        silent
    }
}

/// Asks a loop; without an answer to come where it has not taken the question before. None where it has ended.
fn question(Asker { name, ask }: Asker) -> Option<(&'static str, Option<oneshot::Receiver<()>>)> {
    let (question, answer) = oneshot::channel();
    match ask.try_send(question) {
        Ok(()) => Some((name, Some(answer))),
        Err(TrySendError::Full(_)) => Some((name, None)),
        Err(TrySendError::Closed(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_turns_answers_and_one_that_hangs_is_named_until_it_turns_again() {
        let pulses = Pulses::default();
        let (mut turning, mut hanging) = (pulses.beat("turning"), pulses.beat("hanging"));
        let task = tokio::spawn(async move {
            loop {
                turning.asked().await;
            }
        });
        for _ in 0..3 {
            assert_eq!(pulses.unanswered(PATIENCE).await, ["hanging"]);
        }
        let other = tokio::spawn(async move {
            loop {
                hanging.asked().await;
            }
        });
        // It takes the question that it has not answered first.
        tokio::task::yield_now().await;
        assert!(pulses.unanswered(PATIENCE).await.is_empty());
        task.abort();
        other.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_has_ended_is_not_asked() {
        let pulses = Pulses::default();
        drop(pulses.beat("ended"));
        assert!(pulses.unanswered(PATIENCE).await.is_empty());
        let ends = pulses.beat("ends");
        let asked = pulses.unanswered(PATIENCE);
        let (silent, ()) = tokio::join!(asked, async { drop(ends) });
        assert!(silent.is_empty(), "{silent:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_hangs_does_not_take_the_time_of_others() {
        let pulses = Pulses::default();
        let (_hanging, mut slow) = (pulses.beat("hanging"), pulses.beat("slow"));
        let task = tokio::spawn(async move {
            tokio::time::sleep(PATIENCE - Duration::from_secs(1)).await;
            slow.asked().await;
            pending::<()>().await;
        });
        assert_eq!(pulses.unanswered(PATIENCE).await, ["hanging"]);
        task.abort();
    }
}
