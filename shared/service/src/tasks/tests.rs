//! Tests of the owner of tasks.

use tokio::sync::oneshot;

use super::*;
use farcast_telemetry::health::Probe;

crate::task_names! {
    /// Tasks of a program that is none.
    enum Sample {
        First = "first",
        Second = "second",
        Third = "third",
    }
}

struct Rig {
    tasks: Tasks<Sample>,
    health: Health,
    registry: Registry,
    shutdown: Shutdown,
}

impl Rig {
    fn new() -> Self {
        let (health, registry) = (Health::new(), Registry::new());
        let tasks = Tasks::new(&registry, health.clone()).unwrap();
        Self { tasks, health, registry, shutdown: Shutdown::default() }
    }

    fn metrics(registry: &Registry) -> String {
        prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap()
    }
}

/// Takes as long as its stage lasts, and notes when it has ended.
async fn patient(stop: CancellationToken, name: &'static str, ends: tokio::sync::mpsc::Sender<&'static str>) {
    stop.cancelled().await;
    // Whoever is stopped too early would be noted before.
    tokio::time::sleep(Duration::from_secs(1)).await;
    ends.send(name).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn stages_stop_one_after_the_other_when_somebody_asks() {
    let mut rig = Rig::new();
    let (ends, mut ended) = tokio::sync::mpsc::channel(3);
    let (one, two) = (rig.tasks.stage(), rig.tasks.stage());
    rig.tasks.spawn(&two, Sample::First, |stop| patient(stop, "late", ends.clone()));
    rig.tasks.spawn(&one, Sample::Second, |stop| patient(stop, "early", ends.clone()));
    rig.tasks.spawn_until_stopped(&two, Sample::Third, std::future::pending());
    let ready = rig.health.readiness("started");
    ready.set(true);
    assert!(rig.health.is_ready());
    rig.shutdown.graceful.cancel();
    assert_eq!(rig.tasks.run(&rig.shutdown).await, Ok(Stopped::InOrder));
    assert_eq!((ended.recv().await, ended.recv().await), (Some("early"), Some("late")));
    assert!(!rig.health.is_ready() && rig.health.healthz().ok);
    assert!(Rig::metrics(&rig.registry).contains("farcast_task_failures_total{task=\"third\"} 0"));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_stops_the_program_in_order_and_is_named() {
    let mut rig = Rig::new();
    let (ends, mut ended) = tokio::sync::mpsc::channel(3);
    let (one, two) = (rig.tasks.stage(), rig.tasks.stage());
    let (during, seen) = oneshot::channel();
    let health = rig.health.clone();
    rig.tasks.spawn_until_stopped(&two, Sample::First, async { panic!("of {}", "course") });
    rig.tasks.spawn(&one, Sample::Second, |stop| async move {
        patient(stop, "early", ends).await;
        during.send((health.healthz(), health.readyz(Probe::All).unwrap())).unwrap();
    });
    let failed = rig.tasks.run(&rig.shutdown).await.unwrap_err();
    assert_eq!(failed, Failed::Tasks(vec!["first"]));
    assert!(failed.to_string().contains("first"));
    assert_eq!(ended.recv().await, Some("early"), "the others stop as after a signal");
    let (healthz, readyz) = seen.await.unwrap();
    assert!(!healthz.ok && healthz.text.contains("\"first\""), "{healthz:?}");
    assert!(!readyz.ok && readyz.text.contains("\"first\""), "{readyz:?}");
    assert!(Rig::metrics(&rig.registry).contains("farcast_task_failures_total{task=\"first\"} 1"));
    assert!(rig.shutdown.graceful.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_before_it_is_asked_to_has_failed() {
    let mut rig = Rig::new();
    let one = rig.tasks.stage();
    rig.tasks.spawn_until_stopped(&one, Sample::First, std::future::pending());
    rig.tasks.spawn(&one, Sample::Second, |_| async {});
    assert_eq!(rig.tasks.run(&rig.shutdown).await, Err(Failed::Tasks(vec!["second"])));
}

#[tokio::test(start_paused = true)]
async fn of_those_that_end_together_the_one_that_panicked_has_failed() {
    let mut rig = Rig::new();
    let one = rig.tasks.stage();
    let (feeds, fed) = oneshot::channel::<()>();
    rig.tasks.spawn_until_stopped(&one, Sample::First, async {
        drop(feeds);
        // Its end is seen after that of who waits for it.
        tokio::time::sleep(SETTLE / 2).await;
        panic!("the cause");
    });
    rig.tasks.spawn_until_stopped(&one, Sample::Second, async { drop(fed.await) });
    assert_eq!(rig.tasks.run(&rig.shutdown).await, Err(Failed::Tasks(vec!["first"])));
}

#[tokio::test(start_paused = true)]
async fn what_ends_because_another_one_has_stopped_has_not_failed_but_a_panic_then_has() {
    let mut rig = Rig::new();
    let (one, two) = (rig.tasks.stage(), rig.tasks.stage());
    let (feeds, fed) = oneshot::channel::<()>();
    rig.tasks.spawn(&one, Sample::First, |stop| async move {
        stop.cancelled().await;
        drop(feeds);
    });
    rig.tasks.spawn(&two, Sample::Second, |_| async { drop(fed.await) });
    rig.shutdown.graceful.cancel();
    assert_eq!(rig.tasks.run(&rig.shutdown).await, Ok(Stopped::InOrder));

    let mut rig = Rig::new();
    let one = rig.tasks.stage();
    rig.tasks.spawn(&one, Sample::Third, |stop| async move {
        stop.cancelled().await;
        panic!("while stopping");
    });
    rig.shutdown.graceful.cancel();
    assert_eq!(rig.tasks.run(&rig.shutdown).await, Err(Failed::Tasks(vec!["third"])));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_end_is_cut_off_after_the_deadline_or_by_a_second_signal() {
    let mut rig = Rig::new();
    let one = rig.tasks.stage();
    rig.tasks.spawn(&one, Sample::First, |_| std::future::pending());
    rig.shutdown.graceful.cancel();
    let began = tokio::time::Instant::now();
    assert_eq!(rig.tasks.run(&rig.shutdown).await, Err(Failed::Unfinished(vec!["first"])));
    assert_eq!(began.elapsed().as_secs(), STOP_DEADLINE.as_secs());

    let mut rig = Rig::new();
    let one = rig.tasks.stage();
    rig.tasks.spawn(&one, Sample::First, |_| std::future::pending());
    rig.shutdown.request();
    rig.shutdown.request();
    assert_eq!(rig.tasks.run(&rig.shutdown).await, Ok(Stopped::AtOnce));
}

#[tokio::test]
async fn a_thread_that_ends_or_panics_is_a_task_that_failed() {
    for panics in [false, true] {
        let mut rig = Rig::new();
        let one = rig.tasks.stage();
        let (running, ended) = Running::new();
        rig.tasks.watch(&one, Sample::First, ended);
        let thread = std::thread::spawn(move || {
            let _running = running;
            assert!(!panics, "asked to");
        });
        assert_eq!(rig.tasks.run(&rig.shutdown).await, Err(Failed::Tasks(vec!["first"])));
        assert_eq!(thread.join().is_err(), panics);
    }
}

#[tokio::test]
async fn a_contained_panic_ends_its_work_alone_and_is_counted() {
    let registry = Registry::new();
    let requests = Contained::new(Part::HttpRequest, &registry).unwrap();
    let calls = Contained::new(Part::EdgeCall, &registry).unwrap();
    let (held, dropped) = oneshot::channel::<()>();
    let panics = requests.run(async {
        tokio::task::yield_now().await;
        let _held = held;
        panic!("in the middle");
    });
    assert_eq!(panics.await, None::<()>);
    assert!(dropped.await.is_err(), "what it held is gone");
    assert_eq!(requests.run(async { 7 }).await, Some(7));
    assert_eq!(calls.call(|| 8), Some(8));
    assert_eq!(calls.call(|| -> u8 { panic!() }), None);
    let metrics = Rig::metrics(&registry);
    for line in ["{part=\"http_request\"} 1", "{part=\"edge_call\"} 1"] {
        assert!(metrics.contains(&format!("farcast_contained_panics_total{line}")), "{metrics}");
    }
}
