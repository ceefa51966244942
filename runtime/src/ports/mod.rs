//! Switch ports: a task drives their plan and carries out its commands.
//!
//! The records of the plan go to the store. A change begins when all records before it are on disk,
//! so that after a crash the next run knows which ports may have been changed. Questions and
//! changes run beside the task, a bounded number at a time.

pub mod method;

pub mod cso;
pub mod mist;

pub mod junos;

mod backend;

pub mod audit_file;

mod work_queue;

mod driver;
mod kill_switch;
mod run;

pub mod manual;

use std::{path::PathBuf, sync::Arc};

use mistgate_core::config::{checked::Config, ports::Ports};
use mistgate_core::ports::{ap_event::ApEvent, ap_event::Request, plan, plan::input, report};
use smol::{Executor, channel};

pub(crate) use self::run::run;
use self::{backend::BackendConfig, junos::Login};
use crate::base::{clock, clock::Clock, journal::Journal, store::SetAside, store::Store};
use crate::{http::outbound::Outbound, mist::SharedBudget};

/// The name of the audit's file in the state folder.
pub(crate) const AUDIT_FILE: &str = "ports-audit.jsonl";

/// The state of the plan, and of what it works with.
#[derive(Debug)]
pub struct Status {
    pub plan: plan::status::Status,
    pub method: &'static str,
    /// Whether Mist can be asked about access points.
    pub can_ask: bool,
}

/// A message to the task.
pub(crate) enum Message {
    /// Close the breaker. Somebody ordered it.
    BreakerClosed { by: String },
    /// The configuration was read again; nothing where it has no `[ports]`.
    Configured(Option<Box<Settings>>),
    /// Begin nothing new, finish the changes in flight, and end.
    End,
    /// All writes up to this number are on disk.
    Kept(u64),
    /// The store can be read.
    Opened,
    /// A program outside asks for a mode. The sender waits for `taken` to be dropped.
    Requested { request: Request, taken: channel::Sender<()> },
    /// What events say about access points. The sender waits for `taken` to be dropped.
    ApEvents { ap_events: Vec<ApEvent>, taken: channel::Sender<()> },
    /// Somebody ordered this about the change with this number. Whether that is possible is sent.
    Ordered { order: report::Order, number: u64, by: String, answer: channel::Sender<bool> },
    /// Send the status, without the first `skip` ports, and of them only those that are `like` a
    /// text.
    Status { skip: usize, like: String, answer: channel::Sender<Status> },
    /// The disk refused a write.
    Unkept,
}

/// Make the file of the kill switch, or remove it.
struct Order {
    /// Turns the switch on or off.
    is_on: bool,
    /// Why, for whoever looks into the file.
    reason: String,
    /// Who ordered it, if anybody did.
    by: Option<String>,
    /// Gets why that was not possible, if it was not.
    answer: channel::Sender<Result<(), String>>,
}

/// The sender of messages to the task.
#[derive(Clone, Debug)]
pub struct Handle {
    messages: channel::Sender<Message>,
    orders: channel::Sender<Order>,
}

/// The other ends of a [`Handle`], for [`run()`].
pub(crate) struct Ends {
    messages: channel::Receiver<Message>,
    orders: channel::Receiver<Order>,
    /// For what the plan orders itself.
    order: channel::Sender<Order>,
}

impl Handle {
    pub(crate) fn new() -> (Self, Ends) {
        // Unbounded, because each sender waits for an answer before it sends again: a connection
        // has one request, and the store one commit in flight.
        let (messages, message_end) = channel::unbounded();
        let (orders, order_end) = channel::unbounded();
        let order = orders.clone();
        (Self { messages, orders }, Ends { messages: message_end, orders: order_end, order })
    }

    /// Hands a message over. After the end of the task it is dropped.
    pub(crate) fn send(&self, message: Message) {
        let _ = self.messages.try_send(message);
    }

    /// Hands over what events say, and waits until the plan has it.
    pub(crate) async fn ap_events(&self, ap_events: Vec<ApEvent>) {
        let (taken, done) = channel::bounded(1);
        self.send(Message::ApEvents { ap_events, taken });
        // Nothing is sent: the sender is dropped.
        let _ = done.recv().await;
    }

    /// Hands over a request from outside, and waits until the plan has it.
    pub(crate) async fn requested(&self, request: Request) {
        let (taken, done) = channel::bounded(1);
        self.send(Message::Requested { request, taken });
        let _ = done.recv().await;
    }

    /// Closes the breaker, because somebody ordered it.
    pub(crate) fn close_breaker(&self, by: String) {
        self.send(Message::BreakerClosed { by });
    }

    /// Has something done about the change with this number, because somebody ordered it. Returns
    /// whether there is such a change.
    pub(crate) async fn order(&self, order: report::Order, number: u64, by: String) -> bool {
        let (answer, answered) = channel::bounded(1);
        self.send(Message::Ordered { order, number, by, answer });
        answered.recv().await.unwrap_or_default()
    }

    /// Turns the kill switch on or off, because somebody ordered it. The error says what of that
    /// was not possible.
    pub(crate) async fn turn_kill_switch(&self, is_on: bool, by: String) -> Result<(), String> {
        let (answer, answered) = channel::bounded(1);
        let reason = format!("ordered by {by}");
        let _ = self.orders.try_send(Order { is_on, reason, by: Some(by), answer });
        answered
            .recv()
            .await
            .map_err(|_| "nothing is changed anyway: there is no plan".to_owned())?
    }

    /// Turns the kill switch on, because what is known of the ports was in a store that is set
    /// aside.
    pub(crate) fn store_set_aside(&self, SetAside { file, reason }: &SetAside) {
        let reason = format!("store set aside: it is now {file}, because {reason}");
        // Nobody waits for the answer: whether it is on is seen in the status.
        let (answer, _) = channel::bounded(1);
        let _ = self.orders.try_send(Order { is_on: true, reason, by: None, answer });
    }

    /// The state of the plan; `None` once the task has ended.
    pub async fn status(&self, skip: usize, like: String) -> Option<Status> {
        let (answer, answered) = channel::bounded(1);
        self.send(Message::Status { skip, like, answer });
        answered.recv().await.ok()
    }
}

/// What the task needs of the configuration.
pub(crate) struct Settings {
    plan: input::Config,
    org_id: Option<String>,
    backend: BackendConfig,
    kill_switch: String,
}

impl Settings {
    /// The settings of a configuration, whose `[ports]` this is.
    pub(crate) fn new(
        config: &Config,
        ports: &Ports,
        login: Login,
        outbound: Outbound,
        budget: SharedBudget,
    ) -> Self {
        let (mist, method) = (config.mist.clone(), ports.method.clone());
        Self {
            plan: ports
                .plan(&config.chat.routes.ignored_sites, (clock::wall(), clock::is_synchronised())),
            org_id: config.mist.org_id.clone(),
            backend: BackendConfig { mist, method, login, outbound, budget },
            kill_switch: ports.kill_switch.clone(),
        }
    }
}

/// What the task works with.
#[derive(Clone)]
pub(crate) struct Tools {
    pub(crate) clock: Clock,
    pub(crate) journal: Arc<Journal>,
    pub(crate) executor: Arc<Executor<'static>>,
    pub(crate) store: Store,
    /// Gets what is reported to the chats.
    pub(crate) driver: crate::chat::driver::Handle,
    /// The file of the audit.
    pub(crate) audit: PathBuf,
}
