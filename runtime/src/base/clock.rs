//! The two clocks. No other file asks the system what time it is.

use std::task::{Context, Poll, ready};
use std::{future::poll_fn, io, pin::Pin, time::Duration, time::SystemTime, time::UNIX_EPOCH};

use mistgate_core::base::time::{Instant, UnixTime};
use rtime_clock::adjtime::{Timex, adjtimex};
use smol::{Timer, future::FutureExt};

/// The monotonic clock of one run, whose start is the core's instant zero.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: std::time::Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { start: std::time::Instant::now() }
    }

    /// The core's instant at this moment.
    pub fn now(&self) -> Instant {
        let micros = self.start.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// The core's `at` on the system's monotonic clock, for timers. `None` where it is too far away
    /// for the system to represent, which is as good as never.
    pub fn system(&self, at: Instant) -> Option<std::time::Instant> {
        self.start.checked_add(Duration::from_micros(at.as_micros()))
    }
}

/// The system's wall time at this moment.
pub fn wall() -> UnixTime {
    unix_time(SystemTime::now())
}

/// The wall time at this moment, where the kernel calls its clock synchronised: then ages may be
/// counted from one run to the next.
pub fn stamp() -> Option<UnixTime> {
    is_synchronised().then(wall)
}

/// Whether the kernel calls its clock synchronised. A clock that nobody sets, or that was set by
/// hand a moment ago, is not; nor is one that cannot be asked.
///
/// It is while the error that the kernel reckons with is below its bound. The flag STA_UNSYNC
/// would be the other sign, but chrony sets it too where it keeps the kernel from writing the
/// hardware clock. systemd judges in the same way.
pub fn is_synchronised() -> bool {
    let mut timex = Timex::new();
    adjtimex(&mut timex).is_ok_and(|_| timex.0.maxerror < ERROR_MAX)
}

/// NTP_PHASE_LIMIT of the kernel (include/linux/timex.h): an error of 16 s, in microseconds.
/// Without news the kernel's estimate grows to it within nine hours.
const ERROR_MAX: libc::c_long = 16_000_000;

/// The wall time at this moment as HTTP writes it (RFC 9110 §5.6.7).
pub(crate) fn http_date() -> String {
    httpdate::fmt_http_date(SystemTime::now())
}

/// Microseconds on the system's monotonic clock, which all processes of the computer share.
pub(crate) fn monotonic_micros() -> u64 {
    let at = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::try_from(at).map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// Wall time as the core writes it. Times before 1970 are negative.
pub fn unix_time(at: SystemTime) -> UnixTime {
    let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    UnixTime::from_micros(match at.duration_since(UNIX_EPOCH) {
        Ok(after) => micros(after),
        Err(before) => -micros(before.duration()),
    })
}

/// Fails with `TimedOut` after this time: `work.or(timeout(after))` bounds `work`.
pub(crate) async fn timeout<T>(after: Duration) -> io::Result<T> {
    Timer::after(after).await;
    Err(io::ErrorKind::TimedOut.into())
}

/// A deadline that moves often. To move it only stores the new time: the timer, which costs the
/// reactor a wake-up, is set again when it fires too early, not each time.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    at: Option<std::time::Instant>,
    timer: Option<(std::time::Instant, Timer)>,
}

impl Alarm {
    /// Goes off `after` this moment.
    pub(crate) fn set(&mut self, after: Duration) {
        self.at = std::time::Instant::now().checked_add(after);
    }

    /// Goes off later than it would by this time.
    pub(crate) fn put_off(&mut self, by: Duration) {
        self.at = self.at.and_then(|at| at.checked_add(by));
    }

    /// Goes off at `at` on `clock`; never, if there is none.
    pub(crate) fn set_at(&mut self, clock: Clock, at: Option<Instant>) {
        self.at = at.and_then(|at| clock.system(at));
    }

    /// Sets no deadline.
    pub(crate) fn clear(&mut self) {
        self.at = None;
    }

    /// Waits for `input`, at most until `due_at`; `None` if that comes first.
    pub(crate) async fn bound<T>(
        &mut self,
        clock: Clock,
        due_at: Option<Instant>,
        input: impl Future<Output = T>,
    ) -> Option<T> {
        self.set_at(clock, due_at);
        let due = async {
            poll_fn(|cx| self.poll(cx)).await;
            None
        };
        async { Some(input.await) }.or(due).await
    }

    /// Ready once it has gone off.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        loop {
            let (set_for, timer) = self.timer.get_or_insert_with(|| (at, Timer::at(at)));
            if *set_for > at {
                *set_for = at;
                timer.set_at(at);
            }
            let fired_at = ready!(Pin::new(timer).poll(cx));
            self.timer = None;
            if fired_at >= at {
                return Poll::Ready(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_go_there_and_back() {
        let clock = Clock::start();
        let at = clock.now() + Duration::from_secs(5);
        let system = clock.system(at).expect("five seconds are not far");
        assert_eq!(system.duration_since(clock.start).as_micros(), u128::from(at.as_micros()));
        assert!(clock.now() < at);
    }

    #[test]
    fn an_alarm_goes_off_where_it_was_set_last() {
        let (short, long) = (Duration::from_millis(5), Duration::from_secs(3_600));
        let mut alarm = Alarm::default();
        let fires = |alarm: &mut Alarm, after: Duration| {
            alarm.set(after);
            let began = std::time::Instant::now();
            smol::block_on(poll_fn(|cx| alarm.poll(cx)));
            began.elapsed()
        };
        let is_quiet = |alarm: &mut Alarm| {
            let fired = poll_fn(|cx| alarm.poll(cx));
            smol::block_on(smol::future::poll_once(fired)).is_none()
        };
        assert!(is_quiet(&mut alarm));
        // A timer that is set for later, and one for earlier, than the alarm.
        alarm.set(long);
        assert!(is_quiet(&mut alarm));
        assert!((short..long).contains(&fires(&mut alarm, short)));
        alarm.set(short);
        assert!(is_quiet(&mut alarm));
        assert!((short * 2..long).contains(&fires(&mut alarm, short * 2)));
        alarm.set(Duration::ZERO);
        alarm.clear();
        assert!(is_quiet(&mut alarm));
    }

    #[test]
    fn wall_time_has_two_directions() {
        let span = Duration::from_micros(1_500_000);
        assert_eq!(unix_time(UNIX_EPOCH + span).as_micros(), 1_500_000);
        assert_eq!(unix_time(UNIX_EPOCH - span).as_micros(), -1_500_000);
        assert!(wall() > UnixTime::from_secs(1_600_000_000));
    }
}
