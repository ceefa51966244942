//! The trait of all methods of changing ports.

use std::any::Any;

use mistgate_core::ports::{edit::Pushed, name::PortName, question::Answer, switch_port::Switch};
use mistgate_core::{base::failure::Failure, base::mac::Mac, ports::edit::Edit};
use smol::future::ready;

/// How many changes through an API are under way at once. It takes a few requests at a time, so
/// that more would only wait.
const CALLS_MAX: usize = 8;

/// What an unfinished call of a [`Method`] borrows the method for.
pub type Call<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What each change would do; empty where a port has its mode.
pub type Compared = Result<Vec<String>, Failure>;

/// A way of changing the ports of switches. What it does not implement cannot be done.
pub trait Method: Any + Send + Sync {
    /// The name in the configuration.
    fn name(&self) -> &'static str;

    /// How many changes may be under way at once.
    fn work_max(&self) -> usize {
        CALLS_MAX
    }

    /// Whether it reaches a switch of which only the name is known.
    fn reaches_by_name(&self) -> bool {
        false
    }

    /// What the switch itself says of a port, where Mist does not know the switch.
    fn see<'a>(&'a self, _switch: &'a Switch, _port: PortName) -> Call<'a, Answer> {
        Box::pin(ready(Answer::Unanswered))
    }

    /// Its title, if it does not know what a port has, and compares nothing.
    fn blind(&self) -> Option<&'static str> {
        None
    }

    /// What each of these changes would do. Nothing is changed or locked.
    fn compare<'a>(&'a self, _switch: &'a Switch, edits: &'a [Edit]) -> Call<'a, Compared> {
        Box::pin(ready(Ok(edits.iter().map(|edit| edit.lines.join("\n")).collect())))
    }

    /// Changes ports of one switch, all or none.
    fn push<'a>(&'a self, _switch: &'a Switch, _edits: &'a [Edit]) -> Call<'a, Pushed> {
        Box::pin(ready(Pushed::Failed(Failure::Unreachable)))
    }

    /// Whether a port has its mode; `None` if that could not be found out.
    fn read<'a>(&'a self, _switch: &'a Switch, _edit: &'a Edit) -> Call<'a, Option<bool>> {
        Box::pin(ready(None))
    }

    /// Mist has lost an access point, which a change under way may have cut off.
    fn lost(&self, _ap: Mac) {}

    /// Begins nothing new and lets what is under way end soon.
    fn stop(&self) {}
}

/// Observing without a method.
pub(super) struct NoMethod;

impl Method for NoMethod {
    fn name(&self) -> &'static str {
        "none"
    }
}
