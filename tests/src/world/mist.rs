//! Mist: sends webhooks, and repeats each until it is answered with 200.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use mistgate_core::base::{machine::Machine, rand::Rand, time::Instant};

/// How long Mist waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// The pause after the first refusal. Each further one doubles it, up to `DOUBLED_MAX` times.
const PAUSE: Duration = Duration::from_secs(2);
const DOUBLED_MAX: u32 = 9;

/// Identifies a webhook. A repeated webhook keeps its id.
pub type WebhookId = u64;

/// What Mist is told.
#[derive(Clone, Debug)]
pub enum Input {
    /// The status of the answer, or 0 where mistgate did not run.
    Answered(WebhookId, u16),
    /// A webhook's body, to be sent.
    Event(Rc<[u8]>),
}

/// A request to mistgate with this body.
#[derive(Clone, Debug)]
pub struct Output {
    pub id: WebhookId,
    pub body: Rc<[u8]>,
}

/// The webhooks that are not yet answered with 200, and when each is sent again.
#[derive(Debug)]
pub struct Mist {
    rand: Rand,
    last: WebhookId,
    open: BTreeMap<WebhookId, Webhook>,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
struct Webhook {
    body: Rc<[u8]>,
    refusals: u32,
    again_at: Instant,
}

impl Machine for Mist {
    type Config = ();
    type Input = Input;
    type Output = Output;

    fn new((): (), seed: u64, _now: Instant) -> Self {
        Self { rand: Rand::new(seed), last: 0, open: BTreeMap::new(), outputs: VecDeque::new() }
    }

    fn handle_timeout(&mut self, now: Instant) {
        for (id, webhook) in self.open.iter_mut().filter(|(_, webhook)| webhook.again_at <= now) {
            webhook.again_at = now + PATIENCE;
            self.outputs.push_back(Output { id: *id, body: Rc::clone(&webhook.body) });
        }
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Answered(id, 200) => {
                self.open.remove(&id);
            }
            Input::Answered(id, _) => {
                if let Some(webhook) = self.open.get_mut(&id) {
                    let pause = PAUSE * (1 << webhook.refusals.min(DOUBLED_MAX));
                    webhook.refusals += 1;
                    webhook.again_at =
                        now + pause + Duration::from_micros(self.rand.up_to(999_999));
                }
            }
            Input::Event(body) => {
                self.last += 1;
                let latency = Duration::from_micros(1 + self.rand.up_to(200_000));
                let webhook = Webhook { body, refusals: 0, again_at: now + latency };
                self.open.insert(self.last, webhook);
            }
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.open.values().map(|webhook| webhook.again_at).min()
    }
}
