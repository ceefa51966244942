//! Our own reports about chat destinations, sent through those that still work.

use super::{Kind, kinds};

pub(super) const KINDS: &[Kind] = kinds! {
    DESTINATION_PARKED Critical "Chat destination stopped"
        "mistgate stopped sending to [{destination}|a destination][: {reason}].[ {waiting} there.]"
        raises DESTINATION "destination";
    DESTINATION_RESUMED Info "Chat destination resumed"
        "mistgate sends to [{destination}|a destination] again[: {reason}].[ {waiting} there.]"
        clears DESTINATION "destination";
};
