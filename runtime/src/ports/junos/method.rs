//! The switches themselves as a method.

use mistgate_core::base::{failure::Failure, mac::Mac};
use mistgate_core::ports::edit::{Edit, Pushed};
use mistgate_core::ports::name::PortName;
use mistgate_core::ports::question::Answer;
use mistgate_core::ports::switch_port::Switch;

use super::Switches;
use crate::ports::method::{Call, Difference, Method};

impl Method for Switches {
    fn name(&self) -> &'static str {
        "junos"
    }

    fn work_max(&self) -> usize {
        self.settings.get().junos.sessions_max
    }

    fn reaches_by_name(&self) -> bool {
        true
    }

    fn see<'a>(&'a self, switch: &'a Switch, port: PortName) -> Call<'a, Answer> {
        Box::pin(self.see(switch, port))
    }

    fn compare<'a>(
        &'a self,
        switch: &'a Switch,
        edits: &'a [Edit],
    ) -> Call<'a, Result<Difference, Failure>> {
        Box::pin(async { self.compare(switch, edits).await.map(Difference::Known) })
    }

    fn push<'a>(&'a self, switch: &'a Switch, edits: &'a [Edit]) -> Call<'a, Pushed> {
        Box::pin(self.push(switch, edits))
    }

    fn read<'a>(&'a self, switch: &'a Switch, edit: &'a Edit) -> Call<'a, Option<bool>> {
        Box::pin(self.read(switch, edit))
    }

    fn lost(&self, ap: Mac) {
        self.lost(ap);
    }

    fn stop(&self) {
        self.stop();
    }
}
