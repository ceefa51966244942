//! What a visit makes of the configuration of its ports, before it locks or changes anything.
//!
//! The configuration in force is read twice, with what is inherited and without, so that both can
//! be told apart. A release that shows no set lines is changed without that, unless a port is to
//! get back what it had.

use alloc::{format, string::String, vec::Vec};
use core::slice;

use super::{State, Step, Then, Visit, input::Task, output::Outcome, output::Output};
use crate::base::{failure::Failure, time::Instant};
use crate::junos::{change::OURS, configuration::Configuration, observation::Observation};
use crate::netconf::rpc::{commit::Commit, error::RpcError, request::Query};
use crate::netconf::{session::input::Input, session::input::Mode, xml::Element};
use crate::ports::{edit::Edit, edit::Pushed, switch_port};

/// Of a release before 15.1.
const UNTOLD: &str = "the switch does not show what the port has";

impl Visit {
    /// The edits of the task.
    pub(super) fn edits(&self) -> &[Edit] {
        match &self.config.task {
            Task::Compare(edits) | Task::Push(edits) => edits,
            Task::Read(edit) => slice::from_ref(edit),
            Task::See(..) => &[],
        }
    }

    /// Asks what is configured on the ports of the task.
    pub(super) fn weigh(&mut self, now: Instant, in_force: Option<String>) {
        let mut hierarchies: Vec<String> = Vec::new();
        let lines = self.edits().iter().flat_map(|edit| edit.lines.iter().chain(&edit.back));
        for name in lines.filter_map(|line| line.split(' ').nth(1)) {
            let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            if is_name && !hierarchies.iter().any(|known| known == name) {
                hierarchies.push(name.into());
            }
        }
        let inherits = in_force.is_none();
        hierarchies.extend((!inherits).then(|| "groups".into()));
        self.state = State::Weighing { in_force };
        self.inform_session(now, Input::Ask(Query::Configuration { hierarchies, inherits }));
    }

    pub(super) fn weighed(
        &mut self,
        now: Instant,
        in_force: Option<String>,
        answer: Option<&Element>,
    ) {
        let mut parts = answer.into_iter().flat_map(Element::descendants);
        let set = parts.find(|part| part.name == "configuration-set").map(|set| set.text.as_str());
        match (in_force, set) {
            (None, Some(set)) => self.weigh(now, Some(set.into())),
            (Some(in_force), Some(own)) => {
                let ports: Vec<_> = self.edits().iter().map(|edit| edit.port).collect();
                self.judge(now, Some(&Configuration::new(&in_force, own, &ports)));
            }
            (_, None) => self.judge(now, None),
        }
    }

    /// Goes on with the task, as far as that makes sense.
    fn judge(&mut self, now: Instant, configuration: Option<&Configuration>) {
        let mut edits = self.edits().to_vec();
        if let Task::Compare(_) = self.config.task {
            let Some(configuration) = configuration else {
                return self.fail(now, Failure::Rejected { message: UNTOLD.into() });
            };
            let diffs = edits.iter().map(|edit| configuration.change(edit).diff);
            let diffs: Vec<String> = diffs.collect();
            return if diffs.iter().all(String::is_empty) {
                self.close(now, Outcome::Compared(Ok(diffs)));
            } else {
                self.ask(now, Query::Commits, Observation::default(), Then::Tell(diffs));
            };
        }
        for edit in &mut edits {
            if let Err(message) = self.weigh_edit(edit, configuration) {
                return self.fail(now, Failure::Rejected { message });
            }
        }
        if edits.iter().all(|edit| edit.lines.is_empty()) {
            let (diff, before) = (String::new(), Vec::new());
            return self.close(now, Outcome::Pushed(Pushed::Done { diff, before }));
        }
        self.config.task = Task::Push(edits.clone());
        let mode = Mode::Push { confirm: self.config.confirm };
        let is_in_doubt = !self.is_sure && edits.iter().any(|edit| edit.is_in_doubt);
        self.edit(now, Step::Main, edits, mode, is_in_doubt);
    }

    /// Ends with the differences, and with who else committed last.
    pub(super) fn tell(&mut self, now: Instant, mut diffs: Vec<String>, answer: Option<&Element>) {
        let by = answer.and_then(|answer| Commit::newest_of_others(answer, OURS));
        for diff in diffs.iter_mut().filter(|diff| by.is_some() && !diff.is_empty()) {
            diff.push_str("\n!  the last commit of others: ");
            diff.extend(by.as_deref());
        }
        self.close(now, Outcome::Compared(Ok(diffs)));
    }

    /// Notes what gives the port back. The error says why the edit is not made.
    fn weigh_edit(
        &mut self,
        edit: &mut Edit,
        configuration: Option<&Configuration>,
    ) -> Result<(), String> {
        let change = configuration.map(|configuration| configuration.change(edit));
        match (edit.mode, change) {
            (switch_port::Mode::Default, _) if edit.lines.is_empty() && edit.before.is_none() => {
                Err("it is not known what the port had before".into())
            }
            (switch_port::Mode::Default, Some(change)) if !change.stays.is_empty() => {
                Err(format!("the port cannot be given back: {}", change.stays.join("; ")))
            }
            (switch_port::Mode::Ap, Some(change)) => {
                for stays in change.stays {
                    let message = format!("cannot be taken from the port again: {stays}");
                    let warning = RpcError { message, ..RpcError::default() };
                    self.outputs.push_back(Output::Warned(warning));
                }
                // What may be ours already is not what the port had before.
                if !edit.is_in_doubt {
                    self.before.push((edit.port, change.back.join("\n")));
                }
                if edit.back.is_empty() {
                    edit.back = change.back;
                }
                Ok(())
            }
            (switch_port::Mode::Ap, None) if edit.back.is_empty() => {
                Err(format!("{UNTOLD}, to give it back"))
            }
            (switch_port::Mode::Ap, None) | (switch_port::Mode::Default, _) => Ok(()),
        }
    }
}
