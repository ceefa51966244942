//! Our own reports about chat destinations, sent through those that still work, and about the store.

use super::{Kind, kinds};

pub(in crate::notify) const KINDS: &[Kind] = kinds! {
    DESTINATION_PARKED Critical "Chat destination stopped"
        "Sending to [{destination}|a destination] stopped[: {reason}].[ {waiting} there.]"
        raises DESTINATION_PARKED "destination";
    DESTINATION_RESUMED Info "Chat destination resumed"
        "Sending to [{destination}|a destination] works again[: {reason}].[ {waiting} there.]"
        clears DESTINATION_PARKED "destination";
    STORE_SET_ASIDE Critical "Store set aside"
        "The store was damaged and is set aside[ as {file}][: {reason}]. What waited in it is not \
         delivered. Switch ports are not changed until somebody lets that go on \
         (ports.kill_switch).";
};
